package salesforce

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// userObject is where the owners of opportunities are.
const userObject = "User"

// Push gives the push feed of a topic of change events. Which entities it tells of is settled in the organisation: what is not
// selected there comes by poll.
func (o *Org) Push(events *salesforce.Events, topic string) crm.PushFeed {
	return &pushFeed{o, events, topic}
}

type pushFeed struct {
	org    *Org
	events *salesforce.Events
	topic  string
}

// Listen implements [crm.PushFeed]. A position belongs to its topic: with another one the subscription begins with the next event.
func (f *pushFeed) Listen(ctx context.Context, position string) (crm.Listener, error) {
	if err := f.events.CheckTopic(ctx, f.topic); err != nil {
		return nil, err
	}
	var after []byte
	if topic, encoded, found := strings.Cut(position, " "); found && topic == f.topic {
		replay, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", crm.ErrPosition, err)
		}
		after = replay
	}
	subscription, err := f.events.Subscribe(ctx, f.topic, after)
	if err != nil {
		return nil, err
	}
	return &listener{f.org, f.topic, subscription}, nil
}

type listener struct {
	org          *Org
	topic        string
	subscription *salesforce.Subscription
}

// Close implements [crm.Listener].
func (l *listener) Close() { l.subscription.Close() }

// Next implements [crm.Listener].
func (l *listener) Next(ctx context.Context) (crm.Announcements, error) {
	batch, err := l.subscription.Receive(ctx)
	if salesforce.IsReplayRefused(err) {
		return crm.Announcements{}, fmt.Errorf("%w: %w", crm.ErrPosition, err)
	}
	if err != nil {
		return crm.Announcements{}, err
	}
	told := announced{org: l.org, children: map[string]map[string]crm.Hit{}}
	for _, event := range batch.Events {
		told.add(event)
	}
	if err := told.resolve(ctx); err != nil {
		return crm.Announcements{}, err
	}
	told.Position = l.topic + " " + base64.StdEncoding.EncodeToString(batch.ReplayID)
	return told.Announcements, nil
}

// announced sorts the events of one batch.
type announced struct {
	crm.Announcements
	org *Org
	// children are records whose opportunities have to be asked for, by object and id, with the version and time of the last event.
	children map[string]map[string]crm.Hit
}

func (a *announced) add(event salesforce.ChangeEvent) {
	h, n := event.Header, a.org.names
	if client := h.Client(); client != "" && client == a.org.client.CallerName() && !h.ChangeType.Gap() {
		return // an own write; what automation made of it is found by the poll
	}
	if !a.org.watches(h.EntityName) {
		return
	}
	if !h.Names() {
		a.Missed = true
		return
	}
	for _, id := range h.RecordIDs {
		hit := crm.Hit{ID: id, Version: fmt.Sprint(h.EntityName, " ", id, " ", h.TransactionKey, " ", h.SequenceNumber, " ", h.ChangeType), At: h.CommitTime}
		switch {
		case h.EntityName == n.Opportunity && !unknownScope(h), h.EntityName == n.Leads.Object:
			a.own(hit, event)
		default:
			if a.children[h.EntityName] == nil {
				a.children[h.EntityName] = map[string]crm.Hit{}
			}
			a.children[h.EntityName][id] = hit
		}
	}
}

// unknownScope reports whether an event's values say nothing of whether the record is to be synchronised, although it may have
// become so: its values are missing.
func unknownScope(h salesforce.ChangeEventHeader) bool {
	return !h.ChangeType.Deleted() && (h.ChangeType.Gap() || h.ChangeType == salesforce.ChangeUndelete)
}

// own takes an opportunity or a lead, which the values of the event show to be one that is synchronised. If they do not show it,
// it was so before, and is then known, or is none.
func (a *announced) own(hit crm.Hit, event salesforce.ChangeEvent) {
	n := a.org.names
	fields := []string{n.Key, n.Sync}
	if event.Header.EntityName == n.Leads.Object {
		fields = []string{n.Leads.Key}
	}
	for _, field := range fields {
		if value := event.Values[field]; value != nil && value != false && value != "" {
			a.Hits = append(a.Hits, hit)
			return
		}
	}
	a.Perhaps = append(a.Perhaps, hit)
}

// watches reports whether changes of an object can matter.
func (o *Org) watches(object string) bool {
	n := o.names
	objects := []string{n.Opportunity, n.Solution, n.ContactRole, n.Contact, n.Account, userObject, teamObject}
	return slices.Contains(objects, object) || n.Leads.Object != "" && object == n.Leads.Object
}

// parents is the query that leads from records of an object to opportunities: the column that holds the record and the column
// that holds the opportunity. The conditions are those of the poll.
type parents struct {
	object, record, opportunity, condition string
	deleted                                bool
}

func (o *Org) parentsOf(object string) parents {
	n := o.names
	unshared := n.Sync + " = true AND " + n.Key + " = null"
	switch object {
	case n.Opportunity:
		return parents{object, "Id", "Id", "(" + n.Sync + " = true OR " + n.Key + " != null)", false}
	case n.Solution:
		return parents{object, "Id", n.SolutionOpportunity, relation(n.SolutionOpportunity) + "." + n.Sync + " = true", true}
	case n.Contact:
		return parents{n.ContactRole, "ContactId", "OpportunityId", "Opportunity." + n.Sync + " = true", false}
	case n.Account:
		return parents{n.Opportunity, "AccountId", "Id", unshared, false}
	case userObject:
		return parents{n.Opportunity, "OwnerId", "Id", unshared, false}
	default: // contact roles and team members
		return parents{object, "Id", "OpportunityId", "Opportunity." + n.Sync + " = true", true}
	}
}

// mostAsked keeps a query well below the longest address that a service takes.
const mostAsked = 200

// resolve asks for the opportunities of the records that are none themselves.
func (a *announced) resolve(ctx context.Context) error {
	for _, object := range slices.Sorted(maps.Keys(a.children)) {
		way := a.org.parentsOf(object)
		for ids := range slices.Chunk(slices.Sorted(maps.Keys(a.children[object])), mostAsked) {
			query := feed{deleted: way.deleted, soql: fmt.Sprintf("SELECT %s FROM %s WHERE %s IN %s AND %s ORDER BY Id",
				strings.Join(slices.Compact([]string{way.record, way.opportunity}), ", "), way.object, way.record, salesforce.QuoteAll(ids), way.condition)}
			rows, err := query.rows(ctx, a.org.client.Data())
			if err != nil {
				return fmt.Errorf("look for the opportunities of changed records of %s: %w", object, err)
			}
			for _, row := range rows {
				hit, found := a.children[object][text(row[way.record])]
				if id := text(row[way.opportunity]); found && id != "" {
					hit.ID = id
					a.Hits = append(a.Hits, hit)
				}
			}
		}
	}
	return nil
}
