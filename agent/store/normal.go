package store

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// This file brings what callers hand in into the one form that all implementations keep, so that they agree to the byte.

// millis is the kept form of a time: 0 stands for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is the inverse of millis.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// atOr is the kept form of a time that means "now" when it is zero.
func atOr(t time.Time, now int64) int64 {
	if t.IsZero() {
		return now
	}
	return t.UnixMilli()
}

// text makes a string storable: PostgreSQL refuses NUL and invalid UTF-8, which remote texts may contain.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// blob makes nil and empty one.
func blob(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return bytes.Clone(b)
}

// cleanValues copies values in storable form; nil stays nil.
func cleanValues(v Values) Values {
	if v == nil {
		return nil
	}
	out := make(Values, len(v))
	for name, value := range v {
		out[text(name)] = text(value)
	}
	return out
}

// checkID refuses what cannot be an identifier. Identifiers are never altered: two of them could become one.
func checkID(what, id string) error {
	if id == "" {
		return fmt.Errorf("%s is empty", what)
	}
	if !utf8.ValidString(id) || strings.ContainsRune(id, 0) {
		return fmt.Errorf("%s %q is not valid UTF-8 text", what, id)
	}
	return nil
}

// mark is what the new events of one deal amount to.
type mark struct {
	events   int64 // how many: the generation rises by it
	due      int64
	priority int
}

func (m *mark) add(due int64, priority int) {
	if m.events == 0 || due < m.due {
		m.due = due
	}
	if m.events == 0 || priority < m.priority {
		m.priority = priority
	}
	m.events++
}

// cleanEvents checks events and the cursor that covers them, and copies them in storable form.
func cleanEvents(events []Event, cursor *Cursor) ([]Event, *Cursor, error) {
	out := make([]Event, len(events))
	for i, e := range events {
		if err := checkID("event id", e.ID); err != nil {
			return nil, nil, err
		}
		if err := checkID("external key of event "+e.ID, e.Key); err != nil {
			return nil, nil, err
		}
		e.Source, e.Name, e.Body = text(e.Source), text(e.Name), blob(e.Body)
		out[i] = e
	}
	if cursor == nil {
		return out, nil, nil
	}
	return out, &Cursor{Name: cursor.Name, Value: text(cursor.Value)}, checkID("name of the cursor", cursor.Name)
}

// cleanChange checks a change and copies it in storable form. Its Aliases then include the ids that the link names,
// sorted and each once.
func cleanChange(c Change, now int64) (Change, error) {
	c.Base, c.Pending = cleanValues(c.Base), cleanValues(c.Pending)
	c.Aliases = slices.Clone(c.Aliases)
	if c.Link != nil {
		link := *c.Link
		c.Link = &link
		for _, id := range []string{link.ReferralID, link.EngagementID, link.CounterpartID, link.CRMID, link.Origin, link.Phase} {
			if id != "" {
				if err := checkID("link", id); err != nil {
					return Change{}, err
				}
			}
		}
		c.Aliases = append(c.Aliases, link.externalKeys()...)
	}
	slices.Sort(c.Aliases)
	c.Aliases = slices.Compact(c.Aliases)
	for _, alias := range c.Aliases {
		if err := checkID("alias", alias); err != nil {
			return Change{}, err
		}
	}
	var err error
	if c.Open, err = cleanIntents(c.Open, now); err != nil {
		return Change{}, err
	}
	if c.Settle, err = cleanSettlements(c.Settle); err != nil {
		return Change{}, err
	}
	c.Audit = slices.Clone(c.Audit)
	for i, e := range c.Audit {
		c.Audit[i] = AuditEntry{
			At: moment(atOr(e.At, now)), Actor: text(e.Actor), Direction: text(e.Direction), Field: text(e.Field),
			Old: text(e.Old), New: text(e.New), Rule: text(e.Rule), Detail: text(e.Detail),
		}
	}
	for _, said := range []**string{&c.Report, &c.Told} {
		if *said != nil {
			clean := text(**said)
			*said = &clean
		}
	}
	return c, nil
}

// externalKeys are the keys of everything the link names.
func (l Link) externalKeys() []string {
	var keys []string
	if l.ReferralID != "" {
		keys = append(keys, ReferralKey(l.ReferralID))
	}
	if l.CounterpartID != "" {
		keys = append(keys, ReferralKey(l.CounterpartID))
	}
	if l.CRMID != "" {
		keys = append(keys, RecordKey(l.CRMID))
	}
	return keys
}

// both reports whether both sides are known.
func (l Link) both() bool { return l.ReferralID != "" && l.CRMID != "" }

func cleanIntents(intents []Intent, now int64) ([]Intent, error) {
	out := make([]Intent, len(intents))
	for i, in := range intents {
		if err := checkID("intent id", in.ID); err != nil {
			return nil, err
		}
		if in.State == "" {
			in.State = IntentSent
		}
		if err := checkState(in.ID, in.State); err != nil {
			return nil, err
		}
		in.Kind, in.Correlation, in.RemoteID = text(in.Kind), text(in.Correlation), text(in.RemoteID)
		in.Payload = blob(in.Payload)
		in.SentAt, in.NotBefore = moment(atOr(in.SentAt, now)), moment(millis(in.NotBefore))
		out[i] = in
	}
	return out, nil
}

func cleanSettlements(settlements []Settlement) ([]Settlement, error) {
	out := slices.Clone(settlements)
	for i, st := range out {
		if err := checkState(st.ID, st.State); err != nil {
			return nil, err
		}
		out[i].RemoteID = text(st.RemoteID)
	}
	return out, nil
}

func checkState(id, state string) error {
	switch state {
	case IntentSent, IntentAmbiguous, IntentDone, IntentFailed, IntentSuperseded, IntentHeld:
		return nil
	}
	return fmt.Errorf("intent %s: %q is not a state of an intent", id, state)
}

// checkIntent decides whether next may be journalled where old, of the deal oldKey, stands under the same ID.
func checkIntent(key, oldKey string, old, next Intent) error {
	if oldKey != key {
		return fmt.Errorf("intent %s belongs to deal %s, not to %s: give every intent an id of its own", next.ID, oldKey, key)
	}
	if old.Open() && (old.Kind != next.Kind || old.Correlation != next.Correlation || !bytes.Equal(old.Payload, next.Payload)) {
		return fmt.Errorf("intent %s of deal %s is open with another payload: settle it before journalling another effect", next.ID, key)
	}
	return nil
}

func errUnknownIntent(key, id string) error {
	return fmt.Errorf("deal %s has no intent %s to settle", key, id)
}

func errOtherDeal(base error, alias, owner, key string) error {
	return fmt.Errorf("%w: %s is part of deal %s, not of %s", base, alias, owner, key)
}

func errClaim(key string) error { return fmt.Errorf("deal %s: %w", key, ErrLeaseLost) }
