package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
)

// soldSolution is what deals are about; newSolution is one that nobody has entered in the CRM.
const (
	soldSolution = "SOL-10001-AAA"
	newSolution  = "SOL-10002-BBB"
)

// microsoftEvents are what Microsoft's registration flow subscribes.
const microsoftEvents = "referral-created,referral-updated,related-referral-created,related-referral-updated"

// movedFrom is a CRM whose deals Microsoft's flows have synchronised so far.
type movedFrom struct {
	crmSide
	example   string
	prepare   func(b *bed)
	taken     func(b *bed) // what the agent has to have done beside the deals
	variables map[string]string
	settings  map[string]string // as the agent's document and Microsoft's variables have them
}

func salesforceSide() movedFrom {
	side := movedFrom{
		example: "salesforce",
		crmSide: crmSide{
			table: "Opportunity", id: "Id", name: "Name", key: "Cosell_Referral_Key__c", value: "Amount", closing: "CloseDate", notes: "Description", stage: "StageName",
			sync: "Sync_with_Partner_Center__c", identifier: "Referral_Identifier__c", link: "Referral_Link__c",
			valueAct: "amount", waiting: "Prospecting", active: "Qualification", stageAct: "stage", polls: true,
			rows: func(b *bed, table string) []map[string]any { return b.sandbox.Salesforce().Rows(table) },
			addSolution: func(id string) map[string]string {
				return map[string]string{"opportunity": id, "solution": soldSolution}
			},
			inbound: "Partner Center to Salesforce (Insider Preview)",
			inboundCalls: []string{
				"[Customize] Create or Get Details from Salesforce", "Partner Center Microsoft Co-sell Referral Updates to Salesforce (Insider Preview)",
			},
			outbound:      "Salesforce Opportunity to Partner Center (Insider Preview)",
			outboundCalls: []string{"Salesforce to Partner Center (Insider Preview)", "Create Co-sell Referral - Salesforce to Partner Center (Insider Preview)"},
		},
		variables: map[string]string{
			// An organisation with a single currency has no CurrencyIsoCode.
			"microsoft_variables": `{
				active_stage_name = "msft_activestagename", on_hold_stage_name = "msft_onholdstagename", deal_value_field = "msft_dealvaluefield"
				display_check_mark_in_opportunity_name = "msft_displaycheckmarkinname"
			}`,
		},
		settings: map[string]string{"msft_activestagename": "Qualification", "msft_onholdstagename": "Prospecting", "msft_displaycheckmarkinname": "no"},
	}
	side.prepare = func(b *bed) {
		b.check(b.sandbox.Dataverse().InstallMicrosoftSolutionForSalesforce())
		b.microsoftPackage()
	}
	side.taken = func(b *bed) {
		b.expectTimes(side.rows(b, "Microsoft_Solution__c"), "Solution_Identifier__c", newSolution, 1)
	}
	return side
}

func dynamicsSide() movedFrom {
	side := movedFrom{
		example: "dynamics365",
		crmSide: crmSide{
			prefix: "dynamics_", table: "opportunity", id: "opportunityid", name: "name", key: "cosell_referralkey", value: "estimatedvalue",
			closing: "estimatedclosedate", notes: "description", stage: "statuscode",
			sync: "msft_syncwithpartnercenter", identifier: "msft_referralidentifier", link: "msft_referrallink",
			valueAct: "value", waiting: "2", active: "1", stageAct: "status",
			rows: func(b *bed, table string) []map[string]any { return b.sandbox.Dataverse().Rows(table) },
			addSolution: func(id string) map[string]string {
				return map[string]string{
					"opportunity": id, "solution": soldSolution, "table": "msft_microsoftsolution", "parent_column": "msft_opportunity",
					"solution_column": "msft_solutionidentifier", "msft_microsoftsolutiondetail": "Analytics",
				}
			},
			inbound:       "Partner Center to Dynamics 365 (Insider Preview)",
			inboundCalls:  []string{"Partner Center to Dynamics 365 - Helper (Insider Preview)", "[Customize] Create or Get Details from Dynamics 365"},
			outbound:      "Dynamics 365 Opportunity to Partner Center (Insider Preview)",
			outboundCalls: []string{"Dynamics 365 to Partner Center (Insider Preview)", "Create Co-sell Referral - Dynamics 365 to Partner Center (Insider Preview)"},
		},
		settings: map[string]string{"msft_displaycheckmarkinname": "no"},
	}
	side.prepare = func(b *bed) {
		environment := b.sandbox.Dataverse()
		b.check(environment.InstallMicrosoftSolution())
		_, err := environment.Create("msft_microsoftsolutiondetail", map[string]any{"msft_solutionname": "Analytics", "msft_solutionidentifier": soldSolution})
		b.check(err)
	}
	// Microsoft's catalogue has no alternate key, and gets none: what is there is used, and what it lacks is added once.
	side.taken = func(b *bed) {
		for _, identifier := range []string{soldSolution, newSolution} {
			b.expectTimes(side.rows(b, "msft_microsoftsolutiondetail"), "msft_solutionidentifier", identifier, 1)
		}
	}
	return side
}

// expectTimes wants so many rows whose field has a value.
func (b *bed) expectTimes(rows []map[string]any, field, value string, want int) {
	b.t.Helper()
	found := 0
	for _, row := range rows {
		if text(row[field]) == value {
			found++
		}
	}
	if found != want {
		b.t.Errorf("%s is the %s of %d rows, want %d", value, field, found, want)
	}
}

// microsoftPackage makes the fields that Microsoft's package brings to Salesforce, by the names that were published of them.
func (b *bed) microsoftPackage() {
	b.t.Helper()
	admin := b.administrator()
	for _, part := range [][3]string{
		{"CustomObject", "Microsoft_Solution__c", `<deploymentStatus>Deployed</deploymentStatus><label>Microsoft Solution</label><nameField><label>Solution</label><type>Text</type></nameField>` +
			`<pluralLabel>Microsoft Solutions</pluralLabel><sharingModel>ReadWrite</sharingModel>`},
		{"CustomField", "Opportunity.Sync_with_Partner_Center__c", `<defaultValue>false</defaultValue><label>Sync with Partner Center</label><type>Checkbox</type>`},
		{"CustomField", "Opportunity.How_can_Microsoft_help__c", `<label>How can Microsoft help?</label><type>Picklist</type><valueSet><restricted>false</restricted>` +
			`<valueSetDefinition><sorted>false</sorted>` + olderValues("General or Other") + `</valueSetDefinition></valueSet>`},
		{"CustomField", "Opportunity.Referral_Identifier__c", `<externalId>true</externalId><label>Referral Identifier</label><length>100</length><type>Text</type><unique>false</unique>`},
		{"CustomField", "Opportunity.Referral_Link__c", `<label>Referral Link</label><type>Url</type>`},
		{"CustomField", "Opportunity.Audit__c", `<label>Audit</label><length>100000</length><type>LongTextArea</type><visibleLines>4</visibleLines>`},
		{"CustomField", "Microsoft_Solution__c.Opportunity__c", `<label>Opportunity</label><referenceTo>Opportunity</referenceTo><relationshipLabel>Solutions</relationshipLabel>` +
			`<relationshipName>Solutions</relationshipName><type>MasterDetail</type>`},
		{"CustomField", "Microsoft_Solution__c.Solution_Identifier__c", `<label>Solution Identifier</label><length>100</length><type>Text</type>`},
	} {
		node, err := metadata.Parse([]byte("<metadata><fullName>" + part[1] + "</fullName>" + part[2] + "</metadata>"))
		b.check(err)
		results, err := admin.CreateMetadata(b.t.Context(), metadata.Component{Type: part[0], FullName: part[1], Node: node})
		b.check(err)
		b.check(results[0].Err())
	}
}

func (b *bed) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// newCutoverBed makes a sandbox in which Microsoft's flows synchronise, and the directory of the example that cuts over from them.
func newCutoverBed(t *testing.T, from movedFrom, switches map[string]string) (*bed, *microsoft) {
	t.Helper()
	terraformProgram(t)
	b := &bed{t: t, dir: t.TempDir()}
	var err error
	b.sandbox, err = sandbox.New(sandbox.Options{
		Dir: b.mkdir("sandbox"), RetryInterval: 100 * time.Millisecond, Switches: switches, Dataverse: &sandbox.DataverseOptions{KeyIndexTime: -1},
	})
	b.check(err)
	t.Cleanup(func() {
		if err := b.sandbox.Close(); err != nil {
			t.Error(err)
		}
	})
	b.check(b.sandbox.Start(context.Background()))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	b.check(err)
	b.address = listener.Addr().String()
	b.check(listener.Close())
	b.log, err = os.Create(filepath.Join(b.dir, "agent.log"))
	b.check(err)
	t.Cleanup(func() { _ = b.log.Close() })
	from.prepare(b)
	for name, value := range from.settings {
		b.check(b.sandbox.Dataverse().SetVariable(name, value))
	}
	m := newMicrosoft(b, from.crmSide)
	b.act("overwrite_registration", map[string]string{"url": m.url(), "events": microsoftEvents})
	given := b.sandbox.DataverseEnv()
	b.environment(maps.Collect(func(yield func(string, string) bool) {
		for _, more := range []map[string]string{from.variables, {
			"cut_over": "false", "microsoft_webhook_url": m.url(), "drain_quiet": "300ms", "drain_timeout": "2m",
			"agent_dataverse_client_id": given["COSELL_AGENT_DATAVERSE_CLIENT_ID"], "agent_dataverse_certificate": "file:" + given["COSELL_AGENT_DATAVERSE_CERTIFICATE_FILE"],
		}} {
			for name, value := range more {
				if !yield(name, value) {
					return
				}
			}
		}
	}))
	for name, value := range given {
		b.env = append(b.env, name+"="+value)
	}
	if from.example == "dynamics365" {
		b.env = slices.DeleteFunc(b.env, func(entry string) bool { return strings.HasPrefix(entry, "COSELL_SALESFORCE_") })
	}
	b.copyCutover(from.example)
	return b, m
}

// copyCutover copies the example with the kit that it uses, as they stand beside each other.
func (b *bed) copyCutover(example string) {
	b.t.Helper()
	all := b.mkdir("examples")
	for _, part := range []string{filepath.Join("cutover", example), filepath.Join(example, "modules")} {
		b.check(os.CopyFS(filepath.Join(all, part), os.DirFS(filepath.Join(root, "examples", part))))
	}
	b.check(os.Symlink(filepath.Join(all, "cutover", example), filepath.Join(b.dir, "terraform")))
	b.terraform("get", "-no-color")
}

// cutOver applies the example's other way.
func (b *bed) cutOver(there bool) {
	b.t.Helper()
	b.env = append(b.env, fmt.Sprintf("TF_VAR_cut_over=%t", there))
	b.terraform("apply", "-auto-approve", "-input=false", "-no-color")
}

// sellerWants makes an opportunity that a seller wants shared, with all that a share needs.
func (m *microsoft) sellerWants(name string) {
	m.t.Helper()
	id := m.act(m.prefix+"create_opportunity", map[string]string{
		"name": name, m.valueAct: "1000", "close_date": "2027-03-31", "description": "notes of " + name, m.stageAct: m.active,
		"account": "Customer of " + name, "country": "NO", "street": "1 Main St", "city": "Oslo", "postal_code": "0150",
	})
	m.act(m.prefix+"add_solution", m.addSolution(id))
	m.act(m.prefix+"edit_opportunity", map[string]string{"id": id, m.sync: "true"})
}

// microsoftWants lets Microsoft's seller send a deal, and portalHas a colleague enter one in the portal.
func (m *microsoft) microsoftWants(name string) string { return m.arrives(name, "send_referral", nil) }

func (m *microsoft) portalHas(name string) string {
	return m.arrives(name, "portal_create", map[string]string{"kind": "private"})
}

func (m *microsoft) arrives(name, act string, more map[string]string) string {
	m.t.Helper()
	parameters := map[string]string{
		"name": name, "customer": "Customer of " + name, "address_line1": "1 Main St", "city": "Oslo", "postal_code": "0150", "country": "NO",
		"value": "2000", "currency": "USD", "close_date": "2027-06-30", "notes": "notes of " + name, "solution_id": soldSolution,
	}
	maps.Copy(parameters, more)
	return m.act(act, parameters)
}

// edited lets a seller edit one deal and a colleague in the portal another.
func (m *microsoft) edited(ours, theirs, value string) {
	m.t.Helper()
	m.act(m.prefix+"edit_opportunity", map[string]string{"id": text(m.named(ours)[0][m.id]), m.valueAct: value})
	m.act("edit_referral", map[string]string{"id": text(m.referrals()[theirs][0]["id"]), "value": value, "by": "portal_user"})
}

// named gives the opportunities of a name, whatever mark precedes it.
func (m *microsoft) named(name string) []map[string]any {
	return slices.DeleteFunc(m.rows(m.bed, m.table), func(row map[string]any) bool { return strings.TrimLeft(text(row[m.name]), "✔✗ ") != name })
}

// apart tells what is not yet equal of deals: one record on each side, in what the flows carry, each with the referral's identifier.
func (m *microsoft) apart(names ...string) []string {
	var faults []string
	referrals := m.referrals()
	for _, name := range names {
		rows, found := m.named(name), referrals[name]
		if len(rows) != 1 || len(found) != 1 {
			faults = append(faults, fmt.Sprintf("%s: %d opportunities, %d referrals", name, len(rows), len(found)))
			continue
		}
		row, referral := rows[0], found[0]
		for field, pair := range map[string][2]string{
			"value":      {number(row[m.value]), number(at(referral, "details", "dealValue"))},
			"close date": {day(text(row[m.closing])), day(text(at(referral, "details", "closingDateTime")))},
			"notes":      {text(row[m.notes]), text(at(referral, "details", "notes"))},
			"identifier": {text(row[m.identifier]), text(referral["id"])},
		} {
			if pair[0] != pair[1] {
				faults = append(faults, fmt.Sprintf("%s: %s is %q here and %q there", name, field, pair[0], pair[1]))
			}
		}
		if reference := text(referral["externalReferenceId"]); reference != "" && !strings.EqualFold(reference, text(row[m.id])) {
			faults = append(faults, fmt.Sprintf("%s: it names %s, not %s", name, reference, row[m.id]))
		}
		if !strings.Contains(text(row[m.link]), text(referral["id"])) || row[m.sync] != true {
			faults = append(faults, fmt.Sprintf("%s: link %q, sync %v", name, row[m.link], row[m.sync]))
		}
	}
	return faults
}

// keyed tells which deals the agent has not yet linked.
func (m *microsoft) keyed(names ...string) []string {
	var faults []string
	for _, name := range names {
		for _, row := range m.named(name) {
			if text(row[m.key]) == "" || text(row[m.key]) != text(row[m.identifier]) {
				faults = append(faults, fmt.Sprintf("%s: key %q, identifier %q", name, row[m.key], row[m.identifier]))
			}
		}
	}
	return faults
}

// made gives what the flows created since they were asked last.
func (m *microsoft) made() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Sorted(slices.Values(m.created))
	m.created = nil
	if len(m.failed) > 0 {
		m.t.Errorf("runs called flows that were off: %q", m.failed)
	}
	return list
}

func (m *microsoft) flowsOn() (on, off []string) {
	for _, row := range m.sandbox.Dataverse().Rows("workflow") {
		if m.sandbox.Dataverse().FlowOn(text(row["name"])) {
			on = append(on, text(row["name"]))
		} else {
			off = append(off, text(row["name"]))
		}
	}
	return on, off
}

// expectRegistered wants the tenant's registration to point to an address, with all of Microsoft's events.
func (m *microsoft) expectRegistered(url string) {
	m.t.Helper()
	live, events, _ := m.sandbox.PartnerCenter().Registration()
	if live != url || len(events) < len(strings.Split(microsoftEvents, ",")) {
		m.t.Errorf("the registration points to %s with %q, want %s", live, events, url)
	}
}

// Users of Microsoft's Power Automate solution cut over by the example as it stands, and back. While it is prepared nothing changes. The
// switch-off waits for a run under way, so that no run fails midway, and the registration moves after the last flow is off. What changes
// on either side before, while nobody synchronises, and after is carried over once; every deal exists once on each side, with the
// identifiers by which either product knows it. On the way back what the agent wrote is nothing new to the flows, and what changed while
// nobody looked is listed and carried over too. An agent that runs beside the flows makes a second referral of a deal, which the same checks
// see: that is what the order of the cut-over prevents.
func TestCutOverFromPowerAutomate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from movedFrom
		runs string // when a run of a flow gets its row
	}{
		"Salesforce":   {salesforceSide(), "begin"},
		"Dynamics 365": {dynamicsSide(), "end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, m := newCutoverBed(t, c.from, map[string]string{"dataverse.flow_run_rows": c.runs})
			names := m.before(t)
			m.prepareWithoutChange(t, names)
			names = append(names, m.switchOff(t)...)
			names = append(names, m.between(t)...)
			names = append(names, m.agentTakesOver(t, names)...)
			c.from.taken(b)
			m.goBack(t, names)
			m.bothAtOnce(t)
			if t.Failed() {
				t.Logf("the agent's log ends:\n%s", b.tail())
			}
		})
	}
}

// before is the time in which Microsoft's flows synchronise.
func (m *microsoft) before(t *testing.T) []string {
	t.Helper()
	m.sellerWants("Ours before")
	m.microsoftWants("Theirs before")
	m.portalHas("Portal before")
	names := []string{"Ours before", "Theirs before", "Portal before"}
	m.until("the flows to synchronise", func() []string { return m.apart(names...) })
	m.edited("Ours before", "Portal before", "1100")
	m.until("the flows to carry edits", func() []string { return m.apart(names...) })
	if diff := cmp.Diff([]string{"opportunity Portal before", "opportunity Theirs before", "referral Ours before"}, m.made()); diff != "" {
		t.Errorf("the flows created (-want +got)\n%s", diff)
	}
	return names
}

// prepareWithoutChange applies the example before the switch.
func (m *microsoft) prepareWithoutChange(t *testing.T, names []string) {
	t.Helper()
	m.cutOver(false)
	m.terraform("plan", "-detailed-exitcode", "-input=false", "-no-color")
	if _, off := m.flowsOn(); len(off) > 0 {
		t.Errorf("preparing turned off %q", off)
	}
	m.expectRegistered(m.url())
	if output, err := m.tryTerraform("output", "-raw", "agent_config"); err == nil {
		t.Errorf("there is a document before the agent's turn: %s", output)
	}
	if faults := m.apart(names...); len(faults) > 0 {
		t.Errorf("preparing changed deals: %q", faults)
	}
}

// switchOff cuts over while a run of the inbound flow is under way: it has made its opportunity, and has yet to write the identifier.
func (m *microsoft) switchOff(t *testing.T) []string {
	t.Helper()
	const name = "Under way"
	reached, release := m.holds(name)
	defer release()
	m.microsoftWants(name)
	<-reached
	m.env = append(m.env, "TF_VAR_cut_over=true")
	applied := make(chan error, 1)
	mark := m.lastOperation()
	go func() {
		_, err := m.tryTerraform("apply", "-auto-approve", "-input=false", "-no-color")
		applied <- err
	}()
	m.until("the inbound flow to be off", func() []string {
		looks := 0
		for _, operation := range m.sandbox.Kit().Log.Since(mark) {
			if operation.Object == "flowrun" && operation.Action == "read" {
				looks++
			}
		}
		if m.sandbox.Dataverse().FlowOn(m.inbound) || looks == 0 {
			return []string{m.inbound}
		}
		return nil
	})
	for _, child := range m.inboundCalls {
		if !m.sandbox.Dataverse().FlowOn(child) {
			t.Errorf("%s was turned off under a run that calls it", child)
		}
	}
	m.expectRegistered(m.url())
	release()
	if err := <-applied; err != nil {
		t.Fatal(err)
	}
	if on, _ := m.flowsOn(); len(on) > 0 {
		t.Errorf("still on: %q", on)
	}
	m.expectRegistered("http://" + m.address + hookPath)
	if faults := m.apart(name); len(faults) > 0 {
		t.Errorf("the run did not come to its end: %q", faults)
	}
	m.made()
	m.terraform("plan", "-detailed-exitcode", "-input=false", "-no-color")
	return []string{name}
}

// between is the time in which nobody synchronises.
func (m *microsoft) between(t *testing.T) []string {
	t.Helper()
	m.sellerWants("Ours between")
	m.microsoftWants("Theirs between")
	m.portalHas("Portal between")
	m.edited("Ours before", "Portal before", "1200")
	if len(m.apart("Ours between", "Theirs between", "Portal between", "Ours before", "Portal before")) != 5 || len(m.made()) > 0 {
		t.Error("somebody synchronised while the flows were off")
	}
	return []string{"Ours between", "Theirs between", "Portal between"}
}

// agentTakesOver starts the agent with the document.
func (m *microsoft) agentTakesOver(t *testing.T, names []string) []string {
	t.Helper()
	m.writeDocument()
	content, err := os.ReadFile(m.documentFile())
	m.check(err)
	d, err := document.Decode(content)
	m.check(err)
	from, err := time.Parse(time.RFC3339, d.Schedule.SweepFrom)
	m.check(err)
	for _, operation := range m.sandbox.Kit().Log.Since(0) {
		if operation.Object == "workflow" && operation.IsWrite() && operation.Actor == "provider" && !operation.At.After(from) {
			t.Errorf("the sweep begins at %s, a flow was turned off at %s", from, operation.At)
		}
	}
	if d.CRM.Marks {
		t.Error("Microsoft's setting that no mark is shown was not taken over")
	}
	mark := m.lastOperation()
	m.start()
	m.until("the agent to take over", func() []string { return append(m.apart(names...), m.keyed(names...)...) })
	m.edited("Ours between", "Portal between", "1300")
	m.edited("Ours before", "Portal before", "1300")
	m.sellerWants("Ours after")
	m.arrives("Theirs after", "send_referral", map[string]string{"solution_id": newSolution})
	names = append(names, "Ours after", "Theirs after")
	m.until("the agent to synchronise", func() []string { return append(m.apart(names...), m.keyed(names...)...) })
	m.settled()
	m.stop()
	writes := m.agentsWrites(mark)
	creates := map[string]int{"create referral": writes["create referral"], "create " + m.table: writes["create "+m.table]}
	if diff := cmp.Diff(map[string]int{"create referral": 2, "create " + m.table: 3}, creates); diff != "" {
		t.Errorf("the agent's creates (-want +got)\n%s\nall writes: %v", diff, writes)
	}
	if made := m.made(); len(made) > 0 {
		t.Errorf("the flows created %q while they were off", made)
	}
	return []string{"Ours after", "Theirs after"}
}

// settled waits until the agent has nothing to do.
func (m *microsoft) settled() {
	m.t.Helper()
	m.until("the agent's queue to be empty", func() []string {
		var now struct {
			Counts struct{ Due, Working, Linked int }
		}
		said, code := m.operates(&now, "status")
		if code != 0 || now.Counts.Due+now.Counts.Working > 0 || now.Counts.Linked == 0 {
			return []string{fmt.Sprintf("%+v %s", now, said)}
		}
		return nil
	})
}

// goBack hands over to the flows again: the agent is stopped already.
func (m *microsoft) goBack(t *testing.T, names []string) {
	t.Helper()
	m.sellerWants("Ours back")
	m.microsoftWants("Theirs back")
	m.edited("Ours after", "Portal between", "1400")
	m.cutOver(false)
	if _, off := m.flowsOn(); len(off) > 0 {
		t.Errorf("still off: %q", off)
	}
	m.expectRegistered(m.url())
	m.terraform("plan", "-detailed-exitcode", "-input=false", "-no-color")

	var unseen struct{ Opportunities, Referrals []string }
	m.must(&unseen, "deals", "unseen", "--config", m.documentFile())
	for _, want := range []struct {
		listed []string
		id     any
	}{
		{unseen.Opportunities, m.named("Ours back")[0][m.id]}, {unseen.Opportunities, m.named("Ours after")[0][m.id]},
		{unseen.Referrals, m.referrals()["Theirs back"][0]["id"]}, {unseen.Referrals, m.referrals()["Portal between"][0]["id"]},
	} {
		if !slices.ContainsFunc(want.listed, func(id string) bool { return strings.EqualFold(id, text(want.id)) }) {
			t.Errorf("what changed while nobody looked is not listed: %s is not in %q", want.id, want.listed)
		}
	}
	for _, id := range unseen.Opportunities { // each is saved again, as the guide says
		if row := m.opportunity(m.id, id); row != nil {
			m.act(m.prefix+"edit_opportunity", map[string]string{"id": id, m.valueAct: number(row[m.value])})
		}
	}
	for _, id := range unseen.Referrals {
		referral, err := m.sandbox.PartnerCenter().Referral(id)
		m.check(err)
		if referral.Status != "Closed" && !(len(referral.Target) == 1 && referral.Target[0].ID == "msft") {
			m.act("edit_referral", map[string]string{"id": id, "close_date": dealOf(referral)["close_date"], "by": "portal_user"})
		}
	}
	names = append(names, "Ours back", "Theirs back")
	m.until("the flows to catch up", func() []string { return m.apart(names...) })
	m.sellerWants("Ours at last")
	m.microsoftWants("Theirs at last")
	m.edited("Ours back", "Portal before", "1500")
	names = append(names, "Ours at last", "Theirs at last")
	m.until("the flows to synchronise again", func() []string { return m.apart(names...) })
	want := []string{"opportunity Theirs at last", "opportunity Theirs back", "referral Ours at last", "referral Ours back"}
	if diff := cmp.Diff(want, m.made()); diff != "" {
		t.Errorf("the flows created (-want +got)\n%s", diff)
	}
	if rows, referrals := len(m.rows(m.bed, m.table)), len(m.sandbox.PartnerCenter().All()); rows != len(names) || referrals != len(names) {
		t.Errorf("there are %d opportunities and %d referrals of %d deals", rows, referrals, len(names))
	}
}

// bothAtOnce starts the agent beside the flows, which the guide forbids, and lets a flow stop between its two writes: neither knows of the
// other's referral.
func (m *microsoft) bothAtOnce(t *testing.T) {
	t.Helper()
	const name = "Ours of both"
	mark := m.lastOperation()
	m.start()
	m.until("the agent to look at Partner Center", func() []string { // later it would find the flow's referral there
		for _, operation := range m.sandbox.Kit().Log.Since(mark) {
			if operation.Object == "referral" && operation.Action == "read" && operation.ID == "" {
				return nil
			}
		}
		return []string{"a list of referrals"}
	})
	reached, release := m.holds(name)
	defer release()
	m.sellerWants(name)
	<-reached
	m.until("the agent to share what the flow shares", func() []string {
		if found := m.referrals()[name]; len(found) < 2 {
			return []string{fmt.Sprintf("%d referrals", len(found))}
		}
		return nil
	})
	release()
	m.stop()
	if diff := cmp.Diff([]string{"referral " + name}, m.made()); diff != "" {
		t.Errorf("the flows created (-want +got)\n%s", diff)
	}
	if faults := m.apart(name); !slices.Contains(faults, name+": 1 opportunities, 2 referrals") {
		t.Errorf("the checks do not see a deal that exists twice: %q", faults)
	}
}
