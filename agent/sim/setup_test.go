package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

var (
	logLevel   = flag.String("log-level", "off", "what the agents log into the test's log: off, error, warn, info, debug")
	product    = flag.String("crm", "", "the CRM of the histories that are played: salesforce or dynamics365; empty: both, two histories in three the first")
	firstSeed  = flag.Uint64("seed", 1, "the first seed of the histories that are played")
	twice      = flag.Uint64("twice", 12, "how many histories are played twice, to see that a seed determines them")
	showReport = flag.Bool("report", false, "print what the histories covered")
	seeds      = flag.Uint64("seeds", 0, "how many histories are played; 0: as many as the test plays usually")
)

// numberOr is how many histories are to be played.
func numberOr(usual uint64) uint64 {
	if *seeds > 0 {
		return *seeds
	}
	return usual
}

// signingKey is the key of all integration users: keys are the slowest part of making a world.
var signingKey = sync.OnceValues(func() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
})

// signingAuthority signs the webhooks of all worlds. Bubbles begin with the year 2000.
var signingAuthority = sync.OnceValues(func() (*partnercenter.Authority, error) {
	return partnercenter.NewAuthority(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
})

func webhookAuthority(t *testing.T) *partnercenter.Authority {
	t.Helper()
	authority, err := signingAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

func organisationKeys(t *testing.T) string {
	t.Helper()
	key, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// provision makes in an organisation what Terraform would.
func (w *world) provision(o organisation) {
	w.t.Helper()
	o.crm.provision()
}

// catalogued is how many solutions an organisation's catalogue has: SOL-1-A, SOL-2-A, ….
const catalogued = 4

// document is what Terraform's connector would put out for an organisation: every flow but the leads', live, by poll.
func (w *world) document(o organisation, connector string) document.Document {
	w.t.Helper()
	product := o.crm.vocabulary().product
	names := document.DefaultFields(product)
	variables := map[string]string{}
	for _, v := range document.KnownVariables(product) {
		variables[v.Name] = v.Default[product]
	}
	d := document.Document{
		Version: document.Version, Connector: document.Connector{Name: connector, Environment: o.name, Revision: 1},
		PartnerCenter: document.PartnerCenter{
			TenantID: o.env["COSELL_PARTNER_CENTER_TENANT_ID"], PartnerID: o.env["COSELL_PARTNER_CENTER_PARTNER_ID"],
			Authority: o.env["COSELL_PARTNER_CENTER_AUTHORITY"], ReferralsEndpoint: o.env["COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT"],
			EventsEndpoint: o.env["COSELL_PARTNER_CENTER_EVENTS_ENDPOINT"], Intake: document.IntakePoll, Writes: document.WritesLive,
			Credentials: document.PartnerCenterCredentials{
				ClientID: o.env["COSELL_PARTNER_CENTER_CLIENT_ID"], ClientSecret: "env:COSELL_PARTNER_CENTER_CLIENT_SECRET",
				RefreshToken: "env:COSELL_PARTNER_CENTER_REFRESH_TOKEN",
			},
		},
		CRM:      document.CRM{Type: product, Objects: document.DefaultObjects(product), Fields: names, Marks: true},
		Mappings: document.DefaultMappings(product, names, variables), Help: document.DefaultHelp(),
		Sharing:  document.Sharing{Delay: "20s", DefaultCurrency: "USD", MarketplaceIntent: "HaveNotDecided"},
		Accounts: document.AccountMatch{Keys: []string{"name", "postal_code"}, None: "create", Many: "queue"},
		Schedule: document.Schedule{Poll: "10m", Sweep: "30m"},
	}
	o.crm.describe(&d)
	for _, f := range document.KnownFlows(product) {
		d.Flows = append(d.Flows, document.Flow{Name: f.Name, Enabled: f.Name != document.FlowLeadsToPartnerCenter})
	}
	return d
}

// receiving makes a document whose intake is the agent's webhook endpoint.
func (a *agent) receiving() {
	a.w.t.Helper()
	a.document.PartnerCenter.Intake = document.IntakeWebhook
	a.document.PartnerCenter.Webhook = &document.Webhook{URL: a.url(), SignatureHeader: "authorization"}
	a.w.register(a.env, a.url())
}
