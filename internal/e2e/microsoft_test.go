package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

// crmSide is how one CRM calls what Microsoft's flows read and write there.
type crmSide struct {
	prefix                       string // of the acts of people
	table, id, name, key         string // as rows show them; key is the agent's own
	value, closing, notes, stage string
	sync, identifier, link       string
	valueAct                     string // the value as acts call it
	waiting, active, stageAct    string // stages of a deal that waits, and of one that is accepted
	rows                         func(b *bed, table string) []map[string]any
	addSolution                  func(opportunity string) map[string]string
	polls                        bool // whether the flows' trigger polls, and so catches up after it was off
	// Flows, by what they do here: what a webhook starts, what an opportunity's change starts, and what a run of each calls.
	inbound, outbound           string
	inboundCalls, outboundCalls []string
}

// microsoft does what Microsoft's flows do, as far as a cut-over can go wrong by it. What starts a flow that is off is lost, but that a
// trigger which polls goes on from where it was. A run that began goes on when its flow is turned off, and fails when it calls a flow that
// is off. A flow knows a deal by the referral's identifier at the opportunity, and creates what has none: two that do so make a duplicate.
type microsoft struct {
	*bed
	crmSide
	server *httptest.Server

	mu      sync.Mutex // one run at a time: Microsoft's own duplicates are not what is tested
	created []string   // what the flows created, as "opportunity NAME" or "referral NAME"
	failed  []string   // runs that called a flow that was off
	hold    map[string]chan struct{}
	held    map[string]chan struct{}
}

func newMicrosoft(b *bed, side crmSide) *microsoft {
	m := &microsoft{bed: b, crmSide: side, hold: map[string]chan struct{}{}, held: map[string]chan struct{}{}}
	m.server = httptest.NewServer(http.HandlerFunc(m.receive))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	from := b.lastOperation()
	go func() {
		defer close(ended)
		m.listen(ctx, from)
	}()
	b.t.Cleanup(func() {
		cancel()
		<-ended
		m.server.Close()
	})
	return m
}

// url is the address of the flow that a webhook starts.
func (m *microsoft) url() string {
	return m.server.URL + "/workflows/7c1e/triggers/manual/paths/invoke"
}

// holds lets the next run for a deal of this name stop between its two writes until release is called.
func (m *microsoft) holds(name string) (reached <-chan struct{}, release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hold[name], m.held[name] = make(chan struct{}), make(chan struct{})
	return m.held[name], sync.OnceFunc(func() { close(m.hold[name]) })
}

func (m *microsoft) midway(name string) {
	if m.hold[name] == nil {
		return
	}
	close(m.held[name])
	<-m.hold[name]
	delete(m.hold, name)
}

// receive is the trigger "When a HTTP request is received".
func (m *microsoft) receive(w http.ResponseWriter, r *http.Request) {
	var event struct {
		Resource string `json:"ResourceUri"`
	}
	if json.NewDecoder(r.Body).Decode(&event) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !m.sandbox.Dataverse().FlowOn(m.inbound) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	go m.run(m.inbound, m.inboundCalls, func(calls func() bool) { m.fromPartnerCenter(path.Base(event.Resource), calls) })
}

// listen is the trigger of the CRM's connector.
func (m *microsoft) listen(ctx context.Context, at int64) {
	var waiting []string
	for m.sandbox.Kit().Log.Wait(ctx, at) == nil {
		for _, operation := range m.sandbox.Kit().Log.Since(at) {
			at = operation.Seq
			if operation.IsWrite() && operation.Object == m.table {
				waiting = append(waiting, operation.ID)
			}
		}
		on := m.sandbox.Dataverse().FlowOn(m.outbound)
		if !on && m.polls {
			continue
		}
		if on {
			for _, id := range waiting {
				m.run(m.outbound, m.outboundCalls, func(calls func() bool) { m.fromCRM(id, calls) })
			}
		}
		waiting = nil
	}
}

// run is a run of a flow. The work asks before it calls the flows that it needs.
func (m *microsoft) run(flow string, children []string, work func(calls func() bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	environment := m.sandbox.Dataverse()
	run, err := environment.BeginFlowRun(flow)
	if err != nil {
		return // it was turned off in between
	}
	status := "Succeeded"
	work(func() bool {
		for _, child := range children {
			if !environment.FlowOn(child) {
				m.failed, status = append(m.failed, flow+" calls "+child), "Failed"
				return false
			}
		}
		return true
	})
	if err := environment.EndFlowRun(run, status); err != nil {
		m.t.Error(err)
	}
}

// opportunity finds the row whose column has a value.
func (m *microsoft) opportunity(column, value string) map[string]any {
	for _, row := range m.rows(m.bed, m.table) {
		if value != "" && strings.EqualFold(text(row[column]), value) {
			return row
		}
	}
	return nil
}

// does is a step of a flow: the sandbox lets people do the same.
func (m *microsoft) does(act string, parameters map[string]string) string {
	encoded, err := json.Marshal(parameters)
	if err != nil {
		m.t.Error(err)
		return ""
	}
	result, err := m.sandbox.Act(context.Background(), act, encoded)
	if err != nil {
		m.t.Error(err)
		return ""
	}
	var touched struct {
		ID string `json:"id"`
	}
	if encoded, err = json.Marshal(result); err == nil {
		err = json.Unmarshal(encoded, &touched)
	}
	if err != nil {
		m.t.Error(err)
	}
	return touched.ID
}

func (m *microsoft) fromPartnerCenter(id string, calls func() bool) {
	referral, err := m.sandbox.PartnerCenter().Referral(id)
	if err != nil || len(referral.Target) == 1 && referral.Target[0].ID == "msft" || !calls() {
		return
	}
	shown := dealOf(referral)
	row := m.opportunity(m.identifier, id)
	switch {
	case row != nil:
		if edit := m.differing(row, shown); len(edit) > 0 && referral.Status != "New" {
			edit["id"] = text(row[m.id])
			m.does(m.prefix+"edit_opportunity", edit)
		}
		return
	case m.opportunity(m.id, deref(referral.ExternalReferenceID)) != nil:
		return // the flow's own create, which is being written back
	}
	parameters := map[string]string{
		"name": referral.Name, m.valueAct: shown["value"], "close_date": shown["close_date"], "description": shown["notes"], m.stageAct: m.active, m.sync: "true",
		"account": "Customer of " + referral.Name, "country": "NO", "street": "1 Main St", "city": "Oslo", "postal_code": "0150",
	}
	if referral.Status == "New" {
		parameters[m.stageAct] = m.waiting
	}
	made := m.does(m.prefix+"create_opportunity", parameters)
	m.created = append(m.created, "opportunity "+referral.Name)
	m.midway(referral.Name)
	if !calls() {
		return
	}
	m.does(m.prefix+"add_solution", m.addSolution(made))
	m.does(m.prefix+"edit_opportunity", map[string]string{"id": made, m.identifier: id, m.link: "https://partner.microsoft.com/referrals/v2/inbox?id=" + id})
	m.does("edit_referral", map[string]string{"id": id, "external_reference_id": made, "by": "portal_user"})
}

func (m *microsoft) fromCRM(id string, calls func() bool) {
	row := m.opportunity(m.id, id)
	if row == nil || row[m.sync] != true || !calls() {
		return
	}
	shown := map[string]string{
		"value": number(row[m.value]), "close_date": day(text(row[m.closing])), "notes": text(row[m.notes]),
	}
	if known := text(row[m.identifier]); known != "" {
		referral, err := m.sandbox.PartnerCenter().Referral(known)
		if err != nil || referral.Status != "Active" {
			return
		}
		edit := map[string]string{}
		for field, value := range dealOf(referral) {
			if shown[field] != value {
				edit[field] = shown[field]
			}
		}
		if len(edit) > 0 {
			edit["id"], edit["by"] = known, "portal_user"
			m.does("edit_referral", edit)
		}
		return
	}
	parameters := map[string]string{
		"name": text(row[m.name]), "customer": "Customer of " + text(row[m.name]), "address_line1": "1 Main St", "city": "Oslo", "postal_code": "0150", "country": "NO",
		"currency": "USD", "kind": "private", "solution_id": soldSolution, "external_reference_id": id,
	}
	for field, value := range shown {
		parameters[field] = value
	}
	made := m.does("portal_create", parameters)
	m.created = append(m.created, "referral "+text(row[m.name]))
	m.midway(text(row[m.name]))
	m.does(m.prefix+"edit_opportunity", map[string]string{"id": id, m.identifier: made, m.link: "https://partner.microsoft.com/referrals/v2/inbox?id=" + made})
}

// dealOf gives what the flows carry of a referral.
func dealOf(r *partnercenter.Referral) map[string]string {
	encoded, err := json.Marshal(r)
	tree := map[string]any{}
	if err == nil {
		err = json.Unmarshal(encoded, &tree)
	}
	if err != nil {
		panic(err) // a referral of the sandbox is JSON
	}
	return map[string]string{
		"value": number(at(tree, "details", "dealValue")), "close_date": day(text(at(tree, "details", "closingDateTime"))), "notes": text(at(tree, "details", "notes")),
	}
}

// differing gives the edit that makes an opportunity like the referral.
func (m *microsoft) differing(row map[string]any, shown map[string]string) map[string]string {
	edit := map[string]string{}
	for parameter, pair := range map[string][2]string{
		m.valueAct: {number(row[m.value]), shown["value"]}, "close_date": {day(text(row[m.closing])), shown["close_date"]}, "description": {text(row[m.notes]), shown["notes"]},
	} {
		if pair[0] != pair[1] {
			edit[parameter] = pair[1]
		}
	}
	return edit
}

func deref(words *string) string {
	if words == nil {
		return ""
	}
	return *words
}
