package sim

import (
	"math/rand/v2"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
)

// crmWorld is the CRM of a world as its people, its administrator and the oracles see it. Nobody beyond it knows what a CRM calls things.
type crmWorld interface {
	vocabulary() vocabulary
	// agent is the agent's user in the operation log.
	agent() string
	// provision makes in the organisation what Terraform would: tables, fields, a catalogue of solutions, and the agent's permissions.
	provision()
	// describe completes a document with the organisation and how the agent signs in to it.
	describe(d *document.Document)
	// act lets a person act, by the names and parameters of crmActs, and gives the ids of what was touched.
	act(name string, parameters map[string]string) (map[string]any, error)

	opportunities() []opportunity
	opportunity(id string) (opportunity, bool)
	sold() map[string][]string             // identifiers of solutions, typed or chosen, by opportunity
	solutions(opportunity string) []string // ids of its rows of solutions
	contacts(opportunity string) []string  // ids of the places of its contacts
	accounts() []string                    // names with postal codes
	state() string                         // everything that deals consist of

	// suffers lets something happen that only this CRM knows, and gives what ends it; empty: there is no such thing.
	suffers(random *rand.Rand) (what string, mend func())

	// writes lists what a request of the agent's writes in opportunities; false: the request is not to this CRM.
	writes(c *call) ([]written, bool)
	// readsFeed reports whether a request asks what changed.
	readsFeed(c *call) bool
}

// crmActs are what people do in a CRM. Their parameters are those of Salesforce's acts, but for the fields that are the connector's:
// sync, visible, help, referral_id and audit.
var crmActs = map[string]bool{
	"create_opportunity": true, "edit_opportunity": true, "delete_opportunity": true, "add_solution": true, "remove_solution": true,
	"add_contact": true, "edit_contact": true, "remove_contact": true,
}

// vocabulary is what a CRM calls things.
type vocabulary struct {
	product                   string   // one of document.CRM.Type
	service                   string   // in the operation log and in fault plans
	opportunity, account      string   // objects in the operation log
	onHold, active, won, lost string   // stages
	others                    []string // further open stages
	seals                     bool     // of a closed opportunity nothing can be changed
}

// opportunity is what a person sees of an opportunity.
type opportunity struct {
	id, name, stage, amount, description, closeDate string
	referralID, key, help, status, audit            string
	sync, visible                                   bool
	outcome                                         string // of a closed one: won or lost
}

// How a closed opportunity ended.
const (
	won  = "won"
	lost = "lost"
)

func (o opportunity) closed() bool { return o.outcome != "" }

// written is what one part of a request writes in an opportunity.
type written struct {
	id      string // empty: it is created
	fields  map[string]any
	amount  any // nil: not said
	name    string
	sync    any  // nil: not said
	guarded bool // it carries the version that was read, or a part before it does
}

// dealName is the name without the mark that the agent puts before it.
func (o opportunity) dealName() string { return unmarked(o.name) }

// products are the CRMs that a world can hold.
var products = []string{document.Salesforce, document.Dynamics365}

// onBoth runs a test in a world of each CRM.
func onBoth(t *testing.T, seed uint64, options sandbox.Options, run func(w *world, o organisation)) {
	t.Helper()
	for _, product := range products {
		t.Run(product, func(t *testing.T) {
			inWorld(t, seed, holding(product, options), func(w *world) { run(w, w.organisationOf(product)) })
		})
	}
}

// holding gives the options of a sandbox that has the CRM.
func holding(product string, options sandbox.Options) sandbox.Options {
	if product == document.Dynamics365 && options.Dataverse == nil {
		options.Dataverse = &sandbox.DataverseOptions{}
	}
	return options
}

func (w *world) organisationOf(product string) organisation {
	if product == document.Dynamics365 {
		return w.environment()
	}
	return w.production()
}

// act lets a person act: in the organisation where the act is one of a CRM's, otherwise in Partner Center.
func (o organisation) act(w *world, name string, parameters map[string]string) (map[string]any, error) {
	if crmActs[name] {
		return o.crm.act(name, parameters)
	}
	return w.act(name, parameters)
}

// must is act for what cannot be refused; it gives the id of what was touched.
func (o organisation) must(w *world, name string, parameters map[string]string) string {
	w.t.Helper()
	result, err := o.act(w, name, parameters)
	if err != nil {
		w.t.Fatal(err)
	}
	return text(result["id"])
}
