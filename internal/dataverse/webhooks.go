package dataverse

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// Webhook is an endpoint that steps deliver to ("Register a webhook"). Its key arrives as the value of a header.
type Webhook struct {
	ID      string  `json:"serviceendpointid"`
	Name    string  `json:"name"`
	URL     string  `json:"url"`
	HasKey  bool    `json:"isauthvalueset"`
	Version Version `json:"@odata.etag"`
}

const (
	webhookContract = 8
	webhookHeader   = 5 // the authentication type HttpHeader
)

// Webhooks lists the webhook endpoints of a name.
func (c *Client) Webhooks(ctx context.Context, name string) ([]Webhook, error) {
	return List[Webhook](ctx, c, "serviceendpoints", Query{
		Select: []string{"serviceendpointid", "name", "url", "isauthvalueset"}, Filter: "contract eq 8 and name eq " + Quote(name), OrderBy: "serviceendpointid",
	})
}

// CreateWebhook registers an endpoint whose deliveries carry the key in a header. Only ports 80 and 443 are delivered to.
func (c *Client) CreateWebhook(ctx context.Context, name, url, header string, key secret.Secret) (string, error) {
	authentication, err := headerSetting(header, key)
	if err != nil {
		return "", err
	}
	created, err := c.Create(ctx, "serviceendpoints", map[string]any{
		"name": name, "url": url, "contract": webhookContract, "authtype": webhookHeader, "authvalue": authentication, "messageformat": 2,
	})
	return created.ID, err
}

// UpdateWebhook changes an endpoint's address and key.
func (c *Client) UpdateWebhook(ctx context.Context, id, url, header string, key secret.Secret) error {
	row, err := Row("serviceendpoints", id)
	if err != nil {
		return err
	}
	authentication, err := headerSetting(header, key)
	if err != nil {
		return err
	}
	return c.Update(ctx, row, Any, map[string]any{"url": url, "authtype": webhookHeader, "authvalue": authentication})
}

func headerSetting(header string, key secret.Secret) (string, error) {
	var b bytes.Buffer
	b.WriteString(`<settings><setting name="`)
	if err := xml.EscapeText(&b, []byte(header)); err != nil {
		return "", fmt.Errorf("dataverse: webhook header: %w", err)
	}
	b.WriteString(`" value="`)
	if err := xml.EscapeText(&b, []byte(key.Expose())); err != nil {
		return "", fmt.Errorf("dataverse: webhook key: %w", err)
	}
	b.WriteString(`" /></settings>`)
	return b.String(), nil
}

// DeleteWebhook removes an endpoint; its steps go first.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	row, err := Row("serviceendpoints", id)
	if err != nil {
		return err
	}
	return c.Delete(ctx, row, "")
}

// Step is a registration of an endpoint for one message of one table. It is asynchronous, after the operation: a person's save never
// waits for an agent.
type Step struct {
	Name      string
	WebhookID string
	Message   string   // Create, Update or Delete
	Table     string   // logical name
	Columns   []string // Update only: which columns' changes count; empty means all
}

// StepRow is a step that is registered.
type StepRow struct {
	ID        string `json:"sdkmessageprocessingstepid"`
	Name      string `json:"name"`
	Columns   string `json:"filteringattributes"`
	WebhookID string `json:"_eventhandler_value"`
	State     int    `json:"statecode"` // 0 enabled, 1 disabled
}

// Steps lists the steps of an endpoint.
func (c *Client) Steps(ctx context.Context, webhookID string) ([]StepRow, error) {
	id, err := ParseID(webhookID)
	if err != nil {
		return nil, fmt.Errorf("dataverse: webhook: %w", err)
	}
	return List[StepRow](ctx, c, "sdkmessageprocessingsteps", Query{
		Select: []string{"sdkmessageprocessingstepid", "name", "filteringattributes", "_eventhandler_value", "statecode"},
		Filter: "_eventhandler_value eq " + id, OrderBy: "name",
	})
}

// CreateStep registers a step.
func (c *Client) CreateStep(ctx context.Context, step Step) (string, error) {
	message, found, err := One[struct {
		ID string `json:"sdkmessageid"`
	}](ctx, c, "sdkmessages", Query{Select: []string{"sdkmessageid"}, Filter: "name eq " + Quote(step.Message)})
	if err != nil || !found {
		return "", errOrMissing(err, "message "+step.Message)
	}
	filter, found, err := One[struct {
		ID string `json:"sdkmessagefilterid"`
	}](ctx, c, "sdkmessagefilters", Query{
		Select: []string{"sdkmessagefilterid"}, Filter: "primaryobjecttypecode eq " + Quote(step.Table) + " and _sdkmessageid_value eq " + message.ID,
	})
	if err != nil || !found {
		return "", errOrMissing(err, "message "+step.Message+" of table "+step.Table)
	}
	body := map[string]any{
		"name": step.Name, "stage": 40, "mode": 1, "rank": 1, "supporteddeployment": 0, "asyncautodelete": true,
		"eventhandler_serviceendpoint@odata.bind": "/serviceendpoints(" + step.WebhookID + ")", "sdkmessageid@odata.bind": "/sdkmessages(" + message.ID + ")",
		"sdkmessagefilterid@odata.bind": "/sdkmessagefilters(" + filter.ID + ")",
	}
	if len(step.Columns) > 0 && step.Message == "Update" {
		body["filteringattributes"] = strings.Join(step.Columns, ",")
	}
	created, err := c.Create(ctx, "sdkmessageprocessingsteps", body)
	return created.ID, err
}

func errOrMissing(err error, what string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("dataverse: the environment has no %s", what)
}

// DeleteStep removes a step.
func (c *Client) DeleteStep(ctx context.Context, id string) error {
	row, err := Row("sdkmessageprocessingsteps", id)
	if err != nil {
		return err
	}
	return c.Delete(ctx, row, "")
}

// Event is what a webhook step delivers, as far as it is a hint ("Use webhooks to create external handlers for server events").
type Event struct {
	Message          string // Create, Update, Delete, Win, Lose
	Table            string
	RowID            string
	OrganizationID   string
	InitiatingUserID string
	Tag              string // of the write that set it off; empty: none
	Depth            int    // above 1: other logic of the environment wrote
	At               time.Time
	// Values are what was written, by logical name: a lookup as the id of the row that it refers to, a choice or an amount as its number.
	// They are nil where the delivery does not say: for a row that was deleted, and for a message that was stripped.
	Values map[string]any
}

// StrippedHeader is there when a message had more than 256 KB and came without what was written.
const StrippedHeader = "x-ms-dynamics-msg-size-exceeded"

// Own reports whether a client with the tag, signed in as the user, made the change itself.
func (e Event) Own(tag, userID string) bool {
	return tag != "" && e.Tag == tag && e.Depth <= 1 && strings.EqualFold(e.InitiatingUserID, userID)
}

// ParseEvent reads a delivery.
func ParseEvent(body []byte) (Event, error) {
	var delivery struct {
		MessageName       string      `json:"MessageName"`
		PrimaryEntityName string      `json:"PrimaryEntityName"`
		PrimaryEntityID   string      `json:"PrimaryEntityId"`
		OrganizationID    string      `json:"OrganizationId"`
		InitiatingUserID  string      `json:"InitiatingUserId"`
		Depth             int         `json:"Depth"`
		OperationCreated  string      `json:"OperationCreatedOn"`
		Input             []parameter `json:"InputParameters"`
		Shared            []parameter `json:"SharedVariables"`
	}
	if err := json.Unmarshal(body, &delivery); err != nil {
		return Event{}, &DecodeError{Operation: "read webhook event", Err: err}
	}
	row, err := ParseID(delivery.PrimaryEntityID)
	if err != nil || delivery.PrimaryEntityName == "" {
		return Event{}, &DecodeError{Operation: "read webhook event", Err: fmt.Errorf("it names no row")}
	}
	event := Event{
		Message: delivery.MessageName, Table: delivery.PrimaryEntityName, RowID: row, OrganizationID: strings.ToLower(delivery.OrganizationID),
		InitiatingUserID: strings.ToLower(delivery.InitiatingUserID), Depth: delivery.Depth, At: jsonDate(delivery.OperationCreated),
	}
	for _, variable := range delivery.Shared {
		if variable.Key == "tag" {
			_ = json.Unmarshal(variable.Value, &event.Tag) // a tag of another kind is nobody's
		}
	}
	for _, input := range delivery.Input {
		if input.Key == "Target" {
			event.Values = written(input.Value)
		}
	}
	return event, nil
}

// parameter is an element of a collection of parameters.
type parameter struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// written reads the attributes of a target; nil when it has none.
func written(target json.RawMessage) map[string]any {
	var entity struct {
		Attributes []parameter `json:"Attributes"`
	}
	if err := json.Unmarshal(target, &entity); err != nil || len(entity.Attributes) == 0 {
		return nil
	}
	values := make(map[string]any, len(entity.Attributes))
	for _, attribute := range entity.Attributes {
		values[strings.ToLower(attribute.Key)] = plainValue(attribute.Value)
	}
	return values
}

// plainValue takes a value out of the data contract that it came in.
func plainValue(raw json.RawMessage) any {
	var contract struct {
		ID    *string `json:"Id"`
		Value any     `json:"Value"`
	}
	if err := json.Unmarshal(raw, &contract); err == nil {
		if contract.ID != nil {
			return strings.ToLower(*contract.ID)
		}
		return contract.Value
	}
	var value any
	_ = json.Unmarshal(raw, &value) // it is JSON, or the delivery could not have been read
	return value
}

// jsonDate reads /Date(1503411044000)/; the zero time when it is not of that form.
func jsonDate(text string) time.Time {
	var milliseconds int64
	if _, err := fmt.Sscanf(text, "/Date(%d", &milliseconds); err != nil {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds).UTC()
}
