package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// References of the parts of a composite call.
const (
	accountPart     = "account"
	opportunityPart = "opportunity"
)

// EncodeCreate implements [crm.CRM]: one composite call, all or none, so that an account never stays behind alone and an
// opportunity never lacks its solutions.
func (o *Org) EncodeCreate(record crm.NewRecord) ([]byte, error) {
	fields := maps.Clone(record.Fields)
	note := takeNote(fields)
	fields[o.names.Sync] = true
	fields[o.names.Key] = strings.ToLower(record.ReferralID)
	fields[o.names.ReferralID] = record.ReferralID
	fields[o.names.SyncStatus] = record.SyncStatus
	fields[o.names.Audit] = o.fitAudit(record.Audit)
	fields["AccountId"] = record.AccountID
	if record.OwnerID != "" {
		fields["OwnerId"] = record.OwnerID
	}
	var parts []salesforce.Subrequest
	deal := reference(record.ReferralID)
	if record.AccountID == "" {
		fields["AccountId"] = "@{" + accountPart + deal + ".id}"
		parts = append(parts, salesforce.Subrequest{
			Method: http.MethodPost, Path: "/sobjects/" + o.names.Account, ReferenceID: accountPart + deal, Body: o.accountFields(record.Account),
		})
	}
	parts = append(parts, salesforce.Subrequest{
		Method: http.MethodPost, Path: "/sobjects/" + o.names.Opportunity, ReferenceID: opportunityPart + deal, Body: fields,
	})
	opportunity, account := "@{"+opportunityPart+deal+".id}", fmt.Sprint(fields["AccountId"])
	parts = append(parts, o.solutionParts(deal, opportunity, record.Solutions, nil)...)
	parts = append(parts, o.contactParts(deal, opportunity, account, record.Contacts, nil)...)
	parts = append(parts, noteParts(deal, opportunity, "", note)...)
	return o.client.EncodeComposite(true, parts...)
}

// reference ends the references of a deal's parts, so that they are its own also where several deals travel in one call.
func reference(referralID string) string {
	return "_" + strings.Map(func(r rune) rune {
		if r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return -1
	}, referralID)
}

// accountFields writes the country's code instead of its name where state and country picklists are on. The state is then
// left out: which states the organisation knows for a country is data of its own, and an unknown one would refuse the deal.
func (o *Org) accountFields(fields map[string]any) map[string]any {
	fields = throughParents(fields)
	if !o.countryCodes {
		return fields
	}
	if code, ok := fields[o.names.Country]; ok {
		delete(fields, o.names.Country)
		fields[countryCodeField] = code
	}
	delete(fields, "BillingState")
	return fields
}

// throughParents turns a path through a parent into a reference by the parent's external id: Country__r.Iso2__c = "JP" becomes
// {"Country__r": {"Iso2__c": "JP"}}, for which Salesforce finds the row itself ("Insert or Update (Upsert) a Record Using an
// External ID"). It refuses a field that is no external id, and a value that no row or more than one has.
func throughParents(fields map[string]any) map[string]any {
	nested := make(map[string]any, len(fields))
	for _, path := range slices.Sorted(maps.Keys(fields)) { // one field tells the parent; of several the first, always the same
		relationship, field, through := strings.Cut(path, ".")
		if !through {
			nested[path] = fields[path]
		} else if _, told := nested[relationship]; !told {
			nested[relationship] = map[string]any{field: fields[path]}
		}
	}
	return nested
}

// shorten cuts a text to a number of characters; 0 is no limit.
func shorten(text string, longest int) string {
	if characters := []rune(text); longest > 0 && len(characters) > longest {
		return string(characters[:longest])
	}
	return text
}

// fitAudit keeps the newest lines, which stand first, and only whole ones.
func (o *Org) fitAudit(audit string) string {
	kept := shorten(audit, o.longestAudit)
	if end := strings.LastIndexByte(kept, '\n'); kept != audit && end > 0 {
		return kept[:end]
	}
	return kept
}

// Create implements [crm.CRM].
func (o *Org) Create(ctx context.Context, payload []byte) (string, error) {
	graph, err := salesforce.GraphOf(payload)
	if err != nil {
		return "", fmt.Errorf("create opportunity: %w", err)
	}
	id, err := o.shared().creates.Do(ctx, create{string(payload), graph})
	if err != nil {
		return "", fmt.Errorf("create opportunity: %w", translate(err))
	}
	return id, nil
}

// cause gives the failure that made an all-or-none call fail, and the part that it is of: one that was not merely rolled back.
func cause(parts []salesforce.Subresponse) (failed string, _ error) {
	var rolledBack error
	for _, part := range parts {
		err := part.Err()
		if err == nil {
			continue
		}
		if !strings.Contains(err.Error(), "PROCESSING_HALTED") {
			return part.ReferenceID, err
		}
		failed, rolledBack = part.ReferenceID, err
	}
	return failed, rolledBack
}

// update is what the payload of an update holds: the opportunity's fields, and what changes of its solutions and contacts.
type update struct {
	Fields json.RawMessage `json:"fields"`
	Rows   *crm.Changes    `json:"rows,omitempty"`
	Note   *string         `json:"note,omitempty"`
}

// EncodeUpdate implements [crm.CRM].
func (o *Org) EncodeUpdate(changes crm.Changes) ([]byte, error) {
	body := maps.Clone(changes.Fields)
	if body == nil {
		body = map[string]any{}
	}
	note := takeNote(body)
	book := changes.Book
	if book.Key != nil {
		body[o.names.Key] = strings.ToLower(*book.Key)
	}
	if book.Share {
		body[o.names.Sync] = true
	}
	if book.SyncStatus != nil {
		body[o.names.SyncStatus] = *book.SyncStatus
	}
	if book.Audit != nil {
		body[o.names.Audit] = o.fitAudit(*book.Audit)
	}
	fields, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode update: %w", err)
	}
	u := update{Fields: fields, Note: note}
	if changes.Rows() {
		changes.Fields, changes.Book = nil, crm.Bookkeeping{}
		u.Rows = &changes
	}
	encoded, err := json.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("encode update: %w", err)
	}
	return encoded, nil
}

// Update implements [crm.CRM]: one call. The precondition has a resolution of one second ("Conditional Requests"); the engine
// does not write a record in the second of its last change.
func (o *Org) Update(ctx context.Context, id, version string, payload []byte) error {
	stamp, note := splitVersion(version)
	since, err := salesforce.ParseTime(stamp)
	if err != nil {
		return fmt.Errorf("update opportunity %s: %w", id, err)
	}
	var u update
	if err := json.Unmarshal(payload, &u); err != nil {
		return fmt.Errorf("update opportunity %s: %w", id, err)
	}
	if u.Rows == nil && u.Note == nil {
		_, err := o.shared().updates.Do(ctx, rowUpdate{o.client.Data(), o.names.Opportunity, id, salesforce.Change{Body: u.Fields, Since: since}})
		return translate(err)
	}
	body, err := o.client.EncodeComposite(true, o.updateParts(id, note, since, u)...)
	if err != nil {
		return fmt.Errorf("update opportunity %s: %w", id, err)
	}
	parts, err := o.client.Composite(ctx, body)
	if err != nil {
		return fmt.Errorf("update opportunity %s: %w", id, translate(err))
	}
	failed, err := cause(parts)
	if err = translate(err); errors.Is(err, crm.ErrNotFound) && failed != opportunityPart {
		return fmt.Errorf("update opportunity %s: %w: %w", id, crm.ErrChanged, err) // a solution was removed by somebody else
	} else if err != nil {
		return fmt.Errorf("update opportunity %s: %w", id, err)
	}
	return nil
}

// updateParts writes the opportunity first, so that its precondition guards the rest too.
func (o *Org) updateParts(id, note string, since time.Time, u update) []salesforce.Subrequest {
	parts := []salesforce.Subrequest{{
		Method: http.MethodPatch, Path: "/sobjects/" + o.names.Opportunity + "/" + id, ReferenceID: opportunityPart, Body: u.Fields,
		Header: map[string]string{"If-Unmodified-Since": since.UTC().Format(http.TimeFormat)},
	}}
	parts = append(parts, noteParts("", id, note, u.Note)...)
	if u.Rows == nil {
		return parts
	}
	parts = append(parts, o.solutionParts("", id, u.Rows.Add, u.Rows.Remove)...)
	return append(parts, o.contactParts("", id, u.Rows.AccountID, u.Rows.AddContacts, u.Rows.RemoveContacts)...)
}
