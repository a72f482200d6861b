// Package partnercenter simulates the two Partner Center APIs that a co-sell connector uses: referrals
// (api.partner.microsoft.com) and webhooks (api.partnercenter.microsoft.com). Everything is in memory. Where Microsoft's public
// pages leave a behaviour open, a switch decides; Switches lists them.
package partnercenter

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

const (
	serviceName           = "partner_center"
	microsoftOrganization = "msft"
	answerWithin          = 14 * 24 * time.Hour // an invitation that is not answered by then expires
	listLag               = 30 * time.Second    // of switchListLag
)

// The audiences of access tokens for the two hosts.
const (
	ReferralsAudience = "https://api.partner.microsoft.com"
	EventsAudience    = "https://api.partnercenter.microsoft.com"
)

// Tokens verifies access tokens; entra.Service does.
type Tokens interface {
	// Verify returns the claims of a token that this identity service issued and that has not expired.
	Verify(token string) (entra.Claims, error)
}

// Options describe the partner whose Partner Center this is, and the world around the service.
type Options struct {
	Tokens         Tokens
	Partner        Organization // the partner's own organization
	MPNID          string       // the partner's id as the program knows it
	ReferralsURL   string       // scheme and host of the referrals listener, for links
	CertificateURL string       // where deliveries say that the signing certificate is
	Random         io.Reader    // for ids; nil means crypto/rand
	Authority      *Authority   // signs webhooks; nil means a new one

	Transport     http.RoundTripper // for deliveries; nil means a transport of its own
	RetryInterval time.Duration     // between the attempts of one delivery; 0 means one second
	Timeout       time.Duration     // of one attempt; 0 means ten seconds
}

// Service is a simulated Partner Center for one partner.
type Service struct {
	kit       *lab.Kit
	options   Options
	authority *Authority
	outbox    *outbox

	requests     io.Reader // randomness of request ids, see newRequestID
	mu           sync.Mutex
	records      map[string]*record
	order        []string            // referral ids in the order of creation
	engagements  map[string][]string // engagement id → referral ids
	lastStamp    time.Time
	nextExpiry   time.Time // no invitation expires before it
	registration *registration
	validations  map[string]*validation
	validated    []time.Time // when the latest validation events were asked for
}

// record is one version of a referral; it is replaced as a whole by every write.
type record struct {
	referral *Referral
	doc      map[string]any // the referral as decoded JSON, for filters and answers
}

// New makes a service without referrals and without a webhook registration. It fails when no keys can be made.
func New(kit *lab.Kit, options Options) (*Service, error) {
	if options.Random == nil {
		options.Random = rand.Reader
	}
	if options.RetryInterval == 0 {
		options.RetryInterval = time.Second
	}
	if options.Timeout == 0 {
		options.Timeout = 10 * time.Second
	}
	if options.Transport == nil {
		options.Transport = &http.Transport{}
	}
	if options.Authority == nil {
		var err error
		if options.Authority, err = NewAuthority(kit.Clock.Now()); err != nil {
			return nil, err
		}
	}
	var seed [32]byte
	if _, err := io.ReadFull(options.Random, seed[:]); err != nil {
		return nil, fmt.Errorf("make ids: %w", err)
	}
	s := &Service{
		kit: kit, options: options, authority: options.Authority, requests: mathrand.NewChaCha8(seed),
		records: map[string]*record{}, engagements: map[string][]string{}, validations: map[string]*validation{},
	}
	s.outbox = newOutbox(s)
	return s, nil
}

// Authority is the certificate authority that signs this service's webhooks.
func (s *Service) Authority() *Authority { return s.authority }

// newID makes a GUID from the service's source of randomness. The service's lock is held.
func (s *Service) newID() string { return guid(s.options.Random) }

// newRequestID makes a GUID for the headers of an answer. Its randomness is a stream of its own: the order in which concurrent
// requests are answered must not decide the ids of referrals. The service's lock is held.
func (s *Service) newRequestID() string { return guid(s.requests) }

func guid(random io.Reader) string {
	var b [16]byte
	_, _ = io.ReadFull(random, b[:]) // neither crypto/rand nor a seeded stream can fail
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// stampNow is the time of a write: later than every earlier write, so that each has an order. The service's lock is held.
func (s *Service) stampNow() *Timestamp {
	resolution := 100 * time.Nanosecond
	if s.kit.Switches.Is(switchFraction, "6") {
		resolution = time.Microsecond
	}
	now := s.kit.Clock.Now().Truncate(resolution)
	if !now.After(s.lastStamp) {
		now = s.lastStamp.Truncate(resolution).Add(resolution)
	}
	s.lastStamp = now
	return stamp(now)
}

// origin says who writes: a program through the API, or a person.
type origin struct {
	actor   string
	request *http.Request // nil for people
	status  int           // of the answer, for the log
}

func (o origin) operation(action, object, id string, fields []string) lab.Operation {
	op := lab.Operation{Service: serviceName, Actor: o.actor, Action: action, Object: object, ID: id, Fields: fields, Status: o.status}
	if o.request != nil {
		op.Method, op.Path = o.request.Method, o.request.URL.Path
		op.Fault = lab.FaultOf(o.request.Context())
		op.RequestID = o.request.Header.Get("client-request-id")
	}
	return op
}

// insert stores a new referral, logs it and announces it.
func (s *Service) insert(o origin, build func(now *Timestamp) (*Referral, error), fields []string) (*record, error) {
	if o.request != nil {
		// The trap counts only writes that would succeed, so the checks run once before it and once more with the lock held.
		if _, err := s.locked(func() (*record, error) {
			_, err := build(stamp(s.kit.Clock.Now()))
			return nil, err
		}); err != nil {
			return nil, err
		}
		if err := s.kit.Trap.Before(o.request); err != nil {
			return nil, err
		}
	}
	stored, err := s.locked(func() (*record, error) {
		now := s.stampNow()
		referral, err := build(now)
		if err != nil {
			return nil, err
		}
		s.complete(referral, now)
		stored := s.put(referral)
		s.kit.Log.Append(o.operation("create", "referral", referral.ID, fields))
		s.announce(referral, "created", o)
		return stored, nil
	})
	if err == nil && o.request != nil {
		err = s.kit.Trap.After(o.request)
	}
	return stored, err
}

// complete fills what the service itself decides about a new referral. The service's lock is held.
func (s *Service) complete(referral *Referral, now *Timestamp) {
	referral.ID = s.newID()
	if referral.EngagementID == "" {
		referral.EngagementID = s.newID()
	}
	referral.CreatedDateTime = now
	referral.visibleInListsFrom = now.Time
	if s.kit.Switches.Is(switchListLag, "30s") {
		referral.visibleInListsFrom = now.Add(listLag)
	}
	switch referral.Status {
	case statusActive:
		referral.AcceptedDateTime = now
	case statusNew:
		referral.ExpirationDateTime = stamp(now.Add(answerWithin))
	}
	base := s.options.ReferralsURL + referralsPath
	related := referral.EngagementID
	if s.kit.Switches.Is(switchLinkGUID, "quoted") {
		related = "'" + related + "'"
	}
	referral.Links = &Links{
		RelatedReferrals: Link{URI: base + "?$filter=engagementId eq " + related, Method: http.MethodGet},
		Self:             Link{URI: base + "/" + referral.ID, Method: http.MethodGet},
	}
	s.touch(referral, now)
	s.order = append(s.order, referral.ID)
	s.engagements[referral.EngagementID] = append(s.engagements[referral.EngagementID], referral.ID)
	if expires := referral.ExpirationDateTime; expires != nil && (s.nextExpiry.IsZero() || expires.Before(s.nextExpiry)) {
		s.nextExpiry = expires.Time
	}
}

// touch gives the version its time and eTag. The eTag's shape is the recorded one; its second group from the right is the
// Unix time, and its first comes from the referral and the time, which no two writes share. The service's lock is held.
func (s *Service) touch(referral *Referral, now *Timestamp) {
	referral.UpdatedDateTime = now
	version := sha256.Sum256([]byte(referral.ID + now.Time.Format(time.RFC3339Nano)))
	referral.ETag = fmt.Sprintf(`"%x-0000-0100-0000-%08x0000"`, version[:4], now.Unix())
}

// put stores a version. The service's lock is held.
func (s *Service) put(referral *Referral) *record {
	stored := &record{referral: referral, doc: document(referral)}
	s.records[referral.ID] = stored
	return stored
}

// document is a value as decoded JSON.
func document(value any) map[string]any {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err) // wire types are plain data
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		panic(err)
	}
	return doc
}

// change computes the next version of a referral from the present one, and the names of the fields that it writes. It may run
// more than once.
type change func(current *Referral) (next *Referral, fields []string, err error)

// update applies a change to one referral, logs it and announces it.
func (s *Service) update(o origin, id string, apply change) (*record, error) {
	if o.request != nil {
		if _, err := s.locked(func() (*record, error) {
			_, _, err := s.changed(id, apply)
			return nil, err
		}); err != nil {
			return nil, err
		}
		if err := s.kit.Trap.Before(o.request); err != nil {
			return nil, err
		}
	}
	stored, err := s.locked(func() (*record, error) {
		next, fields, err := s.changed(id, apply)
		if err != nil {
			return nil, err
		}
		return s.commit(o, next, fields), nil
	})
	if err == nil && o.request != nil {
		err = s.kit.Trap.After(o.request)
	}
	return stored, err
}

func (s *Service) changed(id string, apply change) (*Referral, []string, error) {
	current, ok := s.records[strings.ToLower(id)]
	if !ok {
		return nil, nil, notFound("referral", id)
	}
	return apply(current.referral)
}

// commit stores the next version of a referral whose change has been checked. The service's lock is held.
func (s *Service) commit(o origin, next *Referral, fields []string) *record {
	now := s.stampNow()
	if next.Status == statusActive && next.AcceptedDateTime == nil {
		next.AcceptedDateTime = now
	}
	if next.Status == statusClosed && next.ClosedDateTime == nil {
		next.ClosedDateTime = now
	}
	if next.Status != statusNew {
		next.ExpirationDateTime = nil
	}
	s.touch(next, now)
	stored := s.put(next)
	s.kit.Log.Append(o.operation("update", "referral", next.ID, fields))
	s.announce(next, "updated", o)
	return stored
}

// locked runs with the service's lock, after what time alone has brought about.
func (s *Service) locked(run func() (*record, error)) (*record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	return run()
}

// Tick brings about what time alone does, now instead of at the next request: unanswered referrals expire after 14 days.
func (s *Service) Tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
}

// untilExpiry lets expire what is over and says how long it takes until the next invitation expires, at most an hour.
func (s *Service) untilExpiry() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	if s.nextExpiry.IsZero() {
		return time.Hour
	}
	return min(max(s.nextExpiry.Sub(s.kit.Clock.Now()), time.Millisecond), time.Hour)
}

// expire closes the referrals whose time to answer is over. The service's lock is held.
func (s *Service) expire() {
	now := s.kit.Clock.Now()
	if s.nextExpiry.IsZero() || now.Before(s.nextExpiry) {
		return
	}
	s.nextExpiry = time.Time{}
	for _, id := range s.order {
		referral := s.records[id].referral
		expires := referral.ExpirationDateTime
		switch {
		case referral.Status != statusNew || expires == nil:
		case !expires.After(now):
			next := referral.clone()
			next.Status, next.Substatus = statusClosed, "Expired"
			s.commit(origin{actor: serviceName}, next, []string{"status", "substatus"})
		case s.nextExpiry.IsZero() || expires.Before(s.nextExpiry):
			s.nextExpiry = expires.Time
		}
	}
}

// announce queues the webhook for a written referral. The service's lock is held.
func (s *Service) announce(referral *Referral, what string, o origin) {
	if o.request != nil && s.kit.Switches.Is(switchOwnWriteEvents, "off") {
		return
	}
	name, id := "referral-"+what, referral.ID
	if referral.isMicrosofts() {
		name = "related-" + name
		if own := s.ownOf(referral.EngagementID); own != nil && s.kit.Switches.Is(switchRelatedEventID, "own") {
			id = own.ID
		}
	}
	s.notify(event{
		EventName: name, ResourceName: "referral", ResourceURI: resourceURI + id,
		ResourceChangeUTCDate: eventTime(referral.UpdatedDateTime.Time),
	}, id)
}

// ownOf is the partner's own referral of an engagement, nil if there is none. The service's lock is held.
func (s *Service) ownOf(engagementID string) *Referral { return s.inEngagement(engagementID, false) }

// counterpartOf is Microsoft's referral of an engagement, nil if there is none. The service's lock is held.
func (s *Service) counterpartOf(engagementID string) *Referral {
	return s.inEngagement(engagementID, true)
}

func (s *Service) inEngagement(engagementID string, microsofts bool) *Referral {
	for _, id := range s.engagements[strings.ToLower(engagementID)] {
		if referral := s.records[id].referral; referral.isMicrosofts() == microsofts {
			return referral
		}
	}
	return nil
}
