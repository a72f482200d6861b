package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

func rawJSON(payload []byte) json.RawMessage { return json.RawMessage(payload) }

// References of the parts of a create.
const (
	accountPart     = "account"
	opportunityPart = "opportunity"
)

// EncodeCreate implements [crm.CRM]: one composite call, all or none, so that an account never stays behind alone.
func (o *Org) EncodeCreate(record crm.NewRecord) ([]byte, error) {
	fields := maps.Clone(record.Fields)
	fields[o.names.Sync] = true
	fields[o.names.Key] = strings.ToLower(record.ReferralID)
	fields[o.names.ReferralID] = record.ReferralID
	fields[o.names.SyncStatus] = record.SyncStatus
	fields[o.names.Audit] = o.fitAudit(record.Audit)
	fields["AccountId"] = record.AccountID
	var parts []salesforce.Subrequest
	if record.AccountID == "" {
		fields["AccountId"] = "@{" + accountPart + ".id}"
		parts = append(parts, salesforce.Subrequest{
			Method: http.MethodPost, Path: "/sobjects/" + o.names.Account, ReferenceID: accountPart, Body: o.accountFields(record.Account),
		})
	}
	parts = append(parts, salesforce.Subrequest{
		Method: http.MethodPost, Path: "/sobjects/" + o.names.Opportunity, ReferenceID: opportunityPart, Body: fields,
	})
	return o.client.EncodeComposite(true, parts...)
}

// accountFields writes the country's code instead of its name where state and country picklists are on. The state is then
// left out: which states the organisation knows for a country is data of its own, and an unknown one would refuse the deal.
func (o *Org) accountFields(fields map[string]any) map[string]any {
	fields = maps.Clone(fields)
	if !o.countryCodes {
		return fields
	}
	if code, ok := fields[o.names.Country]; ok {
		delete(fields, o.names.Country)
		fields["BillingCountryCode"] = code
	}
	delete(fields, "BillingState")
	return fields
}

// shorten cuts a text to a number of characters; 0 is no limit.
func shorten(text string, longest int) string {
	if characters := []rune(text); longest > 0 && len(characters) > longest {
		return string(characters[:longest])
	}
	return text
}

// fitAudit keeps the newest lines, which stand first.
func (o *Org) fitAudit(audit string) string { return shorten(audit, o.longestAudit) }

// Create implements [crm.CRM].
func (o *Org) Create(ctx context.Context, payload []byte) (string, error) {
	parts, err := o.client.Composite(ctx, payload)
	if err != nil {
		return "", fmt.Errorf("create opportunity: %w", translate(err))
	}
	if err := cause(parts); err != nil {
		return "", fmt.Errorf("create opportunity: %w", translate(err))
	}
	for _, part := range parts {
		var created salesforce.RowResult
		if part.ReferenceID != opportunityPart {
			continue
		}
		if err := part.Decode(&created); err != nil {
			return "", fmt.Errorf("create opportunity: %w", err)
		}
		if created.ID != "" {
			return string(created.ID), nil
		}
	}
	return "", fmt.Errorf("create opportunity: %w", errEmptyAnswer)
}

// cause gives the failure that made an all-or-none call fail: that of a part which was not merely rolled back.
func cause(parts []salesforce.Subresponse) error {
	var rolledBack error
	for _, part := range parts {
		err := part.Err()
		if err == nil {
			continue
		}
		if !strings.Contains(err.Error(), "PROCESSING_HALTED") {
			return err
		}
		rolledBack = err
	}
	return rolledBack
}

// EncodeUpdate implements [crm.CRM].
func (o *Org) EncodeUpdate(fields map[string]any, book crm.Bookkeeping) ([]byte, error) {
	body := maps.Clone(fields)
	if body == nil {
		body = map[string]any{}
	}
	if book.Key != nil {
		body[o.names.Key] = strings.ToLower(*book.Key)
	}
	if book.SyncStatus != nil {
		body[o.names.SyncStatus] = *book.SyncStatus
	}
	if book.Audit != nil {
		body[o.names.Audit] = o.fitAudit(*book.Audit)
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode update: %w", err)
	}
	return encoded, nil
}
