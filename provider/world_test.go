package provider_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
	"github.com/cosell-sync/terraform-provider-cosell/provider"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

func TestMain(m *testing.M) { tfcli.Main(m) }

// world is a sandbox, the provider's settings for it, and somebody else who works in the same systems.
type world struct {
	sandbox *sandbox.Sandbox
	env     map[string]string
	other   *remote.Remote
	losses  *losses
	patient bool                  // whether the provider's pauses last: where a program works at its own pace
	pause   func(context.Context) // what a pause that does not last waits for; nothing if it is nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, nil)
}

// newWorldWith makes a world in which the sandbox's switches stand as given.
func newWorldWith(t testing.TB, switches map[string]string) *world {
	t.Helper()
	tfcli.Path(t)
	s, err := sandbox.New(sandbox.Options{Dir: t.TempDir(), Switches: switches, Dataverse: &sandbox.DataverseOptions{KeyIndexTime: -1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{sandbox: s, env: s.Env(), losses: &losses{next: wire.NewTransport(nil)}}
	maps.Copy(w.env, s.DataverseEnv())
	w.other = w.remote(w.env)
	return w
}

// remote makes a provider's view of the systems from an environment.
func (w *world) remote(env map[string]string) *remote.Remote {
	return remote.New(remote.Config{
		PartnerCenter: &remote.PartnerCenterConfig{
			TenantID: env["COSELL_PARTNER_CENTER_TENANT_ID"], ClientID: env["COSELL_PARTNER_CENTER_CLIENT_ID"],
			ClientSecret: secret.New(env["COSELL_PARTNER_CENTER_CLIENT_SECRET"]), RefreshToken: secret.New(env["COSELL_PARTNER_CENTER_REFRESH_TOKEN"]),
			Authority: env["COSELL_PARTNER_CENTER_AUTHORITY"], ReferralsEndpoint: env["COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT"],
			EventsEndpoint: env["COSELL_PARTNER_CENTER_EVENTS_ENDPOINT"],
		},
		Salesforce: &remote.SalesforceConfig{
			LoginURL: env["COSELL_SALESFORCE_LOGIN_URL"], ClientID: env["COSELL_SALESFORCE_CLIENT_ID"], Username: env["COSELL_SALESFORCE_USERNAME"],
			PrivateKeyPath: env["COSELL_SALESFORCE_PRIVATE_KEY_FILE"], PrivateKey: secret.New(env["COSELL_SALESFORCE_PRIVATE_KEY"]),
			ClientSecret: secret.New(env["COSELL_SALESFORCE_CLIENT_SECRET"]), OrgID: env["COSELL_SALESFORCE_ORG_ID"],
		},
		Dataverse: &remote.DataverseConfig{
			EnvironmentURL: env["COSELL_DATAVERSE_URL"], Authority: env["COSELL_DATAVERSE_AUTHORITY"], TenantID: env["COSELL_DATAVERSE_TENANT_ID"],
			ClientID: env["COSELL_DATAVERSE_CLIENT_ID"], ClientSecret: secret.New(env["COSELL_DATAVERSE_CLIENT_SECRET"]),
			CertificatePath: env["COSELL_DATAVERSE_CERTIFICATE_FILE"], OrganizationID: env["COSELL_DATAVERSE_ORGANIZATION_ID"],
		},
	})
}

// salesforce is the organisation as another administrator uses it.
func (w *world) salesforce(t *testing.T) *salesforce.Client {
	t.Helper()
	client, err := w.other.Salesforce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// dataverse is the environment as another administrator uses it.
func (w *world) dataverse(t *testing.T) *dataverse.Client {
	t.Helper()
	client, err := w.other.Dataverse(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// partnerCenter is the tenant as another application uses it.
func (w *world) partnerCenter(t *testing.T) *partnercenter.Client {
	t.Helper()
	client, err := w.other.PartnerCenter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// providers gives factories of a provider that is configured by this world's environment alone.
func (w *world) providers() map[string]func() (tfprotov6.ProviderServer, error) {
	return w.providersWith(nil)
}

// providersWith changes the environment that the provider sees; an empty value removes a variable.
func (w *world) providersWith(changes map[string]string) map[string]func() (tfprotov6.ProviderServer, error) {
	return w.providersThat(nil, changes)
}

// gathering are providers whose shared calls leave when so many resources wait.
func (w *world) gathering(resources int) map[string]func() (tfprotov6.ProviderServer, error) {
	return w.providersThat(func(ctx context.Context, waiting func() int) {
		for ctx.Err() == nil && waiting() < resources {
			runtime.Gosched()
		}
	}, nil)
}

func (w *world) providersThat(gather func(context.Context, func() int), changes map[string]string) map[string]func() (tfprotov6.ProviderServer, error) {
	env := maps.Clone(w.env)
	maps.Copy(env, changes)
	options := provider.Options{
		Transport: w.losses,
		Gather:    gather,
		LookupEnv: func(name string) (string, bool) {
			value := env[name]
			return value, value != ""
		},
	}
	if !w.patient {
		options.Wait = func(ctx context.Context, _ time.Duration) error {
			if w.pause != nil {
				w.pause(ctx)
			}
			return ctx.Err()
		}
	}
	return map[string]func() (tfprotov6.ProviderServer, error){
		provider.TypeName: func() (tfprotov6.ProviderServer, error) {
			return providerserver.NewProtocol6(provider.New("test", options)())(), nil
		},
	}
}

// delivered waits until the sandbox has tried to deliver a webhook, and knows how it was answered.
func (w *world) delivered(ctx context.Context) {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !slices.ContainsFunc(w.sandbox.Kit().Log.Since(0), func(o lab.Operation) bool { return o.Action == "webhook" }) {
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// losses is a transport that loses the answer of one request: the service has done what it was asked, the provider does
// not learn it.
type losses struct {
	next http.RoundTripper

	mu    sync.Mutex
	match func(request *http.Request, body string) bool
	lost  int
}

var errAnswerLost = errors.New("connection reset by the test")

// lose arms the transport for the next request that matches.
func (l *losses) lose(match func(*http.Request, string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.match = match
}

func (l *losses) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// RoundTrip implements [http.RoundTripper].
func (l *losses) RoundTrip(request *http.Request) (*http.Response, error) {
	armed, err := l.take(request)
	if err != nil {
		return nil, err
	}
	response, err := l.next.RoundTrip(request)
	if err != nil || !armed {
		return response, err
	}
	return nil, errors.Join(errAnswerLost, response.Body.Close())
}

// take tells whether this is the request whose answer is lost.
func (l *losses) take(request *http.Request) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.match == nil || request.Body == nil {
		return false, nil
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return false, err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	if !l.match(request, string(body)) {
		return false, nil
	}
	l.match = nil
	l.lost++
	return true, nil
}
