package dataverse

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

const (
	typePrefix     = "Microsoft.Dynamics.CRM."
	typeAnnotation = "@odata.type"
)

// Closing says how an opportunity ends. Amounts and dates that are left out are the service's own: the estimated revenue and today.
type Closing struct {
	OpportunityID string
	Won           bool
	Status        int    // status reason: of the state Won or Lost
	Subject       string // of the closing activity
	Description   string
}

// Part gives the closing as a part of a change set ("WinOpportunity Action", "LoseOpportunity Action").
func (closing Closing) Part() (Part, error) {
	row, err := Row("opportunities", closing.OpportunityID)
	if err != nil {
		return Part{}, err
	}
	action := "LoseOpportunity"
	if closing.Won {
		action = "WinOpportunity"
	}
	activity := map[string]any{typeAnnotation: typePrefix + "opportunityclose", "subject": closing.Subject, "opportunityid@odata.bind": "/" + row}
	if closing.Description != "" {
		activity["description"] = closing.Description
	}
	body, err := json.Marshal(map[string]any{"Status": closing.Status, "OpportunityClose": activity})
	if err != nil {
		return Part{}, fmt.Errorf("dataverse: %s: %w", action, err)
	}
	return Part{Method: http.MethodPost, Path: action, Body: body}, nil
}

// Close ends an opportunity. [IsClosed] holds when it is closed already.
func (c *Client) Close(ctx context.Context, closing Closing) error {
	part, err := closing.Part()
	if err != nil {
		return err
	}
	_, err = c.send(ctx, call{operation: part.Path, method: part.Method, path: part.Path}, part.Body, nil)
	return err
}

// Action calls an unbound action and reads its answer into a value, which may be nil.
func (c *Client) Action(ctx context.Context, name string, body, into any) error {
	if _, err := Name(name); err != nil {
		return fmt.Errorf("dataverse: action %w", err)
	}
	_, err := c.send(ctx, call{operation: name, method: http.MethodPost, path: name}, body, into)
	return err
}

// Reference names a row within an action's parameters.
type Reference struct {
	Type, Key, ID string // logical name of the table, its primary key column, the row
}

// MarshalJSON writes the reference as an entity with its key only.
func (r Reference) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{typeAnnotation: typePrefix + r.Type, r.Key: r.ID})
}

// Qualify says what a lead becomes ("QualifyLead Action").
type Qualify struct {
	CreateAccount     bool       `json:"CreateAccount"`
	CreateContact     bool       `json:"CreateContact"`
	CreateOpportunity bool       `json:"CreateOpportunity"`
	Status            int        `json:"Status"` // status reason; 3 is Qualified
	Currency          *Reference `json:"OpportunityCurrencyId,omitempty"`
	Customer          *Reference `json:"OpportunityCustomerId,omitempty"`
}

// QualifyLead qualifies a lead and gives the rows that came of it. [IsClosed] holds when it is closed already.
func (c *Client) QualifyLead(ctx context.Context, id string, q Qualify) ([]map[string]any, error) {
	row, err := Row("leads", id)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Value []map[string]any `json:"value"`
	}
	_, err = c.send(ctx, call{operation: "qualify lead", method: http.MethodPost, path: row + "/" + typePrefix + "QualifyLead"}, q, &answer)
	return answer.Value, err
}
