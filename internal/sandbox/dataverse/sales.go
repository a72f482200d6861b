package dataverse

import (
	"net/http"
	"strings"
)

// ruleError is what a rule of the sales tables refuses with.
func (c *call) ruleError(code, format string, args ...any) *apiError {
	return errorf(atoi(c.e.kit.Switches.Get(switchRuleStatus)), code, format, args...)
}

// States of opportunities and leads.
const (
	stateOpen         = 0
	stateWon          = 1
	stateLost         = 2
	stateQualified    = 1
	stateDisqualified = 2
)

// opportunityRule keeps closed opportunities as they are, and lets them be closed by their own messages only.
func opportunityRule(w *change) *apiError {
	if w.own {
		return nil
	}
	if w.old == nil {
		if w.sets("statecode") && w.next.int("statecode") != stateOpen {
			return badRequest(codeStateMessage, "The statecode of an opportunity cannot be set when it is created.")
		}
		return nil
	}
	before, after := w.old.int("statecode"), w.next.int("statecode")
	switch {
	case before != after && after != stateOpen:
		return w.c.ruleError(codeStateMessage, "This message can not be used to set the state of opportunity to %s. In order to set state of opportunity to %s, use "+
			"the WinOpportunity or LoseOpportunity message instead.", stateName(after), stateName(after))
	case before == stateOpen && w.sets("statecode") && len(w.sent) <= 2 && !w.changed("statuscode"):
		return w.c.ruleError(codeAlreadyOpen, "The opportunity is already in the open state.")
	case before != stateOpen && after != stateOpen:
		return w.c.ruleError(codeClosed, "The opportunity has already been closed.")
	case before != stateOpen:
		w.next.set("actualvalue", nil)
		w.next.set("actualclosedate", nil)
	}
	if w.next.yes("isrevenuesystemcalculated") {
		w.next.set("estimatedvalue", 0.0) // there are no products, whose sum it would be
	}
	return nil
}

func stateName(state int) string {
	return map[int]string{stateOpen: "Open", stateWon: "Won", stateLost: "Lost"}[state]
}

// leadRule keeps closed leads as they are.
func leadRule(w *change) *apiError {
	w.next.set("fullname", fullName(w.next))
	if w.own || w.old == nil {
		return nil
	}
	before, after := w.old.int("statecode"), w.next.int("statecode")
	if before != stateOpen && after != stateOpen {
		return w.c.ruleError(codeLeadClosed, "The lead is already closed.")
	}
	return nil
}

func nameRule(w *change) *apiError {
	w.next.set("fullname", fullName(w.next))
	return nil
}

func userRule(w *change) *apiError {
	w.next.set("fullname", fullName(w.next))
	if w.old != nil {
		return nil
	}
	if w.next.str("applicationid") != "" {
		if len(w.next.table.with("applicationid", w.next.str("applicationid"))) > 0 {
			return errorf(http.StatusPreconditionFailed, codeDuplicate, "A user with the application id %s already exists.", w.next.str("applicationid"))
		}
		if w.next.str("fullname") == "" {
			w.next.set("fullname", "# "+w.next.str("applicationid"))
		}
	}
	if w.next.values["businessunitid"] == nil {
		return badRequest(codeArgument, "A user needs a business unit.")
	}
	return nil
}

func fullName(rec *record) any {
	name := strings.TrimSpace(rec.str("firstname") + " " + rec.str("lastname"))
	if name == "" {
		return nil
	}
	return name
}

// noteRule says to what a note belongs.
func noteRule(w *change) *apiError {
	if to := w.next.ref("objectid"); to.table != "" {
		w.next.set("objecttypecode", to.table)
	}
	w.next.set("isdocument", w.next.str("documentbody") != "")
	if body := w.next.str("documentbody"); body != "" {
		w.next.set("filesize", int64(len(body)*3/4))
	}
	return nil
}

func connectionRule(w *change) *apiError {
	w.next.set("name", w.c.e.nameOf(w.next.ref("record2id")))
	return nil
}

func winOpportunity(c *call) response { return c.closeOpportunity(stateWon, "Win", "Won") }

func loseOpportunity(c *call) response { return c.closeOpportunity(stateLost, "Lose", "Lost") }

// closeOpportunity sets state and status of an opportunity, then makes the record of its closing.
func (c *call) closeOpportunity(state int, message, word string) response {
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	sent, given := in["OpportunityClose"].(map[string]any)
	if !given {
		return c.failed(errPayload("opportunityclose", "the parameter OpportunityClose is missing"))
	}
	ent := c.e.catalog.entity("opportunityclose")
	p, err := c.payload(ent, sent, true)
	if err != nil {
		return c.failed(err)
	}
	to, _ := p.values["opportunityid"].(ref)
	deal := c.e.find("opportunity", to.id)
	if deal == nil {
		return c.failed(badRequest(codeArgument, "The OpportunityClose names no opportunity."))
	}
	status, _ := numberOf(in["Status"])
	if err := c.finish(deal, p, state, int(status), message, word); err != nil {
		return c.failed(err)
	}
	return noContent()
}

func (c *call) finish(deal *record, p payload, state, status int, message, word string) *apiError {
	opportunities := c.e.catalog.entity("opportunity")
	if err := c.e.may(c.who, "Write", opportunities, deal); err != nil {
		return err
	}
	if deal.int("statecode") != stateOpen {
		return c.ruleError(codeClosed, "The opportunity has already been closed.")
	}
	reasons := opportunities.attributes["statuscode"].options
	if status == -1 && c.e.is(switchDefaultReason, accepted) {
		for _, o := range reasons.options {
			if o.State == state {
				status = o.Value
				break
			}
		}
	}
	if reason, known := reasons.find(status); !known || reason.State != state {
		return badRequest(codeStatePair, "%d is not a valid status code for state code OpportunityState.%s.", status, word)
	}
	values := map[string]any{"statecode": int64(state), "statuscode": int64(status), "actualclosedate": c.e.now().Format("2006-01-02")}
	if end, given := p.values["actualend"].(string); given {
		values["actualclosedate"] = end
	}
	switch revenue, given := p.values["actualrevenue"]; {
	case given:
		values["actualvalue"] = revenue
	case state == stateWon && deal.values["estimatedvalue"] != nil:
		values["actualvalue"] = deal.values["estimatedvalue"]
	}
	heard := c.e.kit.Switches.Get(switchWinMessages)
	events := len(c.tx.events)
	next, err := c.update(opportunities, deal, values, true)
	if err != nil {
		return err
	}
	if heard == "win" {
		c.tx.events = c.tx.events[:events]
	}
	if heard != "update" {
		c.raise(message, &change{c: c, ent: opportunities, old: deal, next: next, sent: values})
	}
	p.values["statecode"], p.values["statuscode"] = int64(1), int64(2)
	p.values["opportunitystatecode"], p.values["opportunitystatuscode"] = int64(state), int64(status)
	p.values["transactioncurrencyid"] = next.values["transactioncurrencyid"]
	id := p.id
	if id == "" {
		id = c.tx.guid()
	}
	_, err = c.store(c.e.catalog.entity("opportunityclose"), id, p, true)
	return err
}

// qualify turns a lead into rows of the sales process and says which.
func (c *call) qualify(lead *record) response {
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	made, err := c.qualifyLead(lead, in)
	if err != nil {
		return c.failed(err)
	}
	list := []any{}
	for _, to := range made {
		ent := c.e.catalog.entity(to.table)
		list = append(list, map[string]any{"@odata.type": "#" + namespace + to.table, "@odata.id": c.e.url("%s(%s)", ent.set, to.id), ent.primaryID: to.id})
	}
	return ok(map[string]any{"@odata.context": c.context("Collection(" + namespace + "crmbaseentity)"), "value": list})
}

func (c *call) qualifyLead(lead *record, in map[string]any) ([]ref, *apiError) {
	leads := c.e.catalog.entity("lead")
	if err := c.e.may(c.who, "Write", leads, lead); err != nil {
		return nil, err
	}
	if lead.int("statecode") != stateOpen {
		return nil, c.ruleError(codeNotQualifiable, "The lead cannot be qualified: it is closed.")
	}
	var made []ref
	make := func(table string, values map[string]any) (ref, *apiError) {
		rec, err := c.store(c.e.catalog.entity(table), c.tx.guid(), payload{values: values}, true)
		if err != nil {
			return ref{}, err
		}
		made = append(made, ref{table, rec.id})
		return ref{table, rec.id}, nil
	}
	account, contact := lead.values["parentaccountid"], lead.values["parentcontactid"]
	if in["CreateAccount"] == true && lead.str("companyname") != "" {
		values := copied(lead, "telephone1", "emailaddress1", "address1_line1", "address1_line2", "address1_city", "address1_stateorprovince",
			"address1_postalcode", "address1_country")
		values["name"] = lead.str("companyname")
		to, err := make("account", values)
		if err != nil {
			return nil, err
		}
		account = to
	}
	if in["CreateContact"] == true {
		values := copied(lead, "firstname", "lastname", "emailaddress1", "telephone1", "jobtitle")
		if account != nil {
			values["parentcustomerid"] = account
		}
		to, err := make("contact", values)
		if err != nil {
			return nil, err
		}
		contact = to
	}
	values := map[string]any{"statecode": int64(stateQualified), "statuscode": int64(3)}
	if status, given := numberOf(in["Status"]); given && status > 0 {
		values["statuscode"] = int64(status)
	}
	if in["CreateOpportunity"] == true {
		deal := copied(lead, "description", "budgetamount", "transactioncurrencyid", "estimatedclosedate")
		deal["name"], deal["originatingleadid"] = lead.values["subject"], ref{"lead", lead.id}
		deal["estimatedvalue"], deal["parentaccountid"], deal["parentcontactid"] = lead.values["estimatedamount"], account, contact
		deal["customerid"] = account
		if account == nil {
			deal["customerid"] = contact
		}
		to, err := make("opportunity", deal)
		if err != nil {
			return nil, err
		}
		values["qualifyingopportunityid"] = to
	}
	_, err := c.update(leads, lead, values, true)
	return made, err
}

func copied(rec *record, names ...string) map[string]any {
	values := map[string]any{}
	for _, name := range names {
		if value := rec.values[name]; value != nil {
			values[name] = value
		}
	}
	return values
}

// mergeRows answers Merge: what points to the subordinate row points to the target afterwards, and the subordinate is inactive.
func mergeRows(c *call) response {
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	find := func(name string) *record {
		one, _ := in[name].(map[string]any)
		for _, table := range []string{"account", "contact", "lead"} {
			if id, isGUID := normalGUID(plain(one[table+"id"])); isGUID {
				return c.e.find(table, id)
			}
		}
		return nil
	}
	target, subordinate := find("Target"), find("Subordinate")
	if target == nil || subordinate == nil {
		return c.failed(badRequest(codeArgument, "Merge needs a Target and a Subordinate that exist."))
	}
	content := map[string]any{}
	if sent, given := in["UpdateContent"].(map[string]any); given {
		content = sent
	}
	if err := c.mergeInto(target, subordinate, content); err != nil {
		return c.failed(err)
	}
	return noContent()
}

func (c *call) mergeInto(target, subordinate *record, content map[string]any) *apiError {
	table := target.table.name
	ent := c.e.catalog.entity(table)
	if subordinate.table.name != table || subordinate.id == target.id {
		return badRequest(codeArgument, "Only two different rows of one table can be merged.")
	}
	delete(content, ent.primaryID)
	if _, err := c.change(ent, target, content); err != nil {
		return err
	}
	for _, r := range c.e.catalog.relationships {
		if r.many() || r.referenced != table || r.attribute == "masterid" {
			continue
		}
		other := c.e.catalog.entity(r.referencing)
		for _, child := range c.e.table(r.referencing).with(r.attribute, ref{table, subordinate.id}) {
			if _, err := c.update(other, child, map[string]any{r.attribute: ref{table, target.id}}, true); err != nil {
				return err
			}
		}
	}
	_, err := c.update(ent, subordinate, map[string]any{
		"statecode": int64(1), "statuscode": int64(2), "merged": true, "masterid": ref{table, target.id},
	}, true)
	return err
}
