package salesforce

import (
	"fmt"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// administrator is the person who refreshes a sandbox, in the operation log.
const administrator = "administrator"

// Refresh copies the data of another org into this one, as refreshing a full sandbox does: the rows keep their ids, their values
// and their times, whatever row this org had is gone, and people become the people of this org, who are added where they are
// missing. Only objects and fields that both orgs have are copied; the schema and the permissions of this org stay as they are. It
// fails on its own org.
func (o *Org) Refresh(from *Org) error {
	if o == from {
		return fmt.Errorf("refresh %s: an org cannot be refreshed from itself", o.opts.OrgName)
	}
	copied := from.snapshot()
	o.mu.Lock()
	defer o.mu.Unlock()
	t := &tx{o: o}
	prefixes := map[string]string{}
	for _, rec := range copied.rows {
		if target := o.data.object(rec.object.Name); target != nil {
			prefixes[rec.object.KeyPrefix] = target.KeyPrefix
		}
	}
	for _, obj := range o.data.order {
		if obj.isData() {
			delete(o.tables, obj.Name)
		}
	}
	people := map[string]string{copied.provider: o.opts.Provider.UserID, copied.agent: o.opts.Agent.UserID, copied.seller: o.seller.userID}
	for _, user := range copied.users {
		if people[user.id] == "" {
			people[user.id] = o.sameUser(t, user)
		}
	}
	translate := func(id string) string {
		if person, ok := people[id]; ok {
			return person
		}
		return withPrefix(id, prefixes)
	}
	for _, rec := range copied.rows {
		if target := o.data.object(rec.object.Name); target != nil {
			t.put(translated(rec, target, translate))
		}
	}
	o.kit.Log.Append(lab.Operation{Service: o.opts.Service, Actor: administrator, Action: "refresh", Object: "Organization", ID: o.opts.OrgID})
	return nil
}

// sameUser is the id of the user with another org's user's e-mail address, who is added if there is none.
func (o *Org) sameUser(t *tx, other *record) string {
	obj := o.data.object("User")
	for _, user := range o.live(obj) {
		if strings.EqualFold(user.str("Email"), other.str("Email")) {
			return user.id
		}
	}
	id := o.newUser(t, other.str("Username"), other.str("FirstName"), other.str("LastName"), &Login{}).userID
	o.find(obj, id).values["Phone"] = other.values["Phone"]
	return id
}

// isData says whether rows of the object are business data, not set-up.
func (obj *object) isData() bool { return !obj.Setup && !obj.ReadOnly && obj.rows == nil }

// snapshot is what a refresh takes from an org.
type snapshot struct {
	rows, users             []*record
	provider, agent, seller string // user ids
}

func (o *Org) snapshot() snapshot {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := snapshot{provider: o.opts.Provider.UserID, agent: o.opts.Agent.UserID, seller: o.seller.userID}
	s.users = o.live(o.data.object("User"))
	for _, obj := range o.data.order {
		if obj.isData() {
			s.rows = append(s.rows, o.live(obj)...)
		}
	}
	return s
}

// translated is a row as a row of another org's object.
func translated(rec *record, target *object, translate func(id string) string) *record {
	next := &record{id: translate(rec.id), object: target, values: map[string]any{}}
	for name, value := range rec.values {
		f := target.field(name)
		if f == nil {
			continue
		}
		if id, isText := value.(string); isText && f.Type == typeReference {
			value = translate(id)
		}
		next.values[name] = value
	}
	return next
}

// withPrefix gives an id the key prefix that its object has in the other org. Custom objects get theirs in the order of their
// creation, so that two orgs may differ.
func withPrefix(id string, prefixes map[string]string) string {
	for before, after := range prefixes {
		if before != after && strings.HasPrefix(id, before) && len(id) == 18 {
			return id18(after + id[len(before):15])
		}
	}
	return id
}
