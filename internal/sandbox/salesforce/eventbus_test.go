package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/avro"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/cosell-sync/terraform-provider-cosell/internal/eventbus"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/pipenet"
)

// bus is a plain client of an org's Pub/Sub API.
type bus struct {
	t      *testing.T
	r      *rig
	client eventbus.PubSubClient
	ctx    context.Context
}

// newBusRig is a rig whose server speaks HTTP/2 in plain text, or over TLS.
func newBusRig(t *testing.T, overTLS bool) *bus {
	t.Helper()
	r := newRig(t)
	server := httptest.NewUnstartedServer(r.org.Handler())
	secure := insecure.NewCredentials()
	if overTLS {
		server.EnableHTTP2 = true
		server.StartTLS()
		secure = credentials.NewTLS(server.Client().Transport.(*http.Transport).TLSClientConfig)
	} else {
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
	}
	t.Cleanup(server.Close)
	conn, err := grpc.NewClient("passthrough:///"+server.Listener.Addr().String(), grpc.WithTransportCredentials(secure))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &bus{t: t, r: r, client: eventbus.NewPubSubClient(conn), ctx: r.signedIn(t.Context(), r.agent)}
}

func (r *rig) signedIn(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "accesstoken", token, "instanceurl", r.server.URL, "tenantid", r.org.Credentials().OrgID)
}

// selects puts entities on a channel.
func (r *rig) selects(channel string, entities ...string) {
	r.t.Helper()
	for _, entity := range entities {
		name := strings.ReplaceAll(channel+"_"+entity, "__", "_")
		r.rest(r.admin, http.MethodPost, "/tooling/sobjects/PlatformEventChannelMember", map[string]any{
			"FullName": name, "Metadata": map[string]any{"eventChannel": channel, "selectedEntity": entity},
		}).want(http.StatusCreated)
	}
}

func (b *bus) subscribe(request *eventbus.FetchRequest) grpc.BidiStreamingClient[eventbus.FetchRequest, eventbus.FetchResponse] {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.ctx)
	b.t.Cleanup(cancel)
	stream, err := b.client.Subscribe(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := stream.Send(request); err != nil {
		b.t.Fatal(err)
	}
	return stream
}

// told is an event as decoded with its own schema.
type told struct {
	replay []byte
	header map[string]any
	values map[string]any
	schema string
}

func (e told) String() string {
	return fmt.Sprint(e.header["changeType"], " ", e.header["entityName"], " ", e.header["recordIds"])
}

func (b *bus) decode(event *eventbus.ConsumerEvent) told {
	b.t.Helper()
	info, err := b.client.GetSchema(b.ctx, &eventbus.SchemaRequest{SchemaId: event.GetEvent().GetSchemaId()})
	if err != nil {
		b.t.Fatal(err)
	}
	schema, err := avro.Parse(info.GetSchemaJson())
	if err != nil {
		b.t.Fatalf("%v in %s", err, info.GetSchemaJson())
	}
	var values any
	rest, err := schema.Decode(event.GetEvent().GetPayload(), &values)
	if err != nil || len(rest) > 0 {
		b.t.Fatalf("%v, %d bytes left", err, len(rest))
	}
	out := told{replay: event.GetReplayId(), values: map[string]any{}, schema: info.GetSchemaJson()}
	for name, value := range values.(map[string]any) {
		if name == "ChangeEventHeader" {
			out.header = value.(map[string]any)
		} else if value != nil {
			out.values[name] = value
		}
	}
	return out
}

// receive takes n events of a stream.
func (b *bus) receive(stream grpc.BidiStreamingClient[eventbus.FetchRequest, eventbus.FetchResponse], n int) []told {
	b.t.Helper()
	var list []told
	for len(list) < n {
		answer, err := stream.Recv()
		if err != nil {
			b.t.Fatalf("after %v: %v", list, err)
		}
		for _, event := range answer.GetEvents() {
			list = append(list, b.decode(event))
		}
	}
	return list
}

// refusedWith checks the status and the trailer of a stream that ends.
func (b *bus) refusedWith(stream grpc.BidiStreamingClient[eventbus.FetchRequest, eventbus.FetchResponse], code codes.Code, reason string) {
	b.t.Helper()
	answer, err := stream.Recv()
	if status.Code(err) != code || !slices.Equal(stream.Trailer().Get("error-code"), []string{reason}) {
		b.t.Fatalf("%v, %v with %v", answer, err, stream.Trailer())
	}
}

func earliest(topic string) *eventbus.FetchRequest {
	return &eventbus.FetchRequest{TopicName: topic, ReplayPreset: eventbus.ReplayPreset_EARLIEST, NumRequested: 100}
}

// TestChangeEvents shows the events of a row's life, over TLS and in plain text: only a selected entity has them, an update names
// its changed and its emptied fields by their places, and the origin names the API and the client.
func TestChangeEvents(t *testing.T) {
	for _, overTLS := range []bool{true, false} {
		b := newBusRig(t, overTLS)
		b.r.opportunity("before the selection")
		b.r.selects("ChangeEvents", "OpportunityChangeEvent")
		id := b.r.opportunity("Deal")
		b.r.create(b.r.agent, "Account", map[string]any{"Name": "not selected"})
		b.r.rest(b.r.agent, http.MethodPatch, "/sobjects/Opportunity/"+id, map[string]any{"StageName": "Qualification", "Amount": 5, "NextStep": "call"},
			"Sforce-Call-Options", "client=tester/1").want(204)
		b.r.rest(b.r.agent, http.MethodPatch, "/sobjects/Opportunity/"+id, map[string]any{"NextStep": nil}).want(204)
		b.r.rest(b.r.agent, http.MethodDelete, "/sobjects/Opportunity/"+id, nil).want(204)
		if err := b.r.org.Undelete("Opportunity", id); err != nil {
			t.Fatal(err)
		}
		for _, topic := range []string{"/data/ChangeEvents", "/data/OpportunityChangeEvent"} {
			events := b.receive(b.subscribe(earliest(topic)), 5)
			for i, want := range []string{"CREATE", "UPDATE", "UPDATE", "DELETE", "UNDELETE"} {
				if got := events[i].String(); got != want+" Opportunity ["+id+"]" {
					t.Fatalf("%s: event %d is %s", topic, i, got)
				}
			}
			if got := events[0].values; got["Name"] != "Deal" || got["StageName"] != "Prospecting" || got["IsPrivate"] != false {
				t.Errorf("created with %v", got)
			}
			if origin := events[1].header["changeOrigin"]; origin != "com/salesforce/api/rest/66.0;client=tester/1" {
				t.Errorf("origin %v", origin)
			}
			if got := events[1].values; got["StageName"] != "Qualification" || got["Amount"] != 5.0 || got["Name"] != nil {
				t.Errorf("updated %v", got)
			}
			if fields := named(t, events[1], "changedFields"); !slices.Contains(fields, "StageName") || !slices.Contains(fields, "NextStep") || slices.Contains(fields, "Name") {
				t.Errorf("changed fields %v", fields)
			}
			if fields := named(t, events[2], "nulledFields"); !slices.Equal(fields, []string{"NextStep"}) {
				t.Errorf("emptied fields %v", fields)
			}
			if events[1].header["transactionKey"] == events[2].header["transactionKey"] {
				t.Error("two transactions have one key")
			}
		}
	}
}

// named resolves the bitmaps of a header by the order of the schema's fields, plain ones only.
func named(t *testing.T, e told, list string) []string {
	t.Helper()
	var schema struct {
		Fields []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(e.schema), &schema); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, bitmap := range e.header[list].([]any) {
		var n uint64
		if _, err := fmt.Sscanf(bitmap.(string), "0x%X", &n); err != nil {
			t.Fatalf("%v: %v", bitmap, err)
		}
		for i, f := range schema.Fields {
			if n>>i&1 == 1 {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// TestEventsOfTransactions shows that a refused transaction has no events, that an accepted one has one key for all of its
// events, and that equal changes of several rows come as one event.
func TestEventsOfTransactions(t *testing.T) {
	b := newBusRig(t, false)
	b.r.selects("ChangeEvents", "OpportunityChangeEvent", "AccountChangeEvent")
	one, two := b.r.opportunity("One"), b.r.opportunity("Two")
	records := func(stage, last string) map[string]any {
		record := func(id, stage string) map[string]any {
			return map[string]any{"attributes": map[string]any{"type": "Opportunity"}, "Id": id, "StageName": stage}
		}
		return map[string]any{"allOrNone": true, "records": []any{record(one, stage), record(last, stage)}}
	}
	b.r.rest(b.r.agent, http.MethodPatch, "/composite/sobjects", records("Qualification", "006000000000999AAA")).want(200)
	b.r.rest(b.r.agent, http.MethodPatch, "/composite/sobjects", records("Qualification", two)).want(200)
	step := func(id, object string, body map[string]any) map[string]any {
		return map[string]any{"method": "POST", "url": "/services/data/v66.0/sobjects/" + object, "referenceId": id, "body": body}
	}
	b.r.rest(b.r.agent, http.MethodPost, "/composite", map[string]any{"allOrNone": true, "compositeRequest": []any{
		step("account", "Account", map[string]any{"Name": "Customer", "BillingCity": "Graz"}),
		step("deal", "Opportunity", map[string]any{"Name": "Three", "StageName": "Prospecting", "CloseDate": "2027-01-31", "AccountId": "@{account.id}"}),
	}}).want(200)
	events := b.receive(b.subscribe(earliest("/data/ChangeEvents")), 5)
	if got := events[2].String(); got != "UPDATE Opportunity ["+one+" "+two+"]" {
		t.Errorf("the collection came as %s", got)
	}
	if events[3].header["entityName"] != "Account" || events[3].header["transactionKey"] != events[4].header["transactionKey"] || events[4].header["sequenceNumber"] != int32(2) && events[4].header["sequenceNumber"] != int64(2) {
		t.Errorf("the composite came as %v, %v", events[3].header, events[4].header)
	}
	if address, _ := events[3].values["BillingAddress"].(map[string]any); address["City"] != "Graz" {
		t.Errorf("the account has %v", events[3].values)
	}
}

// TestSubscribing shows flow control, taking up a subscription again, retention, and what is refused.
func TestSubscribing(t *testing.T) {
	b := newBusRig(t, false)
	b.r.selects("ChangeEvents", "OpportunityChangeEvent")
	for i := range 5 {
		b.r.opportunity(fmt.Sprint("Deal ", i))
	}
	request := earliest("/data/ChangeEvents")
	request.NumRequested = 2
	stream := b.subscribe(request)
	first := b.receive(stream, 2)
	if err := stream.Send(&eventbus.FetchRequest{NumRequested: 3}); err != nil {
		t.Fatal(err)
	}
	if rest := b.receive(stream, 3); len(rest) != 3 {
		t.Errorf("%d events after 3 more were asked for", len(rest))
	}
	again := func(replay []byte) grpc.BidiStreamingClient[eventbus.FetchRequest, eventbus.FetchResponse] {
		return b.subscribe(&eventbus.FetchRequest{TopicName: "/data/ChangeEvents", ReplayPreset: eventbus.ReplayPreset_CUSTOM, ReplayId: replay, NumRequested: 100})
	}
	if rest := b.receive(again(first[1].replay), 3); rest[0].String() == first[1].String() {
		t.Error("the event of the replay id came again")
	}
	b.refusedWith(again([]byte("short")), codes.InvalidArgument, reasonCorrupted)
	b.r.kit.Clock.Advance(73 * time.Hour)
	b.refusedWith(b.subscribe(earliest("/data/ChangeEvents")), codes.Unauthenticated, reasonAuth)
	b.r.agent = b.r.login(b.r.org.Credentials().Agent)
	b.ctx = b.r.signedIn(t.Context(), b.r.agent)
	b.refusedWith(again(first[1].replay), codes.InvalidArgument, reasonReplay)
	b.refusedWith(b.subscribe(earliest("/data/NoSuchEvent")), codes.NotFound, reasonTopic)
	b.refusedWith(b.subscribe(&eventbus.FetchRequest{TopicName: "/data/ChangeEvents"}), codes.InvalidArgument, reasonRequested)
	b.r.org.SetEventTrouble(EventTrouble{Refuse: codes.ResourceExhausted})
	b.refusedWith(b.subscribe(earliest("/data/ChangeEvents")), codes.ResourceExhausted, reasonExhausted)
	if _, err := b.client.GetTopic(b.ctx, &eventbus.TopicRequest{TopicName: "/data/ChangeEvents"}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("topic: %v", err)
	}
}

// TestEventTrouble shows gap and overflow events, events that come twice, and a dropped connection.
func TestEventTrouble(t *testing.T) {
	b := newBusRig(t, false)
	b.r.selects("ChangeEvents", "OpportunityChangeEvent")
	b.r.org.SetEventTrouble(EventTrouble{Gaps: true})
	id := b.r.opportunity("Gap")
	b.r.org.SetEventTrouble(EventTrouble{Overflow: true})
	b.r.opportunity("Overflow")
	b.r.org.SetEventTrouble(EventTrouble{Lost: true})
	b.r.opportunity("Lost")
	b.r.org.SetEventTrouble(EventTrouble{Twice: true})
	stream := b.subscribe(earliest("/data/ChangeEvents"))
	events := b.receive(stream, 4)
	if got := events[1].String(); got != "GAP_CREATE Opportunity ["+id+"]" || len(events[1].values) > 0 || string(events[0].replay) != string(events[1].replay) {
		t.Errorf("gap: %v, %v", events[0], events[1])
	}
	if got := events[3].String(); got != "GAP_OVERFLOW Opportunity [000000000000000AAA]" {
		t.Errorf("overflow: %s", got)
	}
	if b.r.org.DropSubscriptions() != 1 {
		t.Error("there was no subscription to drop")
	}
	if answer, err := stream.Recv(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the dropped subscription gave %v, %v", answer, err)
	}
}

// TestCustomChannel shows that a channel carries its own members only, and that its topic and its members come and go by the
// Tooling API.
func TestCustomChannel(t *testing.T) {
	b := newBusRig(t, false)
	b.refusedWith(b.subscribe(earliest("/data/Deals__chn")), codes.NotFound, reasonTopic)
	channel, _ := b.r.rest(b.r.admin, http.MethodPost, "/tooling/sobjects/PlatformEventChannel", map[string]any{
		"FullName": "Deals__chn", "Metadata": map[string]any{"channelType": "data", "label": "Deals"}}).want(201).at("id").(string)
	b.r.selects("Deals__chn", "OpportunityChangeEvent")
	b.r.selects("ChangeEvents", "AccountChangeEvent")
	b.r.create(b.r.agent, "Account", map[string]any{"Name": "Customer"})
	id := b.r.opportunity("Deal")
	if got := b.receive(b.subscribe(earliest("/data/Deals__chn")), 1)[0].String(); got != "CREATE Opportunity ["+id+"]" {
		t.Errorf("the channel gave %s", got)
	}
	b.r.rest(b.r.admin, http.MethodDelete, "/tooling/sobjects/PlatformEventChannel/"+channel, nil).refused(400, "DELETE_FAILED")
}

// TestEventsInABubble shows that gRPC works over the network in memory and in virtual time: an idle subscription gets a sign of
// life every 270 seconds, a late event comes when it is due, and one that asks for nothing more is closed.
func TestEventsInABubble(t *testing.T) {
	key, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		org, err := New(lab.NewKit(Switches()...), Options{Provider: Login{PrivateKeyPEM: key}, Agent: Login{PrivateKeyPEM: key}})
		if err != nil {
			t.Fatal(err)
		}
		network := pipenet.New()
		listener, _ := network.Listen("org")
		org.SetBaseURL("http://" + listener.Addr().String())
		server := &http.Server{Handler: org.Handler(), Protocols: new(http.Protocols)}
		server.Protocols.SetUnencryptedHTTP2(true)
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
				return network.DialContext(ctx, "tcp", address)
			}))
		if err != nil {
			t.Fatal(err)
		}
		org.mu.Lock()
		token := org.openSession(org.users[org.opts.Agent.UserID])[0].Value.(string)
		org.setup.members["x"] = &component{node: branch("metadata", leaf("eventChannel", standardChannel), leaf("selectedEntity", "AccountChangeEvent"))}
		org.mu.Unlock()
		ctx := metadata.AppendToOutgoingContext(t.Context(), "accesstoken", token, "instanceurl", org.baseURL, "tenantid", org.opts.OrgID)
		stream, err := eventbus.NewPubSubClient(conn).Subscribe(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&eventbus.FetchRequest{TopicName: "/data/ChangeEvents", NumRequested: 1}); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		answer, err := stream.Recv()
		if err != nil || len(answer.GetEvents()) != 0 || len(answer.GetLatestReplayId()) != 8 || time.Since(begun) != keepaliveEvery {
			t.Fatalf("%v, %v after %v", answer, err, time.Since(begun))
		}
		org.SetEventTrouble(EventTrouble{Late: time.Minute})
		if _, err := org.Create("Account", map[string]any{"Name": "Customer"}); err != nil {
			t.Fatal(err)
		}
		begun = time.Now()
		if answer, err = stream.Recv(); err != nil || len(answer.GetEvents()) != 1 || time.Since(begun) != time.Minute || answer.GetPendingNumRequested() != 0 {
			t.Fatalf("%v, %v after %v", answer, err, time.Since(begun))
		}
		begun = time.Now()
		if answer, err = stream.Recv(); !errors.Is(err, io.EOF) || time.Since(begun) != 70*time.Second {
			t.Errorf("%v, %v after %v", answer, err, time.Since(begun))
		}
		if err := errors.Join(conn.Close(), server.Close()); err != nil {
			t.Error(err)
		}
		<-served
	})
}
