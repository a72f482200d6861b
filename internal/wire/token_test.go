package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func issue(text string, extra map[string]any) *oauth2.Token {
	return (&oauth2.Token{AccessToken: text}).WithExtra(extra)
}

func TestTokensRenewBeforeExpiry(t *testing.T) {
	for name, expires := range map[string]any{"number": float64(3600), "text": "3600"} {
		t.Run(name, func(t *testing.T) {
			now, count := time.Unix(1000, 0), 0
			tokens := NewTokens(func() time.Time { return now }, func(context.Context) (*oauth2.Token, error) {
				count++
				return issue(fmt.Sprint("t", count), map[string]any{"expires_in": expires}), nil
			})
			for _, step := range []struct {
				after time.Duration
				want  string
			}{{0, "t1"}, {54 * time.Minute, "t1"}, {time.Minute, "t2"}, {time.Minute, "t2"}} {
				now = now.Add(step.after)
				token, err := tokens.Token(t.Context())
				if err != nil || token.AccessToken != step.want {
					t.Fatalf("after %s: %v %v", step.after, token, err)
				}
			}
		})
	}
}

func TestTokensWithoutExpiryLiveUntilRefused(t *testing.T) {
	now, count := time.Unix(1000, 0), 0
	tokens := NewTokens(func() time.Time { return now }, func(context.Context) (*oauth2.Token, error) {
		count++
		return issue(fmt.Sprint("t", count), map[string]any{"expires_in": "soon"}), nil
	})
	first, _ := tokens.Token(t.Context())
	now = now.Add(1000 * time.Hour)
	if again, _ := tokens.Token(t.Context()); again != first {
		t.Fatal("token without expiry was dropped")
	}
	second, _ := tokens.Renew(t.Context(), first)
	if second.AccessToken != "t2" {
		t.Fatal(second.AccessToken)
	}
	if late, _ := tokens.Renew(t.Context(), first); late != second || count != 2 {
		t.Fatalf("a late refusal of the old token fetched again (%d fetches)", count)
	}
}

func TestTokensFetchOnceForManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var count atomic.Int64
		tokens := NewTokens(time.Now, func(context.Context) (*oauth2.Token, error) {
			count.Add(1)
			<-release
			return issue("t", nil), nil
		})
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if token, err := tokens.Token(t.Context()); err != nil || token.AccessToken != "t" {
					t.Error(token, err)
				}
			})
		}
		synctest.Wait()
		close(release)
		group.Wait()
		if count.Load() != 1 {
			t.Errorf("%d fetches", count.Load())
		}
	})
}

func TestFetchOutlivesTheCallerThatStartedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		tokens := NewTokens(time.Now, func(ctx context.Context) (*oauth2.Token, error) {
			<-release
			return issue("t", nil), ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		cancelled := make(chan error)
		go func() {
			_, err := tokens.Token(ctx)
			cancelled <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-cancelled; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		close(release)
		if token, err := tokens.Token(t.Context()); err != nil || token.AccessToken != "t" {
			t.Error(token, err)
		}
	})
}

func TestFetchToken(t *testing.T) {
	var form url.Values
	reply := func(w http.ResponseWriter) {}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		form = r.PostForm
		reply(w)
	}))
	defer server.Close()
	c := newClient(t, realTransport(t))
	fetch := func() (*oauth2.Token, error) {
		return c.FetchToken(t.Context(), clientcredentials.Config{
			ClientID: "app", ClientSecret: "client-secret", TokenURL: server.URL + "/token",
			EndpointParams: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"refresh-secret"}},
		})
	}
	respond := func(status int, contentType, body string) {
		reply = func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}

	respond(200, "application/json", `{"access_token":"a","token_type":"Bearer","expires_in":"3599","refresh_token":"rotated"}`)
	token, err := fetch()
	if err != nil || token.AccessToken != "a" || token.RefreshToken != "rotated" || lifetime(token) != 3599*time.Second {
		t.Errorf("%v %v", token, err)
	}
	if want := "client_id=app&client_secret=client-secret&grant_type=refresh_token&refresh_token=refresh-secret"; form.Encode() != want {
		t.Errorf("form %s", form.Encode())
	}

	for _, test := range []struct {
		status            int
		contentType, body string
		code              string
		rejected          bool
	}{
		{400, "application/json", `{"error":"invalid_grant","error_description":"expired access/refresh token"}`, "invalid_grant", true},
		{503, "text/html", "<html>busy secret</html>", "no_error_code", false},
		{429, "application/json", "{}", "no_error_code", false},
		{200, "application/json", `{"token":"secret"}`, "unreadable_answer", false},
		{200, "application/json", `not json: secret`, "unreadable_answer", false},
		{307, "text/plain", "", "no_error_code", false},
	} {
		respond(test.status, test.contentType, test.body)
		_, err := fetch()
		var refused *TokenError
		if !errors.As(err, &refused) || refused.Code != test.code || refused.Status != test.status || refused.Rejected() != test.rejected {
			t.Errorf("%d %s: %#v", test.status, test.body, err)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("error shows a secret: %v", err)
		}
		if test.status == 429 && refused.RetryAfter != 9*time.Second {
			t.Errorf("retry after %s", refused.RetryAfter)
		}
	}

	reply = func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	if _, err := fetch(); err == nil || IsAmbiguous(err) {
		t.Errorf("a lost token makes a write ambiguous: %v", err)
	}

	server.Close()
	if _, err := fetch(); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	} else {
		var failure *TransportError
		if !errors.As(err, &failure) {
			t.Errorf("not a transport error: %T", err)
		}
	}
}

func TestSessionRenewsOnceAndRebuilds(t *testing.T) {
	count := 0
	tokens := NewTokens(time.Now, func(context.Context) (*oauth2.Token, error) {
		count++
		return issue(fmt.Sprint("t", count), nil), nil
	})
	var bodies []string
	expired := 1
	c := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		body, _ := readBody(r)
		bodies = append(bodies, string(body))
		if expired > 0 {
			expired--
			return answer(401, ""), nil
		}
		return answer(200, ""), nil
	}))
	session := Session{Client: c, Tokens: tokens, Expired: func(r Response) bool { return r.Status == 401 }}
	send := func() (Response, error) {
		return session.Do(t.Context(), func(token *oauth2.Token) (Request, error) {
			return Request{Method: "POST", URL: "https://example.com/", Body: []byte("session " + token.AccessToken)}, nil
		})
	}
	response, err := send()
	if err != nil || response.Status != 200 || strings.Join(bodies, ",") != "session t1,session t2" {
		t.Errorf("%v %v %q", response.Status, err, bodies)
	}
	expired, bodies = 9, nil
	if response, err = send(); err != nil || response.Status != 401 || len(bodies) != 2 {
		t.Errorf("%v %v %q", response.Status, err, bodies)
	}
}
