package provider_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cosell-sync/terraform-provider-cosell/internal/admin"
	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
)

// desk answers as an agent's admin API does. What the real agent does is shown by the end-to-end tests.
type desk struct {
	*httptest.Server

	mu     sync.Mutex
	status admin.Status
	asked  []string // method, path, and the body of what changes something
	next   func(asked string, status *admin.Status)
}

const deskToken = "the token of the test's agent"

func newDesk(t *testing.T, connectors ...string) *desk {
	t.Helper()
	d := &desk{status: admin.Status{Connector: "contoso", Running: true, Connected: true, SHA256: "abc", Revision: 7, Problems: []admin.Cause{}}}
	reply := func(w http.ResponseWriter, status int, body any) {
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Error(err)
		}
	}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer "+deskToken {
			reply(w, http.StatusUnauthorized, map[string]string{"error": "the admin token is missing or wrong"})
			return
		}
		if r.URL.Path == admin.Path {
			reply(w, http.StatusOK, map[string]any{"connectors": connectors})
			return
		}
		asked := r.Method + " " + strings.TrimPrefix(r.URL.Path, admin.Path)
		if r.Method == http.MethodPost {
			var body admin.Request
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Header.Get(admin.RequestHeader) == "" {
				reply(w, http.StatusBadRequest, map[string]string{"error": "malformed"})
				return
			}
			encoded, _ := json.Marshal(body)
			asked += " " + string(encoded)
		}
		d.asked = append(d.asked, asked)
		if d.next != nil {
			d.next(asked, &d.status)
		}
		if strings.HasSuffix(r.URL.Path, "/"+admin.ActReplay) {
			reply(w, http.StatusOK, admin.Replayed{Deals: 3, DryRun: strings.Contains(asked, "dry_run")})
			return
		}
		reply(w, http.StatusOK, d.status)
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *desk) env() map[string]string {
	return map[string]string{"COSELL_AGENT_ADDRESS": d.URL, "COSELL_AGENT_TOKEN": deskToken}
}

// TestAgentStatus tells the hash of the document in force and why deals wait, and explains what is wrong with the address, the
// token and the connector's name.
func TestAgentStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, "contoso")
	d.status.Counts.Parked = 2
	d.status.Paused = &admin.Pause{By: "somebody", Reason: "maintenance"}
	d.status.Problems = []admin.Cause{{State: "parked", Code: "CS101", Deals: 2, Cause: "no solution", Fix: "add one"}}
	d.status.Feeds = []admin.Feed{{Name: "crm_changes", Behind: true}}
	got, problems := w.protocol(t, d.env()).read("cosell_agent_status", nil)
	if problems != "" || part(t, got, "agent_config_sha256") != "abc" || part(t, got, "revision") != 7.0 || part(t, got, "connector") != "contoso" ||
		part(t, got, "paused") != true || part(t, got, "pause_reason") != "maintenance" || part(t, got, "deals", "parked") != 2.0 ||
		part(t, got, "problems", 0, "fix") != "add one" || part(t, got, "feeds", 0, "behind") != true {
		t.Errorf("got %v %s", got, problems)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(deskToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fromFile := map[string]string{"COSELL_AGENT_ADDRESS": d.URL, "COSELL_AGENT_TOKEN_FILE": token}
	if _, problems := w.protocol(t, fromFile).read("cosell_agent_status", map[string]tftypes.Value{"connector": textValue("contoso")}); problems != "" {
		t.Errorf("with the token in a file: %s", problems)
	}
	several := newDesk(t, "contoso", "fabrikam")
	nobody := newDesk(t)
	nobody.Close()
	for name, test := range map[string]struct {
		env  map[string]string
		says string
	}{
		"no address": {nil, "COSELL_AGENT_ADDRESS"},
		"nobody":     {nobody.env(), "listens on the admin address"},
		"no token":   {map[string]string{"COSELL_AGENT_ADDRESS": d.URL}, "Give the token that the agent was started with"},
		"several":    {several.env(), "the agent runs 2 (contoso, fabrikam), so set connector to one of them"},
	} {
		if _, problems := w.protocol(t, test.env).read("cosell_agent_status", nil); !strings.Contains(problems, test.says) {
			t.Errorf("%s: %s", name, problems)
		}
	}
}

// TestAgentActions does by the admin API what the commands of the same names do.
func TestAgentActions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]struct {
		action string
		config map[string]tftypes.Value
		next   func(asked string, status *admin.Status)
		asked  []string
		says   string // the last progress
		fails  string
	}{
		"pause": {
			action: "cosell_agent_pause", config: map[string]tftypes.Value{"reason": textValue("maintenance")},
			asked: []string{`POST /contoso/pause {"by":"terraform","reason":"maintenance"}`}, says: "contoso rests",
		},
		"resume": {
			action: "cosell_agent_pause", config: map[string]tftypes.Value{"paused": tftypes.NewValue(tftypes.Bool, false)},
			asked: []string{`POST /contoso/resume {"by":"terraform"}`}, says: "contoso goes on",
		},
		"replay": {
			action: "cosell_agent_replay",
			config: map[string]tftypes.Value{"codes": tftypes.NewValue(tftypes.List{ElementType: tftypes.String}, []tftypes.Value{textValue("CS101")})},
			asked:  []string{`POST /contoso/replay {"by":"terraform","codes":["CS101"]}`}, says: "3 parked deals are due again",
		},
		"replay for show": {
			action: "cosell_agent_replay", config: map[string]tftypes.Value{"dry_run": tftypes.NewValue(tftypes.Bool, true)},
			asked: []string{`POST /contoso/replay {"by":"terraform","dry_run":true}`}, says: "3 parked deals would be tried again",
		},
		"reload until the document is there": {
			action: "cosell_agent_reload", config: map[string]tftypes.Value{"sha256": textValue("def")},
			next: func(_ string, s *admin.Status) {
				if s.Revision++; s.Revision == 9 {
					s.SHA256 = "def"
				}
			},
			asked: []string{`POST /contoso/reload {"by":"terraform"}`, `POST /contoso/reload {"by":"terraform"}`}, says: "revision 9 is in force, sha256 def",
		},
		"reload of another document": {
			action: "cosell_agent_reload", config: map[string]tftypes.Value{"sha256": textValue("never")}, says: "still revision 7, sha256 abc",
			fails: "works with the document of sha256 abc (revision 7), not with never",
		},
		"backfill to its end": {
			action: "cosell_agent_backfill",
			next: func(asked string, s *admin.Status) {
				s.Backfill = &admin.Backfill{Position: admin.Position{Referrals: 100}}
				if strings.HasPrefix(asked, "GET") {
					s.Backfill = &admin.Backfill{Position: admin.Position{Referrals: 120, Records: 8}, Ended: "2026-11-20T12:00:00Z"}
				}
			},
			asked: []string{`POST /contoso/backfill {"by":"terraform"}`, `GET /contoso`}, says: "120 referrals and 8 opportunities looked at",
		},
		"backfill without waiting": {
			action: "cosell_agent_backfill", config: map[string]tftypes.Value{"wait": tftypes.NewValue(tftypes.Bool, false)},
			asked: []string{`POST /contoso/backfill {"by":"terraform"}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "contoso")
			d.next = test.next
			progress, problems := w.protocol(t, d.env()).invoke(test.action, test.config)
			if test.fails == "" && problems != "" || !strings.Contains(problems, test.fails) {
				t.Errorf("it says %q", problems)
			}
			if test.asked != nil && !slices.Equal(d.asked, test.asked) {
				t.Errorf("asked\n%q, want\n%q", d.asked, test.asked)
			}
			if last := append([]string{""}, progress...); last[len(last)-1] != test.says {
				t.Errorf("its last progress of %d is %q, want %q", len(progress), last[len(last)-1], test.says)
			}
		})
	}
}

// TestWebhookTestAction sends a validation event to an endpoint that accepts it, to one that does not, and where none is
// registered.
func TestWebhookTestAction(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer int
		events []string
		says   string // progress
		fails  string
	}{
		"accepted":       {http.StatusOK, []string{"referral-created", partnercenter.EventTestCreated}, "attempt 1", ""},
		"refused":        {http.StatusUnauthorized, []string{"referral-created", partnercenter.EventTestCreated}, "attempt 1", "was not accepted within 2m0s"},
		"not registered": {http.StatusOK, []string{"referral-created"}, "", "Webhook did not pass the test"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(test.answer) }))
			t.Cleanup(agent.Close)
			if _, err := w.partnerCenter(t).CreateRegistration(t.Context(), partnercenter.Registration{WebhookURL: agent.URL, WebhookEvents: test.events}); err != nil {
				t.Fatal(err)
			}
			if slices.Contains(test.events, partnercenter.EventTestCreated) {
				w.pause = w.delivered
			}
			progress, problems := w.protocol(t, nil).invoke("cosell_webhook_test", nil)
			if !strings.Contains(strings.Join(progress, "\n"), test.says) || test.fails == "" && problems != "" || !strings.Contains(problems, test.fails) {
				t.Errorf("progress %q, problems %q", progress, problems)
			}
		})
	}
}
