package salesforce

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/cosell-sync/terraform-provider-cosell/internal/eventbus"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// errorCodeTrailer is the trailer that says why a call failed (Pub/Sub API, "Handle Errors").
const errorCodeTrailer = "error-code"

// Values of that trailer.
const (
	reasonAuth        = "sfdc.platform.eventbus.grpc.service.auth.error"
	reasonUnavailable = "sfdc.platform.eventbus.grpc.service.unavailable"
	reasonExhausted   = "sfdc.platform.eventbus.grpc.service.resource.exhausted"
	reasonCorrupted   = "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted"
	reasonReplay      = "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.validation.failed"
	reasonRequested   = "sfdc.platform.eventbus.grpc.subscription.fetch.requested.events.invalid"
	reasonTopic       = "sfdc.platform.eventbus.grpc.topic.not.found"
	reasonDenied      = "sfdc.platform.eventbus.grpc.topic.access.denied"
	reasonSchema      = "sfdc.platform.eventbus.grpc.schema.not.found"
)

// maxRequested is how many events a client may ask for and not have got yet ("Pull Subscription and Flow Control").
const maxRequested = 100

// serveEvents serves one call of the Pub/Sub API. A dropped connection ends the call without an answer.
func (o *Org) serveEvents(w http.ResponseWriter, r *http.Request) {
	fault := o.kit.Faults.Draw(o.opts.Service, r)
	if refusal, isRefusal := eventFaults[fault.Kind]; isRefusal {
		renderEventFault(w, refusal.code, refusal.reason)
		return
	}
	if fault.Kind == lab.FaultReset || fault.Kind == lab.FaultLostResponse {
		panic(http.ErrAbortHandler)
	}
	ctx, abort := context.WithCancel(r.Context())
	defer abort()
	o.mu.Lock()
	o.bus.opened++
	number := o.bus.opened
	o.bus.streams[number] = abort
	o.mu.Unlock()
	o.bus.server.ServeHTTP(w, r.WithContext(ctx))
	o.mu.Lock()
	delete(o.bus.streams, number)
	o.mu.Unlock()
	if ctx.Err() != nil && r.Context().Err() == nil {
		panic(http.ErrAbortHandler)
	}
}

// pubSub is the service.
type pubSub struct {
	eventbus.UnimplementedPubSubServer
	o *Org
}

// refuseCall sets the trailers of a failed call and gives its error.
func refuseCall(ctx context.Context, code codes.Code, reason, format string, args ...any) error {
	_ = grpc.SetTrailer(ctx, metadata.Pairs(errorCodeTrailer, reason, "rpc-id", rpcID)) // fails only outside a call
	return status.Error(code, fmt.Sprintf(format, args...)+" rpcId: "+rpcID)
}

const rpcID = "00000000-0000-4000-8000-000000000001"

// signedIn finds the session by the metadata of a call. The org's lock is held.
func (s *pubSub) signedIn(ctx context.Context) (*principal, error) {
	if code := s.o.bus.trouble.Refuse; code != codes.OK {
		reason := map[codes.Code]string{codes.PermissionDenied: reasonDenied, codes.ResourceExhausted: reasonExhausted, codes.Unauthenticated: reasonAuth}[code]
		if reason == "" {
			reason = reasonUnavailable
		}
		return nil, refuseCall(ctx, code, reason, "the service refuses the call.")
	}
	in, _ := metadata.FromIncomingContext(ctx)
	value := func(name string) string {
		if values := in.Get(name); len(values) == 1 {
			return values[0]
		}
		return ""
	}
	who := s.o.authenticate(value("accesstoken"))
	tenant, _ := normalizeID(value("tenantid"))
	if who == nil || tenant != s.o.opts.OrgID || strings.TrimRight(value("instanceurl"), "/") != s.o.baseURL {
		return nil, refuseCall(ctx, codes.Unauthenticated, reasonAuth, "An error occurred while getting the organization or user: the session token, the instance or the tenant is not valid.")
	}
	return who, nil
}

// topic is what a subscription can name.
type topic struct {
	name    string
	channel string  // empty: one entity's topic
	object  *object // nil: a channel
}

// findTopic resolves a name such as /data/ChangeEvents, /data/OpportunityChangeEvent or /data/Deals__chn.
func (s *pubSub) findTopic(ctx context.Context, who *principal, name string) (topic, error) {
	short, _ := strings.CutPrefix(name, "/data/")
	if short != name && (short == standardChannel || s.o.setup.channels[short] != nil) {
		return topic{name: name, channel: short}, s.seesChannel(ctx, who, short)
	}
	obj := s.o.data.object(entityOf(short))
	if obj == nil || obj.Setup || obj.ReadOnly || short == name {
		return topic{}, refuseCall(ctx, codes.NotFound, reasonTopic, "The topic %s doesn't exist or you don't have access to it.", clip(name))
	}
	if !s.o.accessOf(who).seesObject(obj) {
		return topic{}, refuseCall(ctx, codes.PermissionDenied, reasonDenied, "You don't have permission to subscribe to %s.", name)
	}
	return topic{name: name, object: obj}, nil
}

// seesChannel checks that the user sees all entities of a channel.
func (s *pubSub) seesChannel(ctx context.Context, who *principal, channel string) error {
	acc := s.o.accessOf(who)
	for entity, channels := range s.o.selectedEntities() {
		if slices.Contains(channels, channel) && !acc.seesObject(s.o.data.object(entity)) {
			return refuseCall(ctx, codes.PermissionDenied, reasonDenied, "You don't have permission to subscribe to %s, because of %s.", channel, entity)
		}
	}
	return nil
}

func (t topic) has(e *changeEvent) bool {
	if t.object != nil {
		return t.object.Name == e.object.Name
	}
	return slices.Contains(e.channels, t.channel)
}

// GetTopic implements the service.
func (s *pubSub) GetTopic(ctx context.Context, in *eventbus.TopicRequest) (*eventbus.TopicInfo, error) {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	who, err := s.signedIn(ctx)
	if err != nil {
		return nil, err
	}
	t, err := s.findTopic(ctx, who, in.GetTopicName())
	if err != nil {
		return nil, err
	}
	info := &eventbus.TopicInfo{TopicName: t.name, TenantGuid: s.o.opts.OrgID, CanSubscribe: true, RpcId: rpcID}
	if t.object != nil {
		info.SchemaId = s.o.eventSchema(t.object).id
	}
	return info, nil
}

// GetSchema implements the service.
func (s *pubSub) GetSchema(ctx context.Context, in *eventbus.SchemaRequest) (*eventbus.SchemaInfo, error) {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	if _, err := s.signedIn(ctx); err != nil {
		return nil, err
	}
	text, found := s.o.bus.schemas[in.GetSchemaId()]
	if !found {
		return nil, refuseCall(ctx, codes.NotFound, reasonSchema, "The schema %s doesn't exist.", clip(in.GetSchemaId()))
	}
	return &eventbus.SchemaInfo{SchemaJson: text, SchemaId: in.GetSchemaId(), RpcId: rpcID}, nil
}

// Publish implements the service: topics of change events take none.
func (s *pubSub) Publish(ctx context.Context, in *eventbus.PublishRequest) (*eventbus.PublishResponse, error) {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	if _, err := s.signedIn(ctx); err != nil {
		return nil, err
	}
	return nil, refuseCall(ctx, codes.PermissionDenied, reasonDenied, "You can't publish to %s.", clip(in.GetTopicName()))
}

// subscription is one stream of Subscribe.
type subscription struct {
	s         *pubSub
	ctx       context.Context
	topic     topic
	after     uint64    // newest event that the client has got or does not want
	pending   int       // events asked for and not delivered
	since     time.Time // when pending came to 0; zero while it is above
	delivered time.Time // of the last answer, in the machine's time
}

// Subscribe implements the service.
func (s *pubSub) Subscribe(stream grpc.BidiStreamingServer[eventbus.FetchRequest, eventbus.FetchResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	sub, err := s.open(stream.Context(), first)
	if err != nil {
		return err
	}
	requests, ended := make(chan *eventbus.FetchRequest), make(chan error, 1)
	go func() {
		for {
			request, err := stream.Recv()
			if err != nil {
				ended <- err
				return
			}
			select {
			case requests <- request:
			case <-stream.Context().Done():
				return
			}
		}
	}()
	for {
		answer, wait, changed, err := sub.next()
		if err != nil || answer == nil && wait <= 0 {
			return err // a subscription that asks for nothing is closed without an error
		}
		if answer != nil {
			if err := stream.Send(answer); err != nil {
				return err
			}
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case request := <-requests:
			err = sub.ask(request)
		case <-ended:
			return nil
		case <-stream.Context().Done():
			err = stream.Context().Err()
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
		if err != nil {
			return err
		}
	}
}

// open checks the first request of a stream.
func (s *pubSub) open(ctx context.Context, first *eventbus.FetchRequest) (*subscription, error) {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	who, err := s.signedIn(ctx)
	if err != nil {
		return nil, err
	}
	t, err := s.findTopic(ctx, who, first.GetTopicName())
	if err != nil {
		return nil, err
	}
	s.o.bus.prune(s.o.kit.Clock.Now())
	sub := &subscription{s: s, ctx: ctx, topic: t, delivered: time.Now()}
	if sub.after, err = s.start(ctx, first); err != nil {
		return nil, err
	}
	s.o.kit.Log.Append(lab.Operation{Service: s.o.opts.Service, Actor: who.actor, Action: "subscribe", Object: t.name, Status: http.StatusOK,
		Path: eventbus.PubSub_Subscribe_FullMethodName, ID: first.GetReplayPreset().String()})
	return sub, sub.take(first)
}

// start gives the event after which a subscription begins.
func (s *pubSub) start(ctx context.Context, first *eventbus.FetchRequest) (uint64, error) {
	bus := s.o.bus
	switch first.GetReplayPreset() {
	case eventbus.ReplayPreset_EARLIEST:
		return bus.pruned, nil
	case eventbus.ReplayPreset_CUSTOM:
		if len(first.GetReplayId()) != 8 {
			return 0, refuseCall(ctx, codes.InvalidArgument, reasonCorrupted, "The Replay ID is not valid.")
		}
		replay := binary.BigEndian.Uint64(first.GetReplayId())
		if bus.trouble.RefuseReplay || replay < bus.pruned || replay > bus.last {
			return 0, refuseCall(ctx, codes.InvalidArgument, reasonReplay, "The Replay ID validation failed. Ensure that the Replay ID is valid.")
		}
		return replay, nil
	}
	return bus.last, nil
}

// ask takes a further request of the client.
func (sub *subscription) ask(request *eventbus.FetchRequest) error {
	sub.s.o.mu.Lock()
	defer sub.s.o.mu.Unlock()
	if name := request.GetTopicName(); name != "" && name != sub.topic.name {
		return refuseCall(sub.ctx, codes.InvalidArgument, reasonTopic, "The topic of a subscription can't change.")
	}
	return sub.take(request)
}

func (sub *subscription) take(request *eventbus.FetchRequest) error {
	if request.GetNumRequested() <= 0 {
		return refuseCall(sub.ctx, codes.InvalidArgument, reasonRequested, "The number of requested events must be greater than 0.")
	}
	sub.pending = min(maxRequested, sub.pending+int(request.GetNumRequested()))
	sub.since = time.Time{}
	return nil
}

// next gives the answer that is due, or how long to wait for one unless something changes meanwhile. Neither means that the
// subscription has been idle for too long.
func (sub *subscription) next() (answer *eventbus.FetchResponse, wait time.Duration, changed <-chan struct{}, err error) {
	o := sub.s.o
	o.mu.Lock()
	defer o.mu.Unlock()
	who, err := sub.s.signedIn(sub.ctx)
	if err != nil {
		return nil, 0, nil, err
	}
	now := time.Now()
	events, wait := sub.collect(o.accessOf(who))
	wait = min(wait, keepaliveEvery-now.Sub(sub.delivered))
	if idle, limited := o.eventIdleClose(); limited && !sub.since.IsZero() {
		if wait = min(wait, idle-now.Sub(sub.since)); wait <= 0 {
			return nil, 0, nil, nil
		}
	}
	if len(events) == 0 && now.Sub(sub.delivered) < keepaliveEvery {
		return nil, max(wait, time.Millisecond), o.bus.changed, nil
	}
	sub.delivered = now
	if sub.pending == 0 && sub.since.IsZero() {
		sub.since = now
	}
	return &eventbus.FetchResponse{
		Events: events, LatestReplayId: replayBytes(sub.after), RpcId: rpcID, PendingNumRequested: int32(sub.pending),
	}, 0, nil, nil
}

func (o *Org) eventIdleClose() (time.Duration, bool) {
	idle, err := time.ParseDuration(o.kit.Switches.Get(switchEventIdleClose))
	return idle, err == nil
}

// collect takes the events that can be delivered now. An event that comes late holds back those behind it, for so long.
func (sub *subscription) collect(acc *access) ([]*eventbus.ConsumerEvent, time.Duration) {
	bus := sub.s.o.bus
	var batch []*eventbus.ConsumerEvent
	for _, event := range bus.events {
		switch {
		case event.replay <= sub.after:
			continue
		case !sub.topic.has(event):
			sub.after = event.replay
			continue
		case sub.pending == 0:
			return batch, keepaliveEvery
		}
		if late := event.visible.Sub(sub.s.o.kit.Clock.Now()); late > 0 {
			return batch, late
		}
		times := 1
		if bus.trouble.Twice {
			times = 2
		}
		for range times {
			batch = append(batch, &eventbus.ConsumerEvent{ReplayId: replayBytes(event.replay), Event: &eventbus.ProducerEvent{
				Id: fmt.Sprintf("%s-%d", event.header.transactionKey, event.header.sequenceNumber), SchemaId: event.schema.id, Payload: event.payload(acc),
			}})
		}
		sub.after = event.replay
		sub.pending = max(0, sub.pending-times)
	}
	return batch, keepaliveEvery
}
