package intake

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// MaxRowBody is the largest delivery of a row taken, in bytes. Dataverse strips what has more than 256 KB before it sends it; there is
// room for another way of counting ("Use webhooks to create external handlers for server events").
const MaxRowBody = 512 << 10

// RowOptions say what a [RowHandler] is made of. Path, Header, Key, OrganizationID, Take and Clock are required.
type RowOptions struct {
	// Path is the exact path of the service endpoint's address, as it is on the wire, without query.
	Path string
	// Header carries Key with every delivery: the settings of a service endpoint whose authentication is HttpHeader.
	Header string
	Key    secret.Secret
	// OrganizationID is the environment's. A copy of an environment has its service endpoints, with their keys, too.
	OrganizationID string
	// Take is given what an authentic delivery tells, with an id that a repeated delivery has too. After it returns Accepted the event is
	// durable, or nothing is lost when the process ends now; other outcomes are OwnWrite and OtherRow. An error asks the sender to try again.
	Take           func(ctx context.Context, event dataverse.Event, id string) (Reason, error)
	TrustedProxies []netip.Prefix // as in [Options]
	Limits         Limits
	Clock          func() time.Time
	Log            hclog.Logger // nil logs nothing
}

// RowHandler receives what webhook steps of a Dataverse environment tell. Dataverse signs nothing: whoever has the key is the sender, so
// the key is looked at before anything is read, and a delivery is only a hint: the row is read again, with our own credentials.
type RowHandler struct {
	path, organization string
	header             string
	key                [sha256.Size]byte
	take               func(ctx context.Context, event dataverse.Event, id string) (Reason, error)
	admission          *admission
	clock              func() time.Time
	counts             counters
	refusals, failures *sampled
	log                hclog.Logger
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// NewRowHandler makes the endpoint. It fails when a required option is missing or cannot be one.
func NewRowHandler(o RowOptions) (*RowHandler, error) {
	switch {
	case o.Take == nil || o.Clock == nil || o.OrganizationID == "":
		return nil, errors.New("receiver of row changes: what to do with them, the clock and the organisation are required")
	case o.Key.IsZero():
		return nil, errors.New("receiver of row changes: without a key anybody could send them")
	case !strings.HasPrefix(o.Path, "/") || strings.ContainsAny(o.Path, "?# ") || o.Path == HealthPath:
		return nil, fmt.Errorf("receiver of row changes: %q is not a path for it: it starts with a slash, has no query, and is not %s", o.Path, HealthPath)
	case !headerName.MatchString(o.Header):
		return nil, fmt.Errorf("receiver of row changes: %q is not the name of a header", o.Header)
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	return &RowHandler{
		path: o.Path, organization: o.OrganizationID, header: textproto.CanonicalMIMEHeaderKey(o.Header), key: sha256.Sum256([]byte(o.Key.Expose())),
		take: o.Take, admission: newAdmission(o.Limits, o.TrustedProxies, o.Clock), clock: o.Clock, counts: newCounters(),
		refusals: newSampled(o.Log), failures: newSampled(o.Log), log: o.Log,
	}, nil
}

// Counts gives how many requests ended in each way since the start.
func (h *RowHandler) Counts() map[Reason]int64 { return h.counts.snapshot() }

// ServeHTTP receives one delivery.
func (h *RowHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reason := h.receive(w, r)
	h.counts.add(reason)
	note(h.log, h.refusals, h.clock(), reason)
	answer(w, reason)
}

// receive runs the checks, cheap ones first. Nothing of the body is read before the key is right.
func (h *RowHandler) receive(w http.ResponseWriter, r *http.Request) Reason {
	if r.RequestURI != h.path {
		return PathUnknown
	}
	if r.Method != http.MethodPost {
		return MethodRefused
	}
	release, ok := h.admission.admit(r)
	if !ok {
		return Overloaded
	}
	defer release()
	if reason := h.authentic(r.Header); reason != "" {
		return reason
	}
	if reason := mediaType(r.Header); reason != "" {
		return reason
	}
	body, err := readBody(w, r, MaxRowBody)
	if err != nil {
		return reasonOf(err)
	}
	event, err := dataverse.ParseEvent(body)
	if err != nil {
		return DocumentMalformed
	}
	if !strings.EqualFold(event.OrganizationID, h.organization) {
		return OrganizationDiffers
	}
	if r.Header.Get(dataverse.StrippedHeader) != "" {
		event.Values = nil
	}
	return h.store(r.Context(), event, body)
}

// authentic compares the key. The hashes have one length and are compared in constant time, so that the answer's time tells neither the
// key nor its length. "" means fine.
func (h *RowHandler) authentic(header http.Header) Reason {
	value, ok := single(header, h.header)
	if !ok {
		return SecretRefused
	}
	if value == "" {
		return SecretMissing
	}
	given := sha256.Sum256([]byte(value))
	if subtle.ConstantTimeCompare(given[:], h.key[:]) != 1 {
		return SecretRefused
	}
	return ""
}

// store hands the event on. The same delivery has the same bytes.
func (h *RowHandler) store(ctx context.Context, event dataverse.Event, body []byte) Reason {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	id := sha256.Sum256(body)
	reason, err := h.take(ctx, event, hex.EncodeToString(id[:]))
	if err == nil {
		return reason
	}
	h.failures.log(h.clock(), func(log hclog.Logger, skipped int) {
		log.Error("change of a row not stored; the sender is asked to try again", "cause", err, "not_logged", skipped)
	})
	return CommitFailed
}
