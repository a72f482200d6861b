package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/pipenet"
)

// TestInABubble runs the sandbox over in-memory connections in virtual time, as the simulator of the whole agent does: a
// webhook that is refused nine times arrives at the tenth attempt, nine virtual minutes later, and a referral that nobody answers
// expires after fourteen days.
func TestInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := pipenet.New()
		transport := &http.Transport{DialContext: network.DialContext}
		s, err := New(Options{
			Dir: t.TempDir(), Seed: 1, Listen: network.Listen, Transport: transport, RetryInterval: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		hooks, err := network.Listen("agent")
		if err != nil {
			t.Fatal(err)
		}
		var attempts []time.Time
		agent := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			attempts = append(attempts, time.Now())
			if len(attempts) < 10 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})}
		served := make(chan error, 1)
		go func() { served <- agent.Serve(hooks) }()

		client := &http.Client{Transport: transport}
		bearer := bubbleToken(t, client, s.Env())
		body := `{"webhookUrl":"http://` + hooks.Addr().String() + `/hooks","webhookEvents":["referral-created"]}`
		request, err := http.NewRequest(http.MethodPost, s.Env()["COSELL_PARTNER_CENTER_EVENTS_ENDPOINT"]+"/webhooks/v1/registration", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+bearer)
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil || response.StatusCode != 200 {
			t.Fatalf("register: %v, %v", response, err)
		}
		response.Body.Close()
		if _, err := s.Act(t.Context(), "send_referral", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute) // virtual
		synctest.Wait()
		if len(attempts) != 10 || attempts[9].Sub(attempts[0]) < 9*time.Minute {
			t.Errorf("attempts at %v", attempts)
		}
		events := len(s.Kit().Log.Since(0))
		time.Sleep(14 * 24 * time.Hour) // the referral expires, although nobody asks for it
		synctest.Wait()
		if after := s.Kit().Log.Since(int64(events)); len(after) != 1 || after[0].Action != "update" || after[0].Actor != "partner_center" {
			t.Errorf("fourteen days later the log says %+v", after)
		}
		if err := errors.Join(s.Close(), agent.Close()); err != nil {
			t.Error(err)
		}
		<-served
		transport.CloseIdleConnections()
	})
}

func bubbleToken(t *testing.T, client *http.Client, env map[string]string) string {
	t.Helper()
	response, err := client.PostForm(env["COSELL_PARTNER_CENTER_AUTHORITY"]+"/"+env["COSELL_PARTNER_CENTER_TENANT_ID"]+"/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {env["COSELL_PARTNER_CENTER_CLIENT_ID"]},
		"client_secret": {env["COSELL_PARTNER_CENTER_CLIENT_SECRET"]}, "resource": {"https://api.partnercenter.microsoft.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("token: %d, %v", response.StatusCode, err)
	}
	return answer.AccessToken
}
