package referral_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// list answers with referrals of one minute each, newest first, and counts how often it is read.
type list struct {
	mu    sync.Mutex
	reads int
}

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func (l *list) RoundTrip(request *http.Request) (*http.Response, error) {
	body := `{"access_token":"t","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}`
	if strings.Contains(request.URL.Path, "referrals") {
		l.mu.Lock()
		l.reads++
		l.mu.Unlock()
		time.Sleep(time.Second)
		rows := make([]string, 10)
		for i := range rows {
			rows[i] = fmt.Sprintf(`{"id":"r%d","createdDateTime":%q}`, i, noon.Add(-time.Duration(i)*time.Minute).Format(time.RFC3339))
		}
		body = `{"value":[` + strings.Join(rows, ",") + `]}`
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: request,
	}, nil
}

// After a kill in a burst very many deals ask what became of their creates. They share two readings, and each is answered for its own
// time.
func TestDealsShareReadingsOfWhatWasCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const deals = 100
		remote := &list{}
		stack, err := wire.New(wire.Options{Transport: remote, Clock: time.Now, Timeout: time.Minute, NewID: func() string { return "id" }})
		if err != nil {
			t.Fatal(err)
		}
		center, err := partnercenter.New(partnercenter.Config{
			Authority: "https://login.example.com", TenantID: "1f2ea96a-0000-4000-8000-000000000001", ClientID: "1f2ea96a-0000-4000-8000-000000000002",
			ClientSecret: secret.New("x"), ReferralsEndpoint: "https://api.example.com/v1.0/engagements/referrals", EventsEndpoint: "https://api.example.com",
			RefreshToken: func(context.Context) (secret.Secret, error) { return secret.New("r"), nil }, OnRotate: func(context.Context, secret.Secret) error { return nil },
		}, stack)
		if err != nil {
			t.Fatal(err)
		}
		client := referral.NewClient(center, nil)
		var group sync.WaitGroup
		for deal := range deals {
			group.Go(func() {
				minutes := deal % 10
				found, err := client.CreatedSince(t.Context(), noon.Add(-time.Duration(minutes)*time.Minute))
				if err != nil || len(found) != minutes+1 {
					t.Errorf("%d referrals in %d minutes, %v", len(found), minutes, err)
				}
			})
		}
		group.Wait()
		if remote.reads != 2 {
			t.Errorf("%d deals took %d readings of the list", deals, remote.reads)
		}
	})
}
