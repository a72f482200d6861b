package salesforce_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
	"github.com/cosell-sync/terraform-provider-cosell/provider"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

func TestMain(m *testing.M) { tfcli.Main(m) }

// world is an organisation, the provider that is configured for it, and an administrator who works beside Terraform.
type world struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	env     map[string]string
	admin   *salesforce.Client
	filter  *filter
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
	w := &world{t: t, sandbox: s, env: s.Env(), filter: &filter{base: newTransport()}}
	stack, err := wire.New(wire.Options{Transport: newTransport(), Clock: s.Kit().Clock.Now, NewID: uuid.NewString})
	if err != nil {
		t.Fatal(err)
	}
	w.admin, err = salesforce.New(salesforce.Config{
		LoginURL: w.env["COSELL_SALESFORCE_LOGIN_URL"], ClientID: w.env["COSELL_SALESFORCE_CLIENT_ID"],
		ClientSecret: secret.New(w.env["COSELL_SALESFORCE_CLIENT_SECRET"]),
	}, stack)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func newTransport() http.RoundTripper {
	return &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
}

// run applies steps with the provider.
func (w *world) run(steps ...resource.TestStep) {
	w.t.Helper()
	for i := range steps {
		steps[i].ProtoV6ProviderFactories = map[string]func() (tfprotov6.ProviderServer, error){
			"cosell": providerserver.NewProtocol6WithError(provider.New("test", provider.Options{
				LookupEnv: func(name string) (string, bool) { value, ok := w.env[name]; return value, ok },
				Transport: w.filter,
			})()),
		}
	}
	resource.UnitTest(w.t, resource.TestCase{Steps: steps})
}

// component reads metadata as the administrator sees it; ok is false when there is none.
func (w *world) component(kind, name string) (metadata.Component, bool) {
	w.t.Helper()
	found, err := w.admin.ReadMetadata(w.t.Context(), kind, name)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(found) == 0 {
		return metadata.Component{}, false
	}
	return found[0], true
}

// edit changes elements of a component, as an administrator does in Setup.
func (w *world) edit(kind, name string, change func(*metadata.Node)) func() {
	return func() {
		w.t.Helper()
		component, ok := w.component(kind, name)
		if !ok {
			w.t.Fatalf("%s %s does not exist", kind, name)
		}
		change(component.Node)
		w.settle(w.admin.UpdateMetadata(w.t.Context(), component))
	}
}

// remove deletes a component beside Terraform.
func (w *world) remove(kind, name string) func() {
	return func() { w.t.Helper(); w.settle(w.admin.DeleteMetadata(w.t.Context(), kind, name)) }
}

// make creates a component beside Terraform.
func (w *world) make(component metadata.Component) {
	w.t.Helper()
	w.settle(w.admin.CreateMetadata(w.t.Context(), component))
}

func (w *world) settle(results []salesforce.MetadataResult, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, result := range results {
		if result.Err() != nil {
			w.t.Fatal(result.Err())
		}
	}
}

// count gives the number of rows of a query.
func (w *world) count(soql string) int {
	w.t.Helper()
	rows, err := salesforce.Query[struct{}](w.t.Context(), w.admin.Data(), soql)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(rows)
}
