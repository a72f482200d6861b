package salesforce

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/cosell-sync/terraform-provider-cosell/internal/eventbus"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

const (
	// DefaultEventsEndpoint is the global endpoint of the Pub/Sub API ("Pub/Sub API Endpoints").
	DefaultEventsEndpoint = "https://api.pubsub.salesforce.com:7443"
	// AllChanges is the topic of the standard channel, which carries every entity that is selected there.
	AllChanges = "/data/ChangeEvents"

	// mostEvents is how many events may be asked for at a time ("Pull Subscription and Flow Control").
	mostEvents = 100
	// longestSilence is somewhat more than the 270 seconds within which a subscription gets a sign of life (FetchResponse).
	longestSilence = 5 * time.Minute
	// eventCall bounds a call that is no subscription.
	eventCall = 30 * time.Second
)

// EventsConfig says where the Pub/Sub API is and how it is reached.
type EventsConfig struct {
	Endpoint string // an https address, or http on a loopback address; empty means DefaultEventsEndpoint
	// Dial connects to the endpoint; nil means the network, by the machine's proxy where there is one.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	TLS  *tls.Config // of https endpoints; nil means the system's authorities
}

// Events is a client of the Pub/Sub API of the org of a [Client], whose tokens it shares. It is safe for concurrent use.
type Events struct {
	client *Client
	conn   *grpc.ClientConn
	bus    eventbus.PubSubClient

	mu      sync.Mutex
	schemas map[string]*eventSchema // by id; a schema never changes
}

// Events makes a client of the Pub/Sub API. It makes no call.
func (c *Client) Events(config EventsConfig) (*Events, error) {
	if config.Endpoint == "" {
		config.Endpoint = DefaultEventsEndpoint
	}
	endpoint, err := wire.ParseEndpoint(config.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("salesforce: endpoint of the Pub/Sub API: %w", err)
	}
	address := endpoint.Host
	if endpoint.Port() == "" {
		address = net.JoinHostPort(endpoint.Hostname(), map[string]string{"https": "443", "http": "80"}[endpoint.Scheme])
	}
	secure := insecure.NewCredentials()
	if endpoint.Scheme == "https" {
		secure = credentials.NewTLS(config.TLS)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(secure), grpc.WithDisableServiceConfig(), grpc.WithDisableRetry()}
	target := "dns:///" + address
	if config.Dial != nil {
		target = "passthrough:///" + address
		options = append(options, grpc.WithContextDialer(func(ctx context.Context, to string) (net.Conn, error) { return config.Dial(ctx, "tcp", to) }))
	}
	conn, err := grpc.NewClient(target, options...)
	if err != nil {
		return nil, fmt.Errorf("salesforce: Pub/Sub API: %w", err)
	}
	return &Events{client: c, conn: conn, bus: eventbus.NewPubSubClient(conn), schemas: map[string]*eventSchema{}}, nil
}

// Close ends all subscriptions.
func (e *Events) Close() error { return e.conn.Close() }

// EventsError is a refusal or a broken connection of the Pub/Sub API.
type EventsError struct {
	Operation string
	Code      codes.Code
	Reason    string // the error-code of the trailers ("Handle Errors"), for example sfdc.platform.eventbus.grpc.service.auth.error
	Message   string
}

func (e *EventsError) Error() string {
	text := fmt.Sprintf("salesforce: %s: %s: %s", e.Operation, e.Code, e.Message)
	if e.Reason != "" {
		text += " (" + e.Reason + ")"
	}
	return text
}

// The parts of reasons by which errors are told apart.
const (
	reasonReplay = ".fetch.replayid."
	reasonAuth   = ".auth."
)

// IsReplayRefused reports whether a subscription cannot begin at a replay id: it is corrupted, or older than what is kept ("Retry
// Long-Lived RPC Calls After an Error Occurs").
func IsReplayRefused(err error) bool {
	var refused *EventsError
	return errors.As(err, &refused) && strings.Contains(refused.Reason, reasonReplay)
}

// IsSubscriptionRefused reports whether the org will not serve a topic as it is set up: the topic is not there, the user may not
// read it, or the organisation has no Pub/Sub API.
func IsSubscriptionRefused(err error) bool {
	var refused *EventsError
	return errors.As(err, &refused) && slices.Contains([]codes.Code{codes.NotFound, codes.PermissionDenied, codes.Unimplemented}, refused.Code)
}

func eventsError(operation string, err error, trailers metadata.MD) error {
	if errors.Is(err, io.EOF) {
		return &EventsError{Operation: operation, Code: codes.Unavailable, Message: "the service closed the subscription"}
	}
	said := status.Convert(err)
	refused := &EventsError{Operation: operation, Code: said.Code(), Message: said.Message()}
	if reasons := trailers.Get("error-code"); len(reasons) > 0 {
		refused.Reason = reasons[0]
	}
	return refused
}

func tokenRefused(err error) bool {
	var refused *EventsError
	return errors.As(err, &refused) && (refused.Code == codes.Unauthenticated || strings.Contains(refused.Reason, reasonAuth))
}

// signed adds what every call carries ("Pub/Sub API Authentication").
func (e *Events) signed(ctx context.Context, token *oauth2.Token) (context.Context, error) {
	instance, err := instanceOf(token)
	if err != nil {
		return nil, err
	}
	identity, err := e.client.Identity(ctx)
	if err != nil {
		return nil, err
	}
	return metadata.AppendToOutgoingContext(ctx, "accesstoken", token.AccessToken, "instanceurl", instance.String(), "tenantid", string(identity.OrgID)), nil
}

// call makes a call that has one answer, and makes it once more with a new token when the token is refused.
func (e *Events) call(ctx context.Context, operation string, send func(context.Context, grpc.CallOption) error) error {
	ctx, cancel := context.WithTimeout(ctx, eventCall)
	defer cancel()
	token, err := e.client.tokens.Token(ctx)
	for attempt := 1; ; attempt++ {
		if err != nil {
			return fmt.Errorf("salesforce: %s: %w", operation, err)
		}
		signed, err := e.signed(ctx, token)
		if err != nil {
			return err
		}
		var trailers metadata.MD
		if err = send(signed, grpc.Trailer(&trailers)); err == nil {
			return nil
		}
		if err = eventsError(operation, err, trailers); attempt > 1 || !tokenRefused(err) {
			return err
		}
		token, err = e.client.tokens.Renew(ctx, token)
		if err != nil {
			return fmt.Errorf("salesforce: %s: %w", operation, err)
		}
	}
}

// CheckTopic asks whether a topic is there and the user may subscribe to it.
func (e *Events) CheckTopic(ctx context.Context, topic string) error {
	operation := "look at topic " + topic
	return e.call(ctx, operation, func(ctx context.Context, trailers grpc.CallOption) error {
		info, err := e.bus.GetTopic(ctx, &eventbus.TopicRequest{TopicName: topic}, trailers)
		if err == nil && !info.GetCanSubscribe() {
			err = status.Error(codes.PermissionDenied, "the user may not subscribe to it")
		}
		return err
	})
}

// schema gives the schema with an id, of which the org is asked once.
func (e *Events) schema(ctx context.Context, id string) (*eventSchema, error) {
	e.mu.Lock()
	known := e.schemas[id]
	e.mu.Unlock()
	if known != nil {
		return known, nil
	}
	var text string
	operation := "read event schema " + id
	err := e.call(ctx, operation, func(ctx context.Context, trailers grpc.CallOption) error {
		info, err := e.bus.GetSchema(ctx, &eventbus.SchemaRequest{SchemaId: id}, trailers)
		text = info.GetSchemaJson()
		return err
	})
	if err != nil {
		return nil, err
	}
	parsed, err := parseEventSchema(text)
	if err != nil {
		return nil, &DecodeError{Operation: operation, Err: err}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.schemas[id] = parsed
	return parsed, nil
}

// Batch is what a subscription delivers at once. Without events it is a sign of life.
type Batch struct {
	Events   []ChangeEvent
	ReplayID []byte // of the last event, or of the present end of the topic: a later subscription goes on from here
}

// Subscription is a subscription to a topic. It is for one goroutine.
type Subscription struct {
	events   *Events
	topic    string
	position []byte // nil: from now on
	token    *oauth2.Token
	renewed  bool // for the sake of the answer that is waited for
	stream   grpc.BidiStreamingClient[eventbus.FetchRequest, eventbus.FetchResponse]
	cancel   context.CancelFunc
	took     int // events that were delivered and not asked for anew
}

// Subscribe begins a subscription after a replay id, or with the next event (nil). Whether it is refused shows in the first
// Receive.
func (e *Events) Subscribe(ctx context.Context, topic string, after []byte) (*Subscription, error) {
	token, err := e.client.tokens.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("salesforce: subscribe to %s: %w", topic, err)
	}
	s := &Subscription{events: e, topic: topic, position: after, token: token}
	return s, s.open(ctx)
}

func (s *Subscription) operation() string { return "subscribe to " + s.topic }

// open begins the stream, which lives until Close, not only as long as this context.
func (s *Subscription) open(ctx context.Context) error {
	signed, err := s.events.signed(ctx, s.token)
	if err != nil {
		return err
	}
	live, cancel := context.WithCancel(context.WithoutCancel(signed))
	stream, err := s.events.bus.Subscribe(live)
	if err != nil {
		cancel()
		return eventsError(s.operation(), err, nil)
	}
	first := &eventbus.FetchRequest{TopicName: s.topic, NumRequested: mostEvents}
	if s.position != nil {
		first.ReplayPreset, first.ReplayId = eventbus.ReplayPreset_CUSTOM, s.position
	}
	s.stream, s.cancel, s.took = stream, cancel, 0
	_ = stream.Send(first) // why it failed is what Recv says
	return nil
}

// Close ends the subscription.
func (s *Subscription) Close() { s.cancel() }

// Receive waits for the next batch, renews the token when it is refused, and fails when there was not even a sign of life for five
// minutes. Asking again says that what was delivered before has been dealt with. After an error the subscription is over.
func (s *Subscription) Receive(ctx context.Context) (Batch, error) {
	if s.took > 0 {
		_ = s.stream.Send(&eventbus.FetchRequest{TopicName: s.topic, NumRequested: int32(s.took)})
		s.took = 0
	}
	answer, err := s.answer(ctx)
	if tokenRefused(err) && !s.renewed {
		s.cancel()
		if s.token, err = s.events.client.tokens.Renew(ctx, s.token); err != nil {
			return Batch{}, fmt.Errorf("salesforce: %s: %w", s.operation(), err)
		}
		s.renewed = true
		if err := s.open(ctx); err != nil {
			return Batch{}, err
		}
		return s.Receive(ctx)
	}
	if err != nil {
		s.cancel()
		return Batch{}, err
	}
	s.renewed = false
	return s.batch(ctx, answer)
}

// answer waits for the next message of the stream.
func (s *Subscription) answer(ctx context.Context) (*eventbus.FetchResponse, error) {
	waiting, done := context.WithTimeout(ctx, longestSilence)
	defer done()
	end := context.AfterFunc(waiting, s.cancel)
	answer, err := s.stream.Recv()
	if err == nil && end() {
		return answer, nil
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case waiting.Err() != nil:
		return nil, &EventsError{Operation: s.operation(), Code: codes.DeadlineExceeded, Message: "there was no sign of life"}
	}
	return nil, eventsError(s.operation(), err, s.stream.Trailer())
}

func (s *Subscription) batch(ctx context.Context, answer *eventbus.FetchResponse) (Batch, error) {
	batch := Batch{ReplayID: answer.GetLatestReplayId()}
	for _, event := range answer.GetEvents() {
		schema, err := s.events.schema(ctx, event.GetEvent().GetSchemaId())
		if err != nil {
			s.cancel()
			return Batch{}, err
		}
		decoded, err := schema.decode(event.GetEvent().GetPayload())
		if err != nil {
			s.cancel()
			return Batch{}, &DecodeError{Operation: s.operation(), Err: err}
		}
		decoded.ReplayID = event.GetReplayId()
		batch.Events = append(batch.Events, decoded)
		batch.ReplayID = decoded.ReplayID
	}
	s.took = len(batch.Events)
	if len(batch.ReplayID) > 0 {
		s.position = batch.ReplayID
	}
	return batch, nil
}
