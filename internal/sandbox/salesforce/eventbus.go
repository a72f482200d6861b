package salesforce

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/cosell-sync/terraform-provider-cosell/internal/eventbus"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

const (
	// eventRetention is how long events are kept (Pub/Sub API, "Event Message Durability").
	eventRetention = 72 * time.Hour
	// keepaliveEvery is the time without events after which a subscription gets a sign of life (Pub/Sub API, FetchResponse).
	keepaliveEvery = 270 * time.Second
	// overflowID stands for all rows of an entity in an overflow event (Change Data Capture, "Overflow Events").
	overflowID = "000000000000000AAA"
)

// Values of changeType (Change Data Capture, "Change Event Header Fields"), in the order of the schema's enumeration.
const (
	changeCreate   = "CREATE"
	changeUpdate   = "UPDATE"
	changeDelete   = "DELETE"
	changeUndelete = "UNDELETE"
	gapPrefix      = "GAP_"
	gapOverflow    = "GAP_OVERFLOW"
)

// EventTrouble says what goes wrong with change events from now on. The zero value is no trouble.
type EventTrouble struct {
	Late         time.Duration // events come so much later
	Twice        bool          // every event is delivered two times
	Lost         bool          // nothing is announced at all
	Gaps         bool          // gap events take the place of the events
	Overflow     bool          // one overflow event per entity takes the place of a transaction's events
	RefuseReplay bool          // no replay id is taken
	Refuse       codes.Code    // the status of every call, unless it is 0
}

// eventBus keeps the change events of an org. Everything in it is guarded by the org's lock.
type eventBus struct {
	server  *grpc.Server
	trouble EventTrouble
	events  []*changeEvent // oldest first
	pruned  uint64         // newest replay id that is no longer kept
	last    uint64         // newest replay id
	commits int64
	schemas map[string]string // Avro by schema id
	changed chan struct{}     // closed and replaced whenever there is something new to look at
	streams map[int]func()    // aborts of the calls under way
	opened  int
}

func newEventBus(o *Org) *eventBus {
	b := &eventBus{server: grpc.NewServer(), schemas: map[string]string{}, changed: make(chan struct{}), streams: map[int]func(){}}
	eventbus.RegisterPubSubServer(b.server, &pubSub{o: o})
	return b
}

// changeEvent is one event, as far as it is the same for all subscribers.
type changeEvent struct {
	replay    uint64
	committed time.Time
	visible   time.Time
	channels  []string // on which the entity is selected
	object    *object
	schema    *eventSchema
	header    changeHeader
	values    map[string]any
	changed   []string // names of the fields
	nulled    []string
}

type changeHeader struct {
	entityName, changeType, changeOrigin, transactionKey, commitUser string
	recordIDs                                                        []string
	sequenceNumber                                                   int64
	commitTimestamp, commitNumber                                    int64
}

// SetEventTrouble replaces what goes wrong with change events.
func (o *Org) SetEventTrouble(trouble EventTrouble) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bus.trouble = trouble
	o.bus.wake()
}

// DropSubscriptions breaks the connections of all subscriptions and says how many there were.
func (o *Org) DropSubscriptions() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, abort := range o.bus.streams {
		abort()
	}
	return len(o.bus.streams)
}

// Subscriptions says how many calls of the Pub/Sub API are under way.
func (o *Org) Subscriptions() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.bus.streams)
}

func (b *eventBus) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// changeOrigin names the API and, where the caller gave one, the client ("Change Event Header Fields", changeOrigin).
func (c *call) changeOrigin() string {
	origin := "com/salesforce/api/rest/" + c.version
	composite := strings.Contains(c.r.URL.Path, "/composite")
	if composite && c.o.kit.Switches.Is(switchCallOptions, "ignored") {
		return origin
	}
	for part := range strings.FieldsFuncSeq(c.r.Header.Get("Sforce-Call-Options"), func(r rune) bool { return r == ';' || r == ',' }) {
		if client, found := strings.CutPrefix(strings.TrimSpace(part), "client="); found {
			return origin + ";client=" + client
		}
	}
	return origin
}

// announce makes the change events of a transaction that has just been committed.
func (o *Org) announce(t *tx, who *principal, origin string) {
	changes := netChanges(t.changes)
	if len(changes) == 0 || o.bus.trouble.Lost {
		return
	}
	selected := o.selectedEntities()
	o.bus.commits++
	now := o.kit.Clock.Now()
	transaction := fmt.Sprintf("%08x-0000-4000-8000-%012x", o.bus.commits, now.UnixMicro()&0xffffffffffff)
	var events []*changeEvent
	for _, change := range changes {
		obj := change.object()
		channels := selected[obj.Name]
		if len(channels) == 0 {
			continue
		}
		event := o.changeEvent(change)
		if event == nil || joinsLast(events, event) {
			continue
		}
		event.channels, event.committed, event.visible = channels, now, now.Add(o.bus.trouble.Late)
		event.header.changeOrigin, event.header.transactionKey, event.header.commitUser = origin, transaction, who.userID
		event.header.commitTimestamp, event.header.commitNumber = now.UnixMilli(), o.bus.commits
		events = append(events, event)
	}
	events = o.bus.troubled(events)
	for i, event := range events {
		event.header.sequenceNumber = int64(i + 1)
		o.bus.last += 3 + uint64(event.header.commitNumber%5) // positions are not contiguous
		event.replay = o.bus.last
		o.bus.events = append(o.bus.events, event)
	}
	o.bus.prune(now)
	o.bus.wake()
}

// netChanges sums up what a transaction did to each row, in the order in which the rows were first touched.
func netChanges(changes []rowChange) []rowChange {
	var net []rowChange
	at := map[string]int{}
	for _, change := range changes {
		id := change.id()
		if i, seen := at[id]; seen {
			net[i].after = change.after
			continue
		}
		at[id] = len(net)
		net = append(net, change)
	}
	return net
}

func (c rowChange) any() *record {
	if c.after != nil {
		return c.after
	}
	return c.before
}

func (c rowChange) id() string      { return c.any().id }
func (c rowChange) object() *object { return c.any().object }

// changeEvent makes the event of one row's change, or nil when there is nothing to tell.
func (o *Org) changeEvent(change rowChange) *changeEvent {
	wasThere := change.before != nil && !change.before.deleted
	isThere := change.after != nil && !change.after.deleted
	event := &changeEvent{object: change.object(), schema: o.eventSchema(change.object()), values: map[string]any{}}
	event.header.entityName, event.header.recordIDs = change.object().Name, []string{change.id()}
	switch {
	case !wasThere && !isThere:
		return nil
	case wasThere && !isThere:
		event.header.changeType = changeDelete
	case wasThere:
		event.header.changeType = changeUpdate
		event.compare(change)
		if len(event.changed) == 0 {
			return nil
		}
	case change.before != nil:
		event.header.changeType = changeUndelete
		if o.kit.Switches.Is(switchUndeleteValues, "all") {
			event.values = change.after.values
		}
	default:
		event.header.changeType = changeCreate
		event.values = change.after.values
	}
	return event
}

// compare notes the fields that differ.
func (e *changeEvent) compare(change rowChange) {
	for _, f := range e.schema.fields {
		before, after := change.before.values[f.Name], change.after.values[f.Name]
		if reflect.DeepEqual(before, after) {
			continue
		}
		e.changed = append(e.changed, f.Name)
		if after == nil {
			e.nulled = append(e.nulled, f.Name)
		} else {
			e.values[f.Name] = after
		}
	}
}

// joinsLast merges an event into the last one when both tell of the same change ("Merged Change Events").
func joinsLast(events []*changeEvent, event *changeEvent) bool {
	if len(events) == 0 {
		return false
	}
	last := events[len(events)-1]
	if last.object != event.object || last.header.changeType != event.header.changeType || !slices.Equal(last.changed, event.changed) ||
		!reflect.DeepEqual(last.values, event.values) {
		return false
	}
	last.header.recordIDs = append(last.header.recordIDs, event.header.recordIDs...)
	return true
}

// troubled puts gap or overflow events in the place of events, if that is the trouble.
func (b *eventBus) troubled(events []*changeEvent) []*changeEvent {
	var out []*changeEvent
	for _, event := range events {
		if b.trouble.Gaps || b.trouble.Overflow {
			event.values, event.changed, event.nulled = nil, nil, nil
			event.header.changeType = gapPrefix + event.header.changeType
		}
		if b.trouble.Overflow {
			event.header.changeType, event.header.recordIDs = gapOverflow, []string{overflowID}
			if slices.ContainsFunc(out, func(other *changeEvent) bool { return other.object == event.object }) {
				continue
			}
		}
		out = append(out, event)
	}
	return out
}

// prune forgets events whose retention is over.
func (b *eventBus) prune(now time.Time) {
	for len(b.events) > 0 && now.Sub(b.events[0].committed) > eventRetention {
		b.pruned = b.events[0].replay
		b.events = b.events[1:]
	}
}

// selectedEntities gives the channels on which each object is selected, by API name.
func (o *Org) selectedEntities() map[string][]string {
	selected := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(o.setup.members)) {
		member := o.setup.members[name].node
		if obj := o.data.object(entityOf(member.value("selectedEntity"))); obj != nil {
			selected[obj.Name] = append(selected[obj.Name], member.value("eventChannel"))
		}
	}
	return selected
}

// entityOf gives the object whose changes an event type tells of: Opportunity of OpportunityChangeEvent, X__c of X__ChangeEvent.
func entityOf(eventType string) string {
	name, isEvent := strings.CutSuffix(eventType, "ChangeEvent")
	if !isEvent {
		return ""
	}
	if base, isCustom := strings.CutSuffix(name, "__"); isCustom {
		return base + "__c"
	}
	return name
}

// eventTypeOf is the inverse of entityOf.
func eventTypeOf(object string) string {
	if base, isCustom := strings.CutSuffix(object, "__c"); isCustom {
		return base + "__ChangeEvent"
	}
	return object + "ChangeEvent"
}

func replayBytes(replay uint64) []byte { return binary.BigEndian.AppendUint64(nil, replay) }

func isGRPC(r *http.Request) bool {
	return r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}

// renderEventFault refuses a call in the way of gRPC, before it reaches the service.
func renderEventFault(w http.ResponseWriter, code codes.Code, reason string) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Grpc-Status", fmt.Sprint(uint32(code)))
	w.Header().Set("Grpc-Message", "injected fault")
	w.Header().Set(errorCodeTrailer, reason)
	w.WriteHeader(http.StatusOK)
}

// eventFaults are the faults that a call of the Pub/Sub API can have. The others break the connection, or leave the call alone.
var eventFaults = map[string]struct {
	code   codes.Code
	reason string
}{
	lab.FaultUnavailable:    {codes.Unavailable, reasonUnavailable},
	lab.FaultThrottled:      {codes.ResourceExhausted, reasonExhausted},
	lab.FaultExpiredSession: {codes.Unauthenticated, reasonAuth},
}
