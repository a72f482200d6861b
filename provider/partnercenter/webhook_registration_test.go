package partnercenter_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
	"github.com/cosell-sync/terraform-provider-cosell/provider"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

func TestMain(m *testing.M) { tfcli.Main(m) }

const (
	address  = "cosell_webhook_registration.test"
	ours     = "https://agent.example.com/webhooks"
	foreign  = "https://other-tool.example.com/hook"
	twoOfOur = `events = ["referral-created", "referral-updated"]`
)

// world is a tenant, the provider that is configured for it, and another tool that uses its registration.
type world struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	env     map[string]string
	tool    *partnercenter.Client
	// loseAnswer drops the answer of the next write to the registration after the service has carried it out.
	loseAnswer atomic.Bool
	// written is the body of the last write to the registration.
	written atomic.Pointer[string]
	// published replaces the service's list of events.
	published atomic.Pointer[string]
}

func newWorld(t *testing.T, switches map[string]string) *world {
	t.Helper()
	tfcli.Path(t)
	s, err := sandbox.New(sandbox.Options{Dir: t.TempDir(), Switches: switches})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, sandbox: s, env: s.Env()}
	stack, err := wire.New(wire.Options{Transport: newTransport(), Clock: s.Kit().Clock.Now, NewID: uuid.NewString})
	if err != nil {
		t.Fatal(err)
	}
	w.tool, err = partnercenter.New(partnercenter.Config{
		Authority: w.env["COSELL_PARTNER_CENTER_AUTHORITY"], TenantID: w.env["COSELL_PARTNER_CENTER_TENANT_ID"],
		ClientID: w.env["COSELL_PARTNER_CENTER_CLIENT_ID"], ClientSecret: secret.New(w.env["COSELL_PARTNER_CENTER_CLIENT_SECRET"]),
		EventsEndpoint: w.env["COSELL_PARTNER_CENTER_EVENTS_ENDPOINT"],
	}, stack)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func newTransport() http.RoundTripper {
	return &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
}

// network is what lies between the provider and the world's services.
type network struct {
	base http.RoundTripper
	*world
}

func (n network) RoundTrip(request *http.Request) (*http.Response, error) {
	write := request.Method != http.MethodGet && strings.HasSuffix(request.URL.Path, "/registration")
	if write {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		text := string(body)
		n.written.Store(&text)
		request.Body = io.NopCloser(strings.NewReader(text))
	}
	response, err := n.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if list := n.published.Load(); list != nil && strings.HasSuffix(request.URL.Path, "/registration/events") {
		_ = response.Body.Close()
		response.Body, response.ContentLength = io.NopCloser(strings.NewReader(*list)), int64(len(*list))
	}
	if !write || !n.loseAnswer.CompareAndSwap(true, false) {
		return response, nil
	}
	_ = response.Body.Close()
	return nil, errors.New("connection lost")
}

func (w *world) run(steps ...resource.TestStep) {
	w.t.Helper()
	transport := network{newTransport(), w}
	for i := range steps {
		steps[i].ProtoV6ProviderFactories = map[string]func() (tfprotov6.ProviderServer, error){
			"cosell": providerserver.NewProtocol6WithError(provider.New("test", provider.Options{
				LookupEnv: func(name string) (string, bool) { value, ok := w.env[name]; return value, ok },
				Transport: transport,
			})()),
		}
	}
	resource.UnitTest(w.t, resource.TestCase{Steps: steps})
}

// register writes the registration as another tool does.
func (w *world) register(url string, events ...string) func() {
	return func() {
		w.t.Helper()
		if err := w.sandbox.PartnerCenter().Overwrite(url, events); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) expect(url string, events ...string) {
	w.t.Helper()
	live, found, err := w.tool.Registration(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	got := slices.Sorted(slices.Values(live.WebhookEvents))
	slices.Sort(events)
	if !found || live.WebhookURL != url || !slices.Equal(got, events) {
		w.t.Errorf("registered: %s %q (found %v)\nwant:       %s %q", live.WebhookURL, got, found, url, events)
	}
}

func config(attributes ...string) string {
	return fmt.Sprintf("resource \"cosell_webhook_registration\" \"test\" {\n  url = %q\n  %s\n}\n", ours, strings.Join(attributes, "\n  "))
}

var (
	unchanged = resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
	mended    = resource.ConfigPlanChecks{
		PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)},
		PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
	}
	four = []string{"referral-created", "referral-updated", "related-referral-created", "related-referral-updated"}
	all  = append([]string{"test-created"}, four...)
)

func TestWebhookLifecycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run(
		resource.TestStep{Config: config()},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: "current", ImportStateVerify: true},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: w.env["COSELL_PARTNER_CENTER_TENANT_ID"], ImportStateVerify: true},
		resource.TestStep{PreConfig: w.register(ours, "referral-created"), Config: config(), ConfigPlanChecks: mended},
		resource.TestStep{PreConfig: w.register(ours, four...), Config: config(), ConfigPlanChecks: mended},
		resource.TestStep{PreConfig: func() {
			_, err := w.tool.UpdateRegistration(t.Context(), partnercenter.Registration{WebhookURL: ours, WebhookEvents: all, SignatureTokenToMsSignatureHeader: true})
			if err != nil {
				t.Fatal(err)
			}
		}, Config: config(), ConfigPlanChecks: mended},
		resource.TestStep{Config: config(twoOfOur, "include_test_event = false", `signature_header = "x-ms-signature"`), ConfigPlanChecks: mended},
	)
	w.expect(ours)
}

// Every answer that the references leave open is tried, each where the service can give it: the resource behaves the same.
func TestWebhookWhateverTheServiceAnswers(t *testing.T) {
	for _, switches := range []map[string]string{
		{"partner_center.registration_exists_status": "400", "partner_center.registration_case": "pascal"},
		{"partner_center.registration_none_status": "400"},
		{"partner_center.empty_events": "refused"},
	} {
		t.Run(fmt.Sprint(switches), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, switches)
			w.run(
				resource.TestStep{Config: config()},
				resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: "current", ImportStateVerify: true},
				resource.TestStep{PreConfig: w.register(ours, "referral-created"),
					Config: config(twoOfOur, "include_test_event = false", `signature_header = "x-ms-signature"`), ConfigPlanChecks: mended},
			)
			if switches["partner_center.empty_events"] == "refused" {
				w.expect(ours, "referral-created", "referral-updated")
			} else {
				w.expect(ours)
			}
			// What destroy had to leave is no obstacle for the next one.
			w.run(resource.TestStep{Config: config()})
		})
	}
}

func TestWebhookOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	refused := regexp.MustCompile(`(?s)points\s+to\s+another\s+URL.*` + regexp.QuoteMeta(foreign) + `.*overwrite_existing.*import.*poll`)
	w.register(foreign, "invoice-ready", "test-created", "referral-created")()
	w.run(
		resource.TestStep{Config: config(), PlanOnly: true, ExpectError: refused}, // at plan, before anything is touched
		resource.TestStep{Config: config("overwrite_existing = true"), ConfigPlanChecks: resource.ConfigPlanChecks{
			PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate)}},
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, tfjsonpath.New("foreign_events"), knownvalue.SetExact([]knownvalue.Check{knownvalue.StringExact("invoice-ready")})),
			}},
		resource.TestStep{PreConfig: func() { w.expect(ours, append([]string{"invoice-ready"}, all...)...) }, Config: config(), ConfigPlanChecks: mended},
		resource.TestStep{PreConfig: w.register(foreign, all...), Config: config(), PlanOnly: true, ExpectError: refused},
		resource.TestStep{PreConfig: func() { w.expect(foreign, all...) }, Config: config(twoOfOur), PlanOnly: true, ExpectError: refused},
		resource.TestStep{Config: config("overwrite_existing = true"), ConfigPlanChecks: mended},
	)
	// test-created and referral-created were there before us, and stay; the rest of ours goes. The other tool had
	// meanwhile dropped invoice-ready itself.
	w.expect(ours, "referral-created", "referral-updated", "related-referral-created", "related-referral-updated", "test-created")
}

// between acts after the plan was made and before it is applied.
type between func()

// CheckPlan implements [plancheck.PlanCheck].
func (act between) CheckPlan(context.Context, plancheck.CheckPlanRequest, *plancheck.CheckPlanResponse) {
	act()
}

// What somebody registers after the plan was made is refused by apply, and what they register after the apply is left alone by
// destroy.
func TestWebhookTakenMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run(resource.TestStep{
		Config:           config(),
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{between(w.register(foreign, "invoice-ready", "referral-created"))}},
		ExpectError:      regexp.MustCompile(`(?s)points\s+to\s+` + regexp.QuoteMeta(foreign)),
	})
	w.expect(foreign, "invoice-ready", "referral-created")
	w.run(
		resource.TestStep{Config: config("overwrite_existing = true")},
		resource.TestStep{PreConfig: func() { w.expect(ours, append([]string{"invoice-ready"}, all...)...) }, Config: config("overwrite_existing = true"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{between(w.register(foreign, all...))}}},
	)
	w.expect(foreign, all...)
}

func TestWebhookEventsOfOthersStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.register(ours, "invoice-ready")() // somebody prepared the registration by hand
	w.run(
		resource.TestStep{Config: config(), PostApplyFunc: func() { w.expect(ours, append([]string{"invoice-ready"}, all...)...) }},
		resource.TestStep{PreConfig: w.register(ours, append([]string{"invoice-ready", "subscription-updated"}, all...)...), Config: config(), ConfigPlanChecks: unchanged},
		resource.TestStep{Config: config(twoOfOur), ConfigPlanChecks: mended},
		resource.TestStep{PreConfig: func() {
			w.expect(ours, "invoice-ready", "subscription-updated", "referral-created", "referral-updated", "test-created")
		}, Config: config("preserve_foreign_events = false"), ConfigPlanChecks: mended},
		resource.TestStep{PreConfig: func() { w.expect(ours, all...) },
			Config: config("preserve_foreign_events = false"), ConfigPlanChecks: unchanged},
		resource.TestStep{PreConfig: w.register(ours, append([]string{"invoice-ready"}, all...)...), Config: config("preserve_foreign_events = false"), ConfigPlanChecks: mended},
		resource.TestStep{PreConfig: w.register(ours, append([]string{"invoice-ready"}, all...)...), Config: config()},
	)
	w.expect(ours, "invoice-ready")
}

// The registration is written whole: what nobody declares, and nobody documents, is sent back as it came.
func TestWebhookPropertiesStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const properties = `{"alpha":1.25,"contact":"R\u0026D","list":[1,null]}` // as the service spells it
	tail := `,"SignatureTokenToMsSignatureHeader":false,"Properties":` + properties + `}`
	sent := func(events string) {
		t.Helper()
		if want := `{"WebhookUrl":"` + ours + `","WebhookEvents":[` + events + `]` + tail; *w.written.Load() != want {
			t.Errorf("sent\n%s, want\n%s", *w.written.Load(), want)
		}
	}
	w.register(foreign, "invoice-ready")()
	if _, err := w.tool.UpdateRegistration(t.Context(), partnercenter.Registration{
		WebhookURL: foreign, WebhookEvents: []string{"invoice-ready"}, Properties: json.RawMessage(properties),
	}); err != nil {
		t.Fatal(err)
	}
	w.run(
		resource.TestStep{Config: config(twoOfOur, "overwrite_existing = true"),
			PostApplyFunc: func() { sent(`"invoice-ready","referral-created","referral-updated","test-created"`) }},
		resource.TestStep{Config: config(twoOfOur, "preserve_foreign_events = false"), ConfigPlanChecks: mended,
			PostApplyFunc: func() { sent(`"referral-created","referral-updated","test-created"`) }},
	)
	sent("")
}

func TestWebhookRetained(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.run(resource.TestStep{Config: config(`on_destroy = "retain"`)})
	w.expect(ours, all...)
}

func TestWebhookBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	fails := func(text, message string) resource.TestStep {
		return resource.TestStep{Config: text, ExpectError: regexp.MustCompile(strings.ReplaceAll(message, " ", `\s+`))}
	}
	at := func(url string) string { return strings.Replace(config(), ours, url, 1) }
	w.run(
		fails(at("http://agent.example.com/"), "does not use https"),
		fails(at("agent.example.com"), "not an absolute address"),
		fails(at("https://user:word@agent.example.com/"), "user information"),
		fails(at("https://agent.example.com/#part"), "fragment"),
		fails(config(`events = []`), "at least 1"),
		fails(config(`events = ["two words"]`), "not an event name"),
		fails(config(`events = ["test-created"]`), "include_test_event"),
		fails(config(`on_destroy = "delete"`), "value must be one of"),
		// Unknown to the service: the plan warns, the apply fails.
		resource.TestStep{Config: config(`events = ["referral-imagined"]`), PlanOnly: true, ExpectNonEmptyPlan: true},
		fails(config(`events = ["referral-imagined"]`), "knows no event referral-imagined"),
		resource.TestStep{Config: at("http://127.0.0.1:8443/webhooks")}, // a warning: the sandbox can call it
	)
}

func TestWebhookAnswerLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	lose := func() { w.loseAnswer.Store(true) }
	w.run(
		resource.TestStep{PreConfig: lose, Config: config()},
		resource.TestStep{PreConfig: lose, Config: config(twoOfOur), ConfigPlanChecks: mended},
		resource.TestStep{PreConfig: lose, Config: `locals { nothing = 1 }`},
	)
	if w.loseAnswer.Load() {
		t.Error("an answer was not lost")
	}
	w.expect(ours)
}

func TestWebhookWithoutConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.env = map[string]string{}
	w.run(resource.TestStep{Config: config(), ExpectError: regexp.MustCompile(`COSELL_PARTNER_CENTER_TENANT_ID`)})
}

// An event that the service no longer publishes is an error at plan for a declaration that was applied before.
func TestWebhookEventWithdrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	publish := func(list string) func() { return func() { w.published.Store(&list) } }
	w.run(
		resource.TestStep{Config: config()},
		resource.TestStep{PreConfig: publish(`["referral-created","test-created"]`), Config: config(), PlanOnly: true,
			ExpectError: regexp.MustCompile(`unknown\s+to\s+Partner\s+Center`)},
		resource.TestStep{Config: config(`events = ["referral-created"]`)},
	)
}
