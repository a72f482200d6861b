package dynamics365

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// creation is the payload of [Environment.Create]. The bytes of the call follow from it alone.
type creation struct {
	Key   string           `json:"key"` // address of the new opportunity
	Parts []dataverse.Part `json:"parts"`
}

// EncodeCreate implements [crm.CRM]: one change set, so that an account never stays behind alone and an opportunity never lacks its
// solutions. The opportunity is addressed by the referral, so that it exists once.
func (e *Environment) EncodeCreate(record crm.NewRecord) ([]byte, error) {
	fields, err := e.opportunityFields(record.Fields)
	if err != nil {
		return nil, fmt.Errorf("encode create: %w", err)
	}
	n := e.names
	fields[strings.ToLower(n.Sync)] = true
	fields[strings.ToLower(n.ReferralID)] = record.ReferralID
	fields[strings.ToLower(n.SyncStatus)] = record.SyncStatus
	fields[strings.ToLower(n.Audit)] = e.fitAudit(record.Audit)
	if record.OwnerID != "" {
		fields[bind(ownerLookup)] = "/systemusers(" + record.OwnerID + ")"
	}
	var parts []dataverse.Part
	account := e.account.row(record.AccountID)
	if record.AccountID == "" {
		body, err := e.accountBody(record.Account)
		if err != nil {
			return nil, fmt.Errorf("encode create: %w", err)
		}
		parts = append(parts, dataverse.Part{Method: http.MethodPost, Path: e.account.SetName, Body: body})
		account = "$1"
	}
	fields[bind(e.customerNavigation())] = account
	parts, references, err := e.contactParts(parts, account, record.Contacts)
	if err != nil {
		return nil, fmt.Errorf("encode create: %w", err)
	}
	e.primary(fields, record.Contacts, references, nil)
	address, err := dataverse.RowByKey(e.opportunity.SetName, e.keyColumn, strings.ToLower(record.ReferralID))
	if err != nil {
		return nil, fmt.Errorf("encode create: %w", err)
	}
	body, err := encode(fields)
	if err != nil {
		return nil, fmt.Errorf("encode create: %w", err)
	}
	parts = append(parts, dataverse.Part{Method: http.MethodPatch, Path: address, Header: map[string]string{"If-None-Match": "*"}, Body: body})
	opportunity := fmt.Sprintf("$%d", len(parts))
	if parts, err = e.solutionParts(parts, opportunity, record.Solutions, nil); err == nil {
		parts, err = e.roleParts(parts, opportunity, record.Contacts, references, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("encode create: %w", err)
	}
	return encode(creation{Key: address, Parts: parts})
}

// Create implements [crm.CRM]. The id is read in the same call: a row that is addressed by its key is answered by its key.
func (e *Environment) Create(ctx context.Context, payload []byte) (string, error) {
	var c creation
	if err := json.Unmarshal(payload, &c); err != nil {
		return "", fmt.Errorf("create opportunity: %w", err)
	}
	results, err := e.apply(ctx, c.Parts, get(c.Key, dataverse.Query{Select: []string{e.opportunity.PrimaryID}}))
	if err != nil {
		return "", fmt.Errorf("create opportunity: %w", translateWrite(err))
	}
	var row map[string]any
	if err := results[len(results)-1].Decode(&row); err != nil {
		return "", fmt.Errorf("create opportunity: read its id: %w", lost{err})
	}
	id, err := dataverse.ParseID(text(row[e.opportunity.PrimaryID]))
	if err != nil {
		return "", fmt.Errorf("create opportunity: %w", lost{errEmptyAnswer})
	}
	return id, nil
}

// lost is a failure after the row was made: it is to be looked for.
type lost struct{ error }

func (l lost) Unwrap() error { return l.error }

// Ambiguous says that the row may exist: see [wire.IsAmbiguous].
func (l lost) Ambiguous() bool { return true }

// Class is Later: the row is read back first.
func (l lost) Class() problem.Class { return problem.Later }

// translateWrite is [translate] for a change set, whose one answer does not say which part was refused: a row that is missing may be
// another one than the opportunity.
func translateWrite(err error) error {
	if dataverse.IsNotFound(err) {
		return fmt.Errorf("%w: %w", crm.ErrChanged, err)
	}
	return translate(err)
}

// opportunityFields turns the mapping's fields into the row's. The stage is not among them.
func (e *Environment) opportunityFields(fields map[string]any) (map[string]any, error) {
	body := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		column, found := e.opportunity.column(name)
		switch {
		case !found:
			return nil, problem.New(problem.FieldMissing, environment, e.opportunity.LogicalName+"."+name)
		case column.LogicalName == stageColumn:
			s, known := e.stageNamed(text(fields[name]))
			if !known {
				return nil, problem.New(problem.StageMissing, environment, text(fields[name]))
			}
			if s.state == open {
				body[stageColumn] = s.status
			}
		case column.LogicalName == currencyLookup:
			if err := e.bindCurrency(body, text(fields[name])); err != nil {
				return nil, err
			}
		default:
			value, err := write(column, fields[name])
			if err != nil {
				return nil, problem.Wrap(problem.OpportunityRefused, "opportunity", err)
			}
			body[column.LogicalName] = value
		}
	}
	return body, nil
}

func (e *Environment) bindCurrency(body map[string]any, code string) error {
	navigation := e.opportunity.navigation(currencyLookup, "")
	if code == "" {
		return nil // a row always has a currency
	}
	id, err := e.currencyID(code)
	if err == nil {
		body[bind(navigation)] = "/transactioncurrencies(" + id + ")"
	}
	return err
}

func (e *Environment) accountBody(fields map[string]any) (json.RawMessage, error) {
	body := map[string]any{}
	for name, value := range fields {
		column, found := e.account.column(name)
		if !found {
			return nil, problem.New(problem.FieldMissing, environment, e.account.LogicalName+"."+name)
		}
		written, err := write(column, value)
		if err != nil {
			return nil, problem.Wrap(problem.OpportunityRefused, "account", err)
		}
		if content, isText := written.(string); isText {
			written = shorten(content, column.MaxLength)
		}
		body[column.LogicalName] = written
	}
	return encode(body)
}

// fitAudit keeps the newest lines, which stand first, and only whole ones.
func (e *Environment) fitAudit(audit string) string {
	column, _ := e.opportunity.column(e.names.Audit)
	kept := shorten(audit, column.MaxLength)
	if end := strings.LastIndexByte(kept, '\n'); kept != audit && end > 0 {
		return kept[:end]
	}
	return kept
}

// change is the payload of [Environment.Update].
type change struct {
	Fields json.RawMessage `json:"fields"`
	Stage  *int            `json:"stage,omitempty"` // status reason
	Rows   *crm.Changes    `json:"rows,omitempty"`
}

// EncodeUpdate implements [crm.CRM].
func (e *Environment) EncodeUpdate(changes crm.Changes) ([]byte, error) {
	body, err := e.opportunityFields(changes.Fields)
	if err != nil {
		return nil, fmt.Errorf("encode update: %w", err)
	}
	var c change
	for name, value := range changes.Fields {
		if s, known := e.stageNamed(text(value)); known && strings.EqualFold(name, stageColumn) {
			c.Stage = &s.status
		}
	}
	delete(body, stageColumn)
	n, book := e.names, changes.Book
	if book.Key != nil {
		body[strings.ToLower(n.Key)] = strings.ToLower(*book.Key)
		if *book.Key == "" {
			body[strings.ToLower(n.Key)] = nil // the key's uniqueness leaves empty rows alone
		}
	}
	if book.Share {
		body[strings.ToLower(n.Sync)] = true
	}
	if book.SyncStatus != nil {
		body[strings.ToLower(n.SyncStatus)] = *book.SyncStatus
	}
	if book.Audit != nil {
		body[strings.ToLower(n.Audit)] = e.fitAudit(*book.Audit)
	}
	if c.Fields, err = encode(body); err != nil {
		return nil, fmt.Errorf("encode update: %w", err)
	}
	if changes.Rows() {
		changes.Fields, changes.Book = nil, crm.Bookkeeping{}
		c.Rows = &changes
	}
	return encode(c)
}

// Update implements [crm.CRM]: one change set. The version is the row's own, so no change of somebody else is ever overwritten.
func (e *Environment) Update(ctx context.Context, id, version string, payload []byte) error {
	id, err := dataverse.ParseID(id)
	if err != nil {
		return fmt.Errorf("%w: %w", crm.ErrNotFound, err)
	}
	etag, status, ok := parseVersion(version)
	if !ok {
		return fmt.Errorf("update opportunity %s: %q is not a version of it", id, version)
	}
	var c change
	if err := json.Unmarshal(payload, &c); err != nil {
		return fmt.Errorf("update opportunity %s: %w", id, err)
	}
	parts, err := e.updateParts(id, etag, e.stageOf(status), c)
	if err != nil {
		return fmt.Errorf("update opportunity %s: %w", id, err)
	}
	if _, err = e.apply(ctx, parts); len(parts) == 1 && parts[0].Method == http.MethodPatch {
		err = translate(err)
	} else {
		err = translateWrite(err)
	}
	switch {
	case err == nil:
		return nil
	case !dataverse.IsClosed(err):
		return fmt.Errorf("update opportunity %s: %w", id, err)
	case e.stageOf(status).state != open && c.Stage == nil:
		return problem.Wrap(problem.OpportunityClosed, "opportunity "+id, err)
	default:
		return fmt.Errorf("update opportunity %s: %w: %w", id, crm.ErrChanged, err) // somebody closed or reopened it meanwhile
	}
}

// updateParts guards all parts by the version of the first that writes the opportunity. A stage is not written but reached: a closed
// opportunity must be reopened before anything of it can be changed, and is closed by an action of its own, last, because then nothing
// can be changed any more ("Opportunity table reference", "WinOpportunity Action").
func (e *Environment) updateParts(id, etag string, now stage, c change) ([]dataverse.Part, error) {
	var fields map[string]any
	if err := json.Unmarshal(c.Fields, &fields); err != nil {
		return nil, err
	}
	row := e.opportunity.SetName + "(" + id + ")"
	var parts []dataverse.Part
	var references []string
	var err error
	rows := crm.Changes{}
	if c.Rows != nil {
		rows = *c.Rows
		account := ""
		if rows.AccountID != "" {
			account = e.account.row(rows.AccountID)
		}
		if parts, references, err = e.contactParts(parts, account, rows.AddContacts); err != nil {
			return nil, err
		}
		e.primary(fields, rows.AddContacts, references, rows.RemoveContacts)
	}
	wanted := now
	if c.Stage != nil {
		wanted = e.stageOf(*c.Stage)
	}
	patch := func(body map[string]any) error {
		encoded, err := encode(body)
		parts = append(parts, dataverse.Part{Method: http.MethodPatch, Path: row, Header: map[string]string{"If-Match": etag}, Body: encoded})
		etag = dataverse.Any // the first one guards the rest
		return err
	}
	reopened := wanted
	if now.state != open && wanted.status != now.status {
		if wanted.state != open {
			reopened = e.firstOpen()
		}
		if err := patch(map[string]any{stateColumn: open, stageColumn: reopened.status}); err != nil {
			return nil, err
		}
	} else if wanted.state == open && wanted.status != now.status {
		fields[stageColumn] = wanted.status
	}
	if len(fields) > 0 || etag != dataverse.Any {
		if err := patch(fields); err != nil {
			return nil, err
		}
	}
	if parts, err = e.solutionParts(parts, "/"+row, rows.Add, rows.Remove); err == nil {
		parts, err = e.roleParts(parts, "/"+row, rows.AddContacts, references, rows.RemoveContacts)
	}
	if err != nil || wanted.state == open || wanted.status == now.status {
		return parts, err
	}
	closing, err := dataverse.Closing{OpportunityID: id, Won: wanted.state == won, Status: wanted.status, Subject: closingSubject}.Part()
	return append(parts, closing), err
}

// closingSubject is the subject of the activity that closes an opportunity.
const closingSubject = "Microsoft Partner Center"

// encode gives JSON without HTML escapes, the same for the same value.
func encode(value any) (json.RawMessage, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, errors.Join(errors.New("encode"), err)
	}
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n")), nil
}
