package salesforce

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/batch"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

const (
	// mostShared is how many requests one query answers.
	mostShared = 200
	// slots is how many calls of one kind are under way at once: two, so that a change does not wait for another one's call.
	slots = 2
	// longestQuery bounds the escaped bytes of a query in an address. The service takes addresses of 16 KiB ("Status Codes and Error
	// Responses": 414 and 431 beyond).
	longestQuery = 14 << 10
)

type row = map[string]any

// lanes are the calls that deals share: what is asked at the same time leaves in one call.
type lanes struct {
	records, byReferral, catalogue, contacts, users *lane

	leads, leadsByReferral, converted *lane

	accounts *batch.Group[search, []row]
	creates  *batch.Group[create, string]
	updates  *batch.Group[rowUpdate, struct{}]
	// leadUpdates are apart, because a lead's carry a header of their own.
	leadUpdates *batch.Group[rowUpdate, struct{}]
}

// Gather sets what happens before a shared call leaves, see [batch.Options]. It must be set before the organisation is used.
func (o *Org) Gather(gather func()) { o.gather = gather }

func (o *Org) shared() *lanes {
	o.once.Do(func() {
		n := o.names
		o.lanes = lanes{
			records: o.lane("Id", o.selectRecord()), contacts: o.lane("Email", "SELECT Id, AccountId, FirstName, LastName, Phone, Email FROM "+n.Contact),
			byReferral: o.lane(n.Key, fmt.Sprintf("SELECT Id, %s FROM %s", n.Key, n.Opportunity)),
			catalogue:  o.lane(n.DetailIdentifier, fmt.Sprintf("SELECT Id, Name, %s FROM %s", n.DetailIdentifier, n.Detail)),
			users:      o.lane("Email", "SELECT Id, Username, Email FROM User", ownersOnly),
			leads:      o.lane("Id", o.selectLead()), leadsByReferral: o.lane(n.Leads.Key, o.selectLead()),
			converted: o.lane("ConvertedOpportunityId", o.selectLead(), n.Leads.Key+" != null"),
			accounts: batch.New(batch.Options[search]{
				Size: mostShared, Slots: slots, Cost: search.cost, Budget: longestQuery - len(o.selectAccounts()), Gather: o.gather, Order: search.compare,
			}, o.searchAccounts),
			creates: batch.New(batch.Options[create]{
				Size: salesforce.MaxGraphs, Slots: slots, Cost: create.nodes, Budget: salesforce.MaxGraphNodes, Gather: o.gather, Order: create.compare,
			}, o.createAll),
			updates:     batch.New(batch.Options[rowUpdate]{Size: salesforce.MaxComposite, Slots: slots, Gather: o.gather, Order: rowUpdate.compare}, o.updateAll),
			leadUpdates: batch.New(batch.Options[rowUpdate]{Size: salesforce.MaxComposite, Slots: slots, Gather: o.gather, Order: rowUpdate.compare}, o.updateAll),
		}
	})
	return &o.lanes
}

// lane finds rows by the values of one field.
type lane struct {
	org        *Org
	field      string
	selection  string   // SELECT … FROM …; the field is among what is selected
	conditions []string // that all rows fulfil
	group      *batch.Group[values, []row]
}

// values are what one request looks for in a lane's field.
type values []string

func (v values) cost() int {
	cost := 0
	for _, value := range v {
		cost += len(url.QueryEscape(salesforce.Quote(value) + ","))
	}
	return cost
}

func (v values) compare(other values) int { return slices.Compare(v, other) }

func (o *Org) lane(field, selection string, conditions ...string) *lane {
	l := &lane{org: o, field: field, selection: selection, conditions: conditions}
	l.group = batch.New(batch.Options[values]{
		Size: mostShared, Slots: slots, Cost: values.cost, Budget: longestQuery - len(url.QueryEscape(l.query(nil))), Gather: o.gather, Order: values.compare,
	}, l.answer)
	return l
}

// find gives the rows whose field has one of the values, by their ids. Texts compare without case, as they do there.
func (l *lane) find(ctx context.Context, wanted ...string) ([]row, error) {
	return fetch(ctx, l, wanted, func() ([]row, error) { return l.group.Do(ctx, wanted) })
}

func (l *lane) query(wanted []string) string {
	conditions := append([]string{l.field + " IN " + salesforce.QuoteAll(wanted)}, l.conditions...)
	return l.selection + " WHERE " + strings.Join(conditions, " AND ") + " ORDER BY Id"
}

func (l *lane) answer(ctx context.Context, requests []values) ([]batch.Result[[]row], error) {
	wanted := slices.Concat(requests...)
	slices.Sort(wanted)
	rows, err := l.org.rows(ctx, l.query(slices.Compact(wanted)))
	if err != nil {
		return batch.Apart(ctx, requests, err, l.answer)
	}
	found := map[string][]row{}
	for _, r := range rows {
		key := strings.ToLower(text(at(r, l.field)))
		found[key] = append(found[key], r)
	}
	results := make([]batch.Result[[]row], len(requests))
	for i, request := range requests {
		seen := map[string]bool{}
		for _, value := range request {
			if key := strings.ToLower(strings.TrimSpace(value)); !seen[key] {
				seen[key] = true
				results[i].Value = append(results[i].Value, found[key]...)
			}
		}
		slices.SortStableFunc(results[i].Value, func(a, b row) int { return strings.Compare(text(a["Id"]), text(b["Id"])) })
	}
	return results, nil
}

// rows runs a query and completes the child rows that did not go into its answer.
func (o *Org) rows(ctx context.Context, soql string) ([]row, error) {
	rows, err := salesforce.Query[row](ctx, o.client.Data(), soql)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		for _, value := range r {
			list, ok := value.(map[string]any)
			if !ok || list["done"] != false {
				continue
			}
			more, err := salesforce.More[any](ctx, o.client.Data(), text(list["nextRecordsUrl"]))
			if err != nil {
				return nil, err
			}
			have, _ := list["records"].([]any)
			list["records"], list["done"] = append(have, more...), true
		}
	}
	return rows, nil
}

// one gives the only row of a search.
func one(rows []row, err error) (found row, exists bool, _ error) {
	switch {
	case err != nil || len(rows) == 0:
		return nil, false, err
	case len(rows) > 1:
		return nil, false, salesforce.ErrManyRows
	default:
		return rows[0], true, nil
	}
}

// search looks for the accounts of one customer, see [Org.FindAccounts].
type search struct{ conditions []string }

func (s search) cost() int {
	return len(url.QueryEscape(strings.Join(s.conditions, " OR "))) + len("+OR+")
}
func (s search) compare(o search) int { return slices.Compare(s.conditions, o.conditions) }
func (o *Org) selectAccounts() string {
	return "SELECT " + strings.Join(o.accountFieldsRead(), ", ") + " FROM " + o.names.Account
}
func (o *Org) accountQuery(conditions []string) string {
	return fmt.Sprintf("%s WHERE %s LIMIT %d", o.selectAccounts(), strings.Join(conditions, " OR "), mostAccounts+1)
}

// searchAccounts looks for the accounts of many customers at once. Each gets all that were found: which of them it is, if any, is
// decided by the names, and an account that is unlike a customer's counts for nothing. When there are too many, each is looked
// for alone, so that nobody's are cut off on account of another.
func (o *Org) searchAccounts(ctx context.Context, requests []search) ([]batch.Result[[]row], error) {
	var anyOf []string
	for _, request := range requests {
		anyOf = append(anyOf, request.conditions...)
	}
	slices.Sort(anyOf)
	rows, err := o.rows(ctx, o.accountQuery(slices.Compact(anyOf)))
	switch {
	case err == nil && len(rows) > mostAccounts && len(requests) > 1:
		return batch.Apart(ctx, requests, errTooMany, o.searchAccounts)
	case err != nil:
		return batch.Apart(ctx, requests, err, o.searchAccounts)
	}
	return slices.Repeat([]batch.Result[[]row]{batch.Of(rows)}, len(requests)), nil
}

// errTooMany makes a shared search be made apart.
var errTooMany error = problem.New(problem.OpportunityRefused, "accounts", "too many at once")

// rowUpdate is a change of one row that is still as it was read.
type rowUpdate struct {
	objects salesforce.Objects
	object  string
	id      string
	change  salesforce.Change
}

func (u rowUpdate) compare(o rowUpdate) int { return cmp.Compare(u.id, o.id) }

// updateAll sends changes of rows, each with its own precondition and its own result. A single one goes as a call of its own.
// Several go in one composite call, which documents headers for its parts ("Composite Subrequest"); those of a composite graph are
// no longer documented, and a change without precondition would overwrite what a person wrote.
func (o *Org) updateAll(ctx context.Context, requests []rowUpdate) ([]batch.Result[struct{}], error) {
	if len(requests) == 1 {
		u := requests[0]
		return []batch.Result[struct{}]{batch.Failed[struct{}](u.objects.Update(ctx, u.object, u.id, u.change.Body, u.change.Since))}, nil
	}
	parts := make([]salesforce.Subrequest, len(requests))
	for i, u := range requests {
		parts[i] = u.objects.UpdatePart(fmt.Sprintf("change%d", i), u.object, u.id, u.change)
	}
	body, err := o.client.EncodeComposite(false, parts...)
	if err != nil {
		return nil, err
	}
	answers, err := o.client.Composite(ctx, body)
	if err != nil {
		return batch.Apart(ctx, requests, err, o.updateAll)
	}
	results := slices.Repeat([]batch.Result[struct{}]{batch.Failed[struct{}](&batch.Abandoned{Err: errEmptyAnswer})}, len(requests))
	for _, answer := range answers {
		var i int
		if n, err := fmt.Sscanf(answer.ReferenceID, "change%d", &i); n == 1 && err == nil && i >= 0 && i < len(results) {
			results[i].Err = answer.Err()
		}
	}
	return results, nil
}

// create is an opportunity to be created with what belongs to it, all or none.
type create struct {
	payload string // the journalled composite call
	graph   salesforce.Graph
}

func (c create) nodes() int           { return c.graph.Nodes() }
func (c create) compare(o create) int { return strings.Compare(c.payload, o.payload) }

// createAll sends creates, each all or none of its own. A single one goes as the composite call that was journalled, several as
// graphs of one call, whose parts are the same bytes. What the service did not come to any more goes again.
func (o *Org) createAll(ctx context.Context, requests []create) ([]batch.Result[string], error) {
	if len(requests) == 1 {
		parts, err := o.client.Composite(ctx, []byte(requests[0].payload))
		if err != nil {
			return nil, err
		}
		return []batch.Result[string]{createdBy(parts)}, nil
	}
	graphs := make([]salesforce.Graph, len(requests))
	for i, request := range requests {
		graphs[i] = request.graph
	}
	answers, err := o.client.CompositeGraph(ctx, graphs)
	if err != nil {
		return batch.Apart(ctx, requests, err, o.createAll)
	}
	results := make([]batch.Result[string], len(requests))
	var halted []int
	for i, answer := range answers {
		if results[i] = createdBy(answer.Parts); answer.Halted() {
			halted = append(halted, i)
		}
	}
	if len(halted) == 0 || len(halted) == len(requests) {
		return results, nil
	}
	again := make([]create, len(halted))
	for n, i := range halted {
		again[n] = requests[i]
	}
	rest, err := o.createAll(ctx, again)
	for n, i := range halted {
		if err != nil {
			results[i] = batch.Failed[string](err)
		} else {
			results[i] = rest[n]
		}
	}
	return results, nil
}

// createdBy finds the opportunity's id among the answers to the parts of a create.
func createdBy(parts []salesforce.Subresponse) batch.Result[string] {
	if _, err := cause(parts); err != nil {
		return batch.Failed[string](err)
	}
	for _, part := range parts {
		var created salesforce.RowResult
		if !strings.HasPrefix(part.ReferenceID, opportunityPart) {
			continue
		}
		if err := part.Decode(&created); err != nil {
			return batch.Failed[string](err)
		}
		if created.ID != "" {
			return batch.Of(string(created.ID))
		}
	}
	return batch.Failed[string](errEmptyAnswer)
}
