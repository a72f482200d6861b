package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// receive creates the opportunity of a referral, on hold and with Sync set.
func (r *run) receive(ctx context.Context) (store.Outcome, error) {
	values, failed, err := r.settings.Plan.TryReferral(r.referral.Tree)
	if err != nil {
		return nil, unreadable(problem.OpportunityRefused, "referral "+r.referral.ID, err)
	}
	switch {
	case deal.Terminal(values[deal.StatusField]):
		return store.Done{}, nil
	case r.referral.Lead:
		if err := ofLeads(failed); err != nil {
			return nil, unreadable(problem.OpportunityRefused, "referral "+r.referral.ID, err)
		}
		return r.receiveLead(ctx, values)
	}
	if outcome, err := r.mayBeOurs(ctx); outcome != nil || err != nil {
		return outcome, err
	}
	if err := r.indispensable(failed); err != nil {
		return nil, unreadable(problem.OpportunityRefused, "referral "+r.referral.ID, err)
	}
	if flow, blocked := r.settings.Blocked[CreateOpportunity]; blocked {
		return r.gate(flow), nil
	}
	r.fail(failed)
	return r.createOpportunity(ctx, values)
}

// mayBeOurs holds a referral of our own making back while a create of ours is under way that it may be the result of: when
// the reference does not survive in Partner Center, only the create's answer tells.
func (r *run) mayBeOurs(ctx context.Context) (store.Outcome, error) {
	if !r.referral.Outgoing || r.referral.ExternalReference != "" {
		return nil, nil
	}
	open, err := r.store.OpenIntents(ctx, intentReferral)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(open, func(i store.OpenIntent) bool { return i.Key != r.claim.Key }) {
		return r.again(firstBackoff, nil), nil
	}
	return nil, nil
}

// createOpportunity matches the customer's account, or creates it together with the opportunity. Two referrals of one new
// customer must not create two accounts: a lease on the customer covers the time from the look to the journal, and the open
// intent of another deal the time from the journal to a certain outcome, also across a restart.
func (r *run) createOpportunity(ctx context.Context, values deal.Values) (outcome store.Outcome, err error) {
	customer := match.Key(values[deal.CustomerName]) // two spellings of one new customer must not become two accounts either
	lease, got, err := r.store.Acquire(ctx, "account:"+customer, r.settings.Lease)
	if err != nil {
		return nil, err
	}
	if !got { // a process that died with the lease keeps it for a while
		return r.again(r.turn(), nil), nil
	}
	defer func() { err = errors.Join(err, r.store.Release(ctx, lease)) }()
	if busy, err := r.othersCreate(ctx, customer); busy || err != nil {
		return r.again(r.turn(), nil), err
	}
	ctx = r.ahead(ctx, crm.Expected{
		Customer: r.customer(values), Solutions: r.soldThere(), Contacts: first(r.contactsThere()), Team: mapping.TeamOf(r.referral.Tree),
	})
	account, err := r.account(ctx, values)
	if err != nil {
		return nil, err
	}
	if certain, early := r.tooEarly(r.referral.CreatedAt); early && account == "" {
		return store.Retry{At: certain}, nil // the customer's account may be on its way
	}
	record, base, err := r.newRecord(ctx, values, account)
	if err != nil {
		return nil, err
	}
	body, err := r.crm.EncodeCreate(record)
	if err != nil {
		return nil, err
	}
	link := r.deal.Link
	link.ReferralID, link.EngagementID = r.referral.ID, r.referral.EngagementID
	planned := journalled{Body: body, Base: base, Name: customer, Told: record.Audit}
	intent, err := r.intend(ctx, intentOpportunity, r.referral.ID, planned, &link)
	if err != nil {
		return nil, err
	}
	return r.sendOpportunity(ctx, intent, planned)
}

// othersCreate reports whether another deal of the same customer has a create under way.
func (r *run) othersCreate(ctx context.Context, customer string) (bool, error) {
	open, err := r.store.OpenIntents(ctx, intentOpportunity)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(open, func(i store.OpenIntent) bool {
		var planned journalled
		return i.Key != r.claim.Key && json.Unmarshal(i.Payload, &planned) == nil && planned.Name == customer
	}), nil
}

func (r *run) customer(values deal.Values) match.Customer {
	customer := match.Customer{Name: values[deal.CustomerName], PostalCode: values[deal.CustomerPostal]}
	customer.Country, _ = deal.CountryCode(values[deal.CustomerNation])
	return customer
}

// soldThere are the referral's solutions that go into a create.
func (r *run) soldThere() []deal.Solution {
	solutions := mapping.SolutionsOf(r.referral.Tree)
	return solutions[:min(len(solutions), crm.MostSolutions)]
}

// account gives the one account that is the customer's, or "" when one is to be created.
func (r *run) account(ctx context.Context, values deal.Values) (string, error) {
	object := "referral " + r.referral.ID
	customer := r.customer(values)
	found, err := r.crm.FindAccounts(ctx, customer)
	if err != nil {
		return "", err
	}
	decision := match.Decide(customer, r.settings.MatchPostalCode, found)
	switch {
	case decision.Verdict == match.One:
		r.log.Info("belongs to an account", "account", decision.Account.ID, "because", decision.Reason)
		return decision.Account.ID, nil
	case decision.Verdict == match.Doubtful:
		return "", problem.New(problem.AccountAmbiguous, object, customer.String()+": "+decision.String())
	case !r.settings.CreateAccounts:
		return "", problem.New(problem.AccountMissing, object, customer.String())
	default:
		return "", nil
	}
}

func (r *run) newRecord(ctx context.Context, values deal.Values, accountID string) (crm.NewRecord, deal.Pair, error) {
	plan := r.settings.Plan
	solutions := mapping.SolutionsOf(r.referral.Tree)
	for len(solutions) > crm.MostSolutions { // the others are news for the merge that follows
		delete(values, deal.SolutionField(solutions[len(solutions)-1].ID))
		solutions = solutions[:len(solutions)-1]
	}
	sold, err := r.crm.Catalogue(ctx, solutions)
	if err != nil {
		return crm.NewRecord{}, deal.Pair{}, err
	}
	contacts, err := r.newContacts(ctx, values, accountID)
	if err != nil {
		return crm.NewRecord{}, deal.Pair{}, err
	}
	owner, err := r.crm.Owner(ctx, mapping.TeamOf(r.referral.Tree))
	if err != nil {
		return crm.NewRecord{}, deal.Pair{}, err
	}
	written := plan.Fit(values)
	fields, err := plan.ToRecord(present(written))
	if err != nil {
		return crm.NewRecord{}, deal.Pair{}, unreadable(problem.OpportunityRefused, "referral "+r.referral.ID, err)
	}
	account, err := plan.ToRelated("Account", values)
	if err != nil {
		return crm.NewRecord{}, deal.Pair{}, unreadable(problem.OpportunityRefused, "referral "+r.referral.ID, err)
	}
	if name, marked, ok := plan.Mark(fields, deal.MarkSuccess); ok {
		fields[name] = marked
	}
	record := crm.NewRecord{
		ReferralID: r.referral.ID, Fields: fields, AccountID: accountID, Account: account, Solutions: sold, Contacts: contacts, OwnerID: owner,
		SyncStatus: r.say(statusInSync), Audit: r.auditLine(r.tellReceived()),
	}
	return record, deal.Pair{CRM: written, Referral: values}, nil
}

// newContacts gives the first contacts of a new record; the others are news for the merge that follows.
func (r *run) newContacts(ctx context.Context, values deal.Values, accountID string) ([]crm.NewContact, error) {
	people := r.contactsThere()
	for _, later := range people[len(first(people)):] {
		delete(values, deal.ContactField(later.Email))
	}
	people = first(people)
	contacts, err := r.crm.Contacts(ctx, accountID, people)
	if err == nil && len(contacts) > 0 {
		contacts[0].Primary = true
	}
	return contacts, err
}

// contactsThere are the referral's contacts of whom all is known, each once.
func (r *run) contactsThere() []deal.Person {
	var people []deal.Person
	named := map[string]bool{}
	for _, person := range mapping.ContactsOf(r.referral.Tree) {
		if field := deal.ContactField(person.Email); person.Complete() && !named[field] {
			people, named[field] = append(people, person), true
		}
	}
	return people
}

// first are the contacts that go into a create.
func first(people []deal.Person) []deal.Person { return people[:min(len(people), crm.MostContacts)] }

// present leaves empty values out: a new record need not be told what it lacks.
func present(values deal.Values) deal.Values {
	some := deal.Values{}
	for field, value := range values {
		if value != "" {
			some[field] = value
		}
	}
	return some
}

func (r *run) sendOpportunity(ctx context.Context, intent store.Intent, planned journalled) (store.Outcome, error) {
	id, err := r.insert(ctx, intent, planned.Body, r.crm.Create, r.crm.FindByReferral)
	if err != nil {
		return nil, err
	}
	r.log.Info("created the opportunity", "record", id, "referral", intent.Correlation)
	return r.received(ctx, intent, planned, id)
}

// insert sends the journalled bytes of a new record and gives its id. A record of the referral that is there already is the one: an
// earlier request arrived after all.
func (r *run) insert(
	ctx context.Context, intent store.Intent, body []byte,
	create func(context.Context, []byte) (string, error), find func(context.Context, string) (string, bool, error),
) (string, error) {
	id, err := create(ctx, body)
	if errors.Is(err, crm.ErrExists) {
		found, exists, findErr := find(ctx, intent.Correlation)
		if findErr != nil {
			return "", findErr
		}
		if exists {
			return found, nil
		}
	}
	if err == nil {
		return id, nil
	}
	if problem.ClassOf(err) == problem.NeedsPerson && !wire.IsAmbiguous(err) {
		err = problem.Wrap(problem.OpportunityRefused, "referral "+intent.Correlation, err)
	}
	return "", r.refused(ctx, intent, err)
}

// received links the opportunity that an intent produced. The deal is at rest, as far as the record could be written as the
// referral is; its own change is an event.
func (r *run) received(ctx context.Context, intent store.Intent, planned journalled, recordID string) (store.Outcome, error) {
	link := r.deal.Link
	link.CRMID = recordID
	err := r.commit(ctx, store.Change{
		Link: &link, Base: packBase(planned.Base), Settle: settled(intent, store.IntentDone, recordID), Told: &planned.Told,
		Audit: []store.AuditEntry{{Actor: "agent", Direction: "inbound", Detail: "created opportunity " + recordID}},
	})
	if err != nil {
		return nil, err
	}
	return store.Done{}, nil
}

func (r *run) finishOpportunity(ctx context.Context, intent store.Intent, planned journalled) (store.Outcome, error) {
	id, found, err := r.inserted(ctx, intent, r.crm.FindByReferral, r.crm.FindDeleted)
	if err != nil {
		return nil, err
	}
	if found {
		_, err = r.received(ctx, intent, planned, id)
		return nil, err // go on: much may have changed meanwhile
	}
	// The unique key, and the recycle bin, say for certain that nothing arrived. The bytes are not sent again but made anew, because another
	// deal may have created the account that they would create.
	return nil, r.commit(ctx, store.Change{Settle: settled(intent, store.IntentSuperseded, "")})
}

// inserted looks for the record that an intent of an earlier run may have created. One that a person has deleted meanwhile was created
// all the same: it is not made once more.
func (r *run) inserted(
	ctx context.Context, intent store.Intent,
	find func(context.Context, string) (string, bool, error), findDeleted func(context.Context, string, time.Time) (string, bool, error),
) (id string, found bool, err error) {
	if id, found, err = find(ctx, intent.Correlation); found || err != nil {
		return id, found, err
	}
	return findDeleted(ctx, intent.Correlation, intent.SentAt.Add(-clockMargin))
}
