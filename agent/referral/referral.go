// Package referral says what the engine needs of Partner Center, and gives it on top of the typed client.
package referral

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/batch"
	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
)

var (
	// ErrNotFound says that the referral does not exist, or not for this partner.
	ErrNotFound = errors.New("the referral does not exist in Partner Center")
	// ErrChanged says that the referral changed since it was read: read and merge again.
	ErrChanged = errors.New("the referral changed in Partner Center since it was read")
	// ErrHelpCode says that the partner's own referral must not name the kind of help.
	ErrHelpCode = errors.New("the kind of help is taken with Microsoft's referral only")
)

// Referral is a referral as the engine sees it.
type Referral struct {
	ID                string
	EngagementID      string
	ETag              string
	ExternalReference string
	Name              string
	PartnerID         string
	Microsoft         bool // it is Microsoft's own, the counterpart in an engagement
	Outgoing          bool
	Lead              bool // a marketplace or qualified lead, not a co-sell opportunity
	Solutions         []string
	CreatedAt         time.Time
	UpdatedAt         time.Time
	Tree              map[string]any // the whole referral as decoded JSON, for the mapping
}

// API is Partner Center.
type API interface {
	// Get reads a referral. It fails with ErrNotFound.
	Get(ctx context.Context, id string) (Referral, error)

	// Create sends the exact bytes of a new referral.
	Create(ctx context.Context, body []byte) (Referral, error)

	// Patch sends the exact bytes of a JSON Patch for a referral that is still as it was read, and gives the referral after
	// it. It fails with ErrChanged and ErrNotFound.
	Patch(ctx context.Context, id, etag string, patch []byte) (Referral, error)

	// CreatedSince lists referrals created at or after a time, newest first.
	CreatedSince(ctx context.Context, since time.Time) ([]Referral, error)

	// UpdatedSince lists referrals updated at or after a time, newest first.
	UpdatedSince(ctx context.Context, since time.Time) ([]Referral, error)

	// Waiting lists the referrals that nobody has answered.
	Waiting(ctx context.Context) ([]Referral, error)

	// Engagement lists the referrals of an engagement.
	Engagement(ctx context.Context, engagementID string) ([]Referral, error)

	// OldestFirst streams all referrals by their time of creation.
	OldestFirst(ctx context.Context) iter.Seq2[Referral, error]

	// FindByReference finds the partner's own referral that names a record, among those created within a time. The oldest of
	// several counts. The time must have been over for as long as lists lag.
	FindByReference(ctx context.Context, recordID string, from, to time.Time) (Referral, bool, error)
}

// Replace is one replacement of a JSON Patch; Path is a JSON Pointer.
type Replace struct {
	Path  string
	Value any
}

// EncodePatch gives the exact bytes of a JSON Patch.
func EncodePatch(replacements []Replace) ([]byte, error) {
	ops := make([]partnercenter.Op, 0, len(replacements))
	for _, r := range replacements {
		ops = append(ops, partnercenter.Replace(r.Path, r.Value))
	}
	return partnercenter.EncodePatch(ops...)
}

// Client is the API on top of the typed client.
type Client struct {
	remote  *partnercenter.Client
	created *batch.Group[time.Time, []Referral]
	past    chan references // what FindByReference has read; whoever reads more has taken it out
}

// references are the referrals of a time that name records: by the record, the referral's id.
type references struct {
	from, to time.Time
	byRecord map[string]string
}

// mostLookers is how many deals share one reading of what was created: all that wait.
const mostLookers = 1 << 10

// NewClient wraps the typed client. Gather is called before readings that deals share begin; nil: they begin at once ([batch.Options]).
func NewClient(remote *partnercenter.Client, gather func()) *Client {
	c := &Client{remote: remote, past: make(chan references, 1)}
	c.past <- references{}
	c.created = batch.New(batch.Options[time.Time]{Size: mostLookers, Gather: gather, Order: time.Time.Compare}, c.createdSince)
	return c
}

var _ API = (*Client)(nil)

// Get implements [API].
func (c *Client) Get(ctx context.Context, id string) (Referral, error) {
	r, err := c.remote.GetReferral(ctx, id)
	if err != nil {
		return Referral{}, translate(err)
	}
	return view(r)
}

// Create implements [API].
func (c *Client) Create(ctx context.Context, body []byte) (Referral, error) {
	r, err := c.remote.CreateReferral(ctx, body)
	if err != nil {
		return Referral{}, translate(err)
	}
	return view(r)
}

// Patch implements [API].
func (c *Client) Patch(ctx context.Context, id, etag string, patch []byte) (Referral, error) {
	r, err := c.remote.PatchReferral(ctx, id, etag, patch)
	if err != nil {
		return Referral{}, translate(err)
	}
	if r == nil {
		return c.Get(ctx, id)
	}
	return view(r)
}

// CreatedSince implements [API]. The list is read newest first and left at the first older referral, because only the
// order, not a range filter, is documented ("Get a list of referrals"). After a kill in a burst very many deals ask at once what became of
// their creates; they share readings, each of which begins after all of them asked.
func (c *Client) CreatedSince(ctx context.Context, since time.Time) ([]Referral, error) {
	return c.created.Do(ctx, since)
}

func (c *Client) createdSince(ctx context.Context, since []time.Time) ([]batch.Result[[]Referral], error) {
	list, err := c.newest(ctx, partnercenter.FieldCreatedDateTime, slices.MinFunc(since, time.Time.Compare), func(r Referral) time.Time { return r.CreatedAt })
	if err != nil {
		return nil, err
	}
	results := make([]batch.Result[[]Referral], len(since))
	for i, earliest := range since {
		older := slices.IndexFunc(list, func(r Referral) bool { return r.CreatedAt.Before(earliest) })
		if older < 0 {
			older = len(list)
		}
		results[i].Value = list[:older:older]
	}
	return results, nil
}

// UpdatedSince implements [API], as CreatedSince.
func (c *Client) UpdatedSince(ctx context.Context, since time.Time) ([]Referral, error) {
	return c.newest(ctx, partnercenter.FieldUpdatedDateTime, since, func(r Referral) time.Time { return r.UpdatedAt })
}

func (c *Client) newest(ctx context.Context, by partnercenter.Field, since time.Time, at func(Referral) time.Time) ([]Referral, error) {
	var list []Referral
	query := partnercenter.Query{OrderBy: partnercenter.Order{Field: by, Descending: true}}
	for r, err := range c.remote.ListReferrals(ctx, query) {
		if err != nil {
			return nil, translate(err)
		}
		referral, err := view(r)
		if err != nil {
			return nil, err
		}
		if at(referral).Before(since) {
			break
		}
		list = append(list, referral)
	}
	return list, nil
}

// Waiting implements [API].
func (c *Client) Waiting(ctx context.Context) ([]Referral, error) {
	return c.where(ctx, partnercenter.Eq(partnercenter.FieldStatus, partnercenter.StatusNew))
}

// Engagement implements [API].
func (c *Client) Engagement(ctx context.Context, engagementID string) ([]Referral, error) {
	return c.where(ctx, partnercenter.Eq(partnercenter.FieldEngagementID, engagementID))
}

// OldestFirst implements [API].
func (c *Client) OldestFirst(ctx context.Context) iter.Seq2[Referral, error] {
	query := partnercenter.Query{OrderBy: partnercenter.Order{Field: partnercenter.FieldCreatedDateTime}}
	return c.stream(ctx, query)
}

func (c *Client) stream(ctx context.Context, query partnercenter.Query) iter.Seq2[Referral, error] {
	return func(yield func(Referral, error) bool) {
		for r, err := range c.remote.ListReferrals(ctx, query) {
			if err != nil {
				yield(Referral{}, translate(err))
				return
			}
			if !yield(view(r)) {
				return
			}
		}
	}
}

// FindByReference implements [API]. Nothing filters by the reference ("Get a list of referrals"), so the list is read, newest
// first, down to the beginning of the time. What it says of a time that is over does not change, so it is kept.
func (c *Client) FindByReference(ctx context.Context, recordID string, from, to time.Time) (Referral, bool, error) {
	id, found, err := c.reference(ctx, recordID, from, to)
	if err != nil || !found {
		return Referral{}, false, err
	}
	r, err := c.Get(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return Referral{}, false, nil
	}
	return r, err == nil, err
}

// reference gives the id of the referral that names a record. One caller at a time reads the list.
func (c *Client) reference(ctx context.Context, recordID string, from, to time.Time) (id string, found bool, err error) {
	var past references
	select {
	case past = <-c.past:
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
	defer func() { c.past <- past }()
	if past.byRecord == nil || from.Before(past.from) || !to.Equal(past.to) {
		more, err := c.references(ctx, from, to)
		if err != nil {
			return "", false, err
		}
		past = more
	}
	id, found = past.byRecord[strings.ToLower(recordID)]
	return id, found, nil
}

func (c *Client) references(ctx context.Context, from, to time.Time) (references, error) {
	past := references{from: from, to: to, byRecord: map[string]string{}}
	query := partnercenter.Query{OrderBy: partnercenter.Order{Field: partnercenter.FieldCreatedDateTime, Descending: true}}
	for r, err := range c.stream(ctx, query) {
		if err != nil {
			return past, err
		}
		if r.CreatedAt.Before(from) {
			break
		}
		if !r.Microsoft && r.ExternalReference != "" && !r.CreatedAt.After(to) {
			past.byRecord[strings.ToLower(r.ExternalReference)] = r.ID
		}
	}
	return past, nil
}

func (c *Client) where(ctx context.Context, filter partnercenter.Filter) ([]Referral, error) {
	var list []Referral
	query := partnercenter.Query{Filter: filter}
	for r, err := range c.remote.ListReferrals(ctx, query) {
		if err != nil {
			return nil, translate(err)
		}
		referral, err := view(r)
		if err != nil {
			return nil, err
		}
		list = append(list, referral)
	}
	return list, nil
}

// translate names the outcomes that the engine tells apart; every other error stays as it is.
func translate(err error) error {
	switch {
	case partnercenter.IsNotFound(err):
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	case partnercenter.IsConflict(err):
		return fmt.Errorf("%w: %w", ErrChanged, err)
	case partnercenter.NamesProperty(err, "inviteContext.assistanceRequestCode"):
		return fmt.Errorf("%w: %w", ErrHelpCode, err)
	default:
		return err
	}
}

func view(r *partnercenter.Referral) (Referral, error) {
	encoded, err := json.Marshal(r)
	if err != nil {
		return Referral{}, fmt.Errorf("referral %s: %w", r.ID, err)
	}
	var tree map[string]any
	if err := json.Unmarshal(encoded, &tree); err != nil {
		return Referral{}, fmt.Errorf("referral %s: %w", r.ID, err)
	}
	referral := Referral{
		ID: r.ID, EngagementID: r.EngagementID, ETag: r.ETag, ExternalReference: string(r.ExternalReferenceID), Name: r.Name,
		PartnerID: string(r.MPNID), Microsoft: r.IsMicrosoft(), Outgoing: r.Direction == partnercenter.DirectionOutgoing, Lead: isLead(r),
		CreatedAt: r.CreatedDateTime.Time, UpdatedAt: r.UpdatedDateTime.Time, Tree: tree,
	}
	for _, s := range r.Details.Requirements.Solutions {
		referral.Solutions = append(referral.Solutions, s.ID)
	}
	return referral, nil
}

// isLead classifies by the table of "referrals-api-introduction". An accepted lead is an opportunity.
func isLead(r *partnercenter.Referral) bool {
	if r.Type != partnercenter.TypeIndependent || r.Status == partnercenter.StatusActive {
		return false
	}
	switch r.InviteContext.InvitedBy.OrganizationID {
	case partnercenter.MicrosoftOrganization:
		return true
	case "":
		return r.Qualification == partnercenter.QualificationDirect
	default:
		return false // the partner's own, or another partner's
	}
}
