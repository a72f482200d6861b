package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/pipenet"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/salesforce"
)

// world is a sandbox and the agents that work with it, in virtual time. Everything random in it comes from the seed, one stream
// for each actor, so that what one of them does changes nothing of what another draws.
type world struct {
	t         *testing.T
	seed      uint64
	network   *pipenet.Network
	sandbox   *sandbox.Sandbox
	transport *http.Transport // of webhooks and of the harness itself
	agents    []*agent
	tape      *tape     // what the agents send; nil records nothing
	logs      io.Writer // what the agents log at every level; nil: into the test's log, from the level of the flag on
}

// inWorld runs a test in a bubble of its own, in a world with the given sandbox. The options' network and directory are set
// here. Whatever still runs at the end is stopped.
func inWorld(t *testing.T, seed uint64, options sandbox.Options, run func(w *world)) {
	t.Helper()
	keys := organisationKeys(t) // outside the bubble, once: making them is slow
	options.Authority = webhookAuthority(t)
	var completed *sandbox.DataverseOptions
	if options.Dataverse != nil {
		completed = withEnvironment(t, *options.Dataverse)
	}
	synctest.Test(t, func(t *testing.T) {
		network := pipenet.New()
		w := &world{t: t, seed: seed, network: network, transport: &http.Transport{DialContext: network.DialContext}}
		options.Seed, options.Dir = seed, t.TempDir()
		options.Listen, options.Transport, options.RetryInterval = network.Listen, w.transport, time.Minute
		options.Salesforce = withKeys(options.Salesforce, keys)
		options.Dataverse = completed
		if options.Staging != nil {
			staging := withKeys(*options.Staging, keys)
			options.Staging = &staging
		}
		var err error
		if w.sandbox, err = sandbox.New(options); err != nil {
			t.Fatal(err)
		}
		if err := w.sandbox.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		defer w.end()
		run(w)
	})
}

func withKeys(options sandbox.SalesforceOptions, key string) sandbox.SalesforceOptions {
	options.Provider.PrivateKeyPEM, options.Agent.PrivateKeyPEM = key, key
	return options
}

func (w *world) end() {
	for _, a := range w.agents {
		a.close()
	}
	if err := w.sandbox.Close(); err != nil {
		w.t.Error(err)
	}
	w.transport.CloseIdleConnections()
}

// stream is the randomness of one actor.
func (w *world) stream(actor string) *rand.Rand {
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, actor)
	return rand.New(rand.NewPCG(w.seed, hash.Sum64()))
}

// now is the one time of the world: the sandbox's clock, which follows the bubble's.
func (w *world) now() time.Time { return w.sandbox.Kit().Clock.Now() }

// log gives a logger that writes into the test's log what matters when it fails.
func (w *world) log(name string) hclog.Logger {
	options := hclog.LoggerOptions{Name: name, Level: hclog.LevelFromString(*logLevel), Output: testLog{w.t}, DisableTime: true}
	if w.logs != nil {
		options.Level, options.Output = hclog.Trace, w.logs
	}
	return hclog.New(&options)
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(time.Now().UTC().Format("2006-01-02 15:04:05.000"), strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// act lets a person act and gives what came of it.
func (w *world) act(name string, parameters map[string]string) (map[string]any, error) {
	encoded, err := json.Marshal(parameters)
	if err != nil {
		return nil, err
	}
	result, err := w.sandbox.Act(context.Background(), name, encoded)
	if err != nil {
		return nil, err
	}
	if encoded, err = json.Marshal(result); err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(encoded, &out)
}

// must is act for what cannot be refused; it gives the id of what was touched.
func (w *world) must(name string, parameters map[string]string) string {
	w.t.Helper()
	result, err := w.act(name, parameters)
	if err != nil {
		w.t.Fatal(err)
	}
	return text(result["id"])
}

// until lets time pass until a condition holds, and fails when it does not within a day.
func (w *world) until(what string, holds func() []string) {
	w.t.Helper()
	for end := w.now().Add(24 * time.Hour); ; time.Sleep(time.Second) {
		missing := holds()
		if len(missing) == 0 {
			return
		}
		if w.now().After(end) {
			w.t.Fatalf("%s: after a day still missing %d:\n%s", what, len(missing), strings.Join(missing[:min(len(missing), 10)], "\n"))
		}
	}
}

// operations lists the operations since a mark that satisfy a condition.
func (w *world) operations(since int64, accept func(lab.Operation) bool) []lab.Operation {
	var found []lab.Operation
	for _, op := range w.sandbox.Kit().Log.Since(since) {
		if accept(op) {
			found = append(found, op)
		}
	}
	return found
}

// mark is the number of the last operation.
func (w *world) mark() int64 { return int64(len(w.sandbox.Kit().Log.Since(0))) }

// traced is everything that happened: two histories with one trace are the same, operation by operation and to the
// nanosecond. Ids of requests are left out: of two calls that begin in one instant either may draw first.
func (w *world) traced() []string {
	var all []string
	for _, op := range w.sandbox.Kit().Log.Since(0) {
		op.RequestID = ""
		all = append(all, fmt.Sprint(op))
	}
	return all
}

// difference tells where two tellings part, and what came before; empty: nowhere.
func difference(one, other []string) string {
	for i := range max(len(one), len(other)) {
		at := func(lines []string) string {
			return strings.Join(lines[max(0, min(i, len(lines))-4):min(i+4, len(lines))], "\n")
		}
		if i >= len(one) || i >= len(other) || one[i] != other[i] {
			return fmt.Sprintf("from line %d on\n%s\nand\n%s", i+1, at(one), at(other))
		}
	}
	return ""
}

// organisation is one CRM organisation of the world with the environment that points at it.
type organisation struct {
	name string // of the acts' parameter org
	crm  crmWorld
	org  *salesforce.Org // nil unless it is one of Salesforce
	env  map[string]string
}

func (w *world) production() organisation {
	return w.inSalesforce(organisation{name: "production", org: w.sandbox.Salesforce(), env: w.sandbox.Env()})
}

func (w *world) staging() organisation {
	return w.inSalesforce(organisation{name: "staging", org: w.sandbox.Staging(), env: w.sandbox.StagingEnv()})
}

func (w *world) inSalesforce(o organisation) organisation {
	o.crm = &salesforceWorld{w, o}
	return o
}

// register makes the tenant deliver its webhooks to an address, as the provider's resource does.
func (w *world) register(env map[string]string, address string) {
	w.t.Helper()
	body := fmt.Sprintf(`{"WebhookUrl":%q,"WebhookEvents":["referral-created","referral-updated","related-referral-created","related-referral-updated"]}`, address)
	request, err := http.NewRequest(http.MethodPost, env["COSELL_PARTNER_CENTER_EVENTS_ENDPOINT"]+"/webhooks/v1/registration", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+w.token(env))
	request.Header.Set("Content-Type", "application/json")
	w.send(request, nil)
}

func (w *world) token(env map[string]string) string {
	w.t.Helper()
	form := "grant_type=client_credentials&resource=https://api.partnercenter.microsoft.com&client_id=" + env["COSELL_PARTNER_CENTER_CLIENT_ID"] +
		"&client_secret=" + env["COSELL_PARTNER_CENTER_CLIENT_SECRET"]
	request, err := http.NewRequest(http.MethodPost, env["COSELL_PARTNER_CENTER_AUTHORITY"]+"/"+env["COSELL_PARTNER_CENTER_TENANT_ID"]+"/oauth2/token",
		strings.NewReader(form))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	w.send(request, &answer)
	return answer.AccessToken
}

func (w *world) send(request *http.Request, into any) {
	w.t.Helper()
	response, err := (&http.Client{Transport: w.transport}).Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		w.t.Fatalf("%s %s: %d %s, %v", request.Method, request.URL.Path, response.StatusCode, body, err)
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			w.t.Fatal(err)
		}
	}
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
