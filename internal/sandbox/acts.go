package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

// Act is something that a person does in one of the simulated systems.
type Act struct {
	Name       string      `json:"name"`
	Help       string      `json:"help"` // one line
	Parameters []Parameter `json:"parameters"`
	Fields     bool        `json:"fields,omitempty"` // further parameters set fields of the record, by API name

	run func(ctx context.Context, s *Sandbox, parameters []byte) (any, error)
}

// Parameter is one parameter of an act. All values can be given as strings.
type Parameter struct {
	Name     string `json:"name"`
	Help     string `json:"help"`
	Required bool   `json:"required,omitempty"`
}

// Acts lists what people can do, Partner Center first.
func Acts() []Act { return slices.Concat(partnerCenterActs, salesforceActs(), dataverseActs()) }

// Act lets a person act and returns what came of it, ready for JSON. The parameters are a JSON object; an unknown act, an
// unknown or missing parameter, and what the simulated system refuses are errors.
func (s *Sandbox) Act(ctx context.Context, name string, parameters json.RawMessage) (any, error) {
	acts := Acts()
	i := slices.IndexFunc(acts, func(a Act) bool { return a.Name == name })
	if i < 0 {
		var known []string
		for _, a := range acts {
			known = append(known, a.Name)
		}
		return nil, fmt.Errorf("unknown act %q; known are: %s", name, strings.Join(known, ", "))
	}
	if len(bytes.TrimSpace(parameters)) == 0 {
		parameters = []byte("{}")
	}
	if err := acts[i].check(parameters); err != nil {
		return nil, fmt.Errorf("act %s: %w", name, err)
	}
	result, err := acts[i].run(ctx, s, parameters)
	if err != nil {
		return nil, fmt.Errorf("act %s: %w", name, err)
	}
	return result, nil
}

func (a Act) check(parameters []byte) error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(parameters, &given); err != nil {
		return fmt.Errorf("the parameters are not a JSON object: %w", err)
	}
	for name := range given {
		if !a.Fields && !slices.ContainsFunc(a.Parameters, func(p Parameter) bool { return p.Name == name }) {
			return fmt.Errorf("unknown parameter %q", name)
		}
	}
	for _, p := range a.Parameters {
		if _, ok := given[p.Name]; p.Required && !ok {
			return fmt.Errorf("the parameter %q is missing: %s", p.Name, p.Help)
		}
	}
	return nil
}

// act makes a table row's function of one that takes typed parameters.
func act[P, R any](do func(s *Sandbox, parameters P) (R, error)) func(context.Context, *Sandbox, []byte) (any, error) {
	return func(_ context.Context, s *Sandbox, data []byte) (any, error) {
		var parameters P
		if err := json.Unmarshal(data, &parameters); err != nil {
			return nil, fmt.Errorf("read the parameters: %w", err)
		}
		return do(s, parameters)
	}
}

// answered are the parameters of the acts that answer or close a referral.
type answered struct {
	ID             string `json:"id"`
	Reason         string `json:"reason"`
	Outcome        string `json:"outcome"`
	MicrosoftCRMID string `json:"microsoft_crm_id"`
	SellerName     string `json:"seller_name"`
	SellerEmail    string `json:"seller_email"`
}

// sellers gives Microsoft's seller whom an answer names.
func (a answered) sellers() []partnercenter.Member {
	if a.SellerEmail == "" {
		return nil
	}
	first, last, _ := strings.Cut(cmp.Or(a.SellerName, "Microsoft Seller"), " ")
	return []partnercenter.Member{{FirstName: first, LastName: last, Email: a.SellerEmail, PhoneNumber: "+14255550103"}}
}

type otherRegistration struct {
	URL    string `json:"url"`
	Events string `json:"events"`
}

type nothing struct{}

// done is the result of an act that has none of its own.
type done struct {
	Done bool `json:"done"`
}

var (
	referralID   = Parameter{Name: "id", Help: "the referral's id", Required: true}
	engagementID = Parameter{Name: "id", Help: "id of the engagement, or of one of its referrals", Required: true}
	reason       = Parameter{Name: "reason", Help: "statusReason"}
	dealFields   = []Parameter{
		{Name: "name", Help: "deal name"},
		{Name: "customer", Help: "customer's company name"},
		{Name: "address_line1", Help: "customer's address"},
		{Name: "city", Help: "customer's city"},
		{Name: "state", Help: "customer's state"},
		{Name: "postal_code", Help: "customer's postal code"},
		{Name: "country", Help: "customer's country, ISO 3166-1 alpha-2"},
		{Name: "value", Help: "deal value"},
		{Name: "currency", Help: "ISO 4217 code"},
		{Name: "close_date", Help: "estimated closing date, RFC 3339 time or date"},
		{Name: "notes", Help: "notes of the deal"},
		{Name: "solution_id", Help: "id of the solution, SOL-…"},
		{Name: "solution_name", Help: "name of the solution"},
		{Name: "contact_first_name", Help: "customer contact's first name"},
		{Name: "contact_last_name", Help: "customer contact's last name"},
		{Name: "contact_email", Help: "customer contact's email"},
		{Name: "contact_phone", Help: "customer contact's phone number"},
		{Name: "team_email", Help: "e-mail address of somebody of the partner's, whom the deal is for"},
		{Name: "help", Help: "assistance request code, for example ProofOfConceptOrDemo"},
		{Name: "external_reference_id", Help: "externalReferenceId"},
	}
)

var partnerCenterActs = []Act{
	{
		Name: "send_referral", Help: "a Microsoft seller sends the partner a new deal, New/Pending",
		Parameters: append([]Parameter{
			{Name: "kind", Help: "co_sell (default), lead or marketplace_lead"},
			{Name: "microsoft_crm_id", Help: "Microsoft's identifier of the opportunity"},
		}, dealFields...),
		run: act(func(s *Sandbox, d partnercenter.Deal) (*partnercenter.Referral, error) {
			return s.partnerCenter.SendReferral(d)
		}),
	},
	{
		Name: "portal_create", Help: "a user of the partner's enters a deal in the portal, Active/Accepted",
		Parameters: append([]Parameter{{Name: "kind", Help: "partner_led (default) or private"}}, dealFields...),
		run: act(func(s *Sandbox, d partnercenter.Deal) (*partnercenter.Referral, error) {
			return s.partnerCenter.PortalCreate(d)
		}),
	},
	{
		Name: "edit_referral", Help: "a Microsoft seller or a user of the portal edits an open referral",
		Parameters: []Parameter{
			referralID, {Name: "value", Help: "deal value"}, {Name: "currency", Help: "ISO 4217 code"},
			{Name: "close_date", Help: "estimated closing date"}, {Name: "notes", Help: "notes of the deal"},
			{Name: "add_solution", Help: "a solution to add: its id, or id, name"}, {Name: "remove_solution", Help: "id of a solution to remove"},
			{Name: "visible", Help: "true shows the deal to Microsoft's sellers, for good (portal_user)"},
			{Name: "contact_first_name", Help: "customer contact's first name (portal_user)"},
			{Name: "contact_last_name", Help: "customer contact's last name (portal_user)"},
			{Name: "contact_email", Help: "customer contact's email (portal_user)"},
			{Name: "contact_phone", Help: "customer contact's phone number (portal_user)"},
			{Name: "external_reference_id", Help: "the CRM ID (portal_user)"},
			{Name: "by", Help: "microsoft_seller (default) or portal_user"},
		},
		run: act(func(s *Sandbox, e partnercenter.Edit) (*partnercenter.Referral, error) {
			return s.partnerCenter.EditReferral(e)
		}),
	},
	{
		Name: "accept_referral", Help: "a user of the portal accepts a referral", Parameters: []Parameter{referralID},
		run: act(func(s *Sandbox, a answered) (*partnercenter.Referral, error) {
			return s.partnerCenter.AcceptReferral(a.ID)
		}),
	},
	{
		Name: "decline_referral", Help: "a user of the portal declines a referral", Parameters: []Parameter{referralID, reason},
		run: act(func(s *Sandbox, a answered) (*partnercenter.Referral, error) {
			return s.partnerCenter.DeclineReferral(a.ID, a.Reason)
		}),
	},
	{
		Name: "close_referral", Help: "a user of the portal closes a referral",
		Parameters: []Parameter{referralID, {Name: "outcome", Help: "won, lost or error", Required: true}, reason},
		run: act(func(s *Sandbox, a answered) (*partnercenter.Referral, error) {
			return s.partnerCenter.CloseReferral(a.ID, a.Outcome, a.Reason)
		}),
	},
	{
		Name: "accept_counterpart", Help: "a Microsoft seller accepts the partner's co-sell request",
		Parameters: []Parameter{
			engagementID, {Name: "microsoft_crm_id", Help: "Microsoft's identifier of the opportunity"},
			{Name: "seller_name", Help: "who joins the team of Microsoft's referral"}, {Name: "seller_email", Help: "that seller's e-mail address"},
		},
		run: act(func(s *Sandbox, a answered) (*partnercenter.Referral, error) {
			return s.partnerCenter.AcceptCounterpart(a.ID, a.MicrosoftCRMID, a.sellers()...)
		}),
	},
	{
		Name: "decline_counterpart", Help: "a Microsoft seller declines the partner's co-sell request",
		Parameters: []Parameter{engagementID, reason},
		run: act(func(s *Sandbox, a answered) (*partnercenter.Referral, error) {
			return s.partnerCenter.DeclineCounterpart(a.ID, a.Reason)
		}),
	},
	{
		Name: "overwrite_registration", Help: "another tool of the tenant registers its own webhook URL, without asking",
		Parameters: []Parameter{
			{Name: "url", Help: "absolute URL", Required: true},
			{Name: "events", Help: "event names, separated by commas; default test-created"},
		},
		run: act(func(s *Sandbox, r otherRegistration) (done, error) {
			events := strings.Split(cmp.Or(r.Events, "test-created"), ",")
			return done{true}, s.partnerCenter.Overwrite(r.URL, events)
		}),
	},
	{
		Name: "renew_certificate", Help: "a new certificate signs webhooks, behind the same URL", Parameters: []Parameter{},
		run: act(func(s *Sandbox, _ nothing) (done, error) { return done{true}, s.partnerCenter.RenewCertificate() }),
	},
	{
		Name: "revoke_tokens", Help: "an administrator ends all access tokens of the identity service", Parameters: []Parameter{},
		run: act(func(s *Sandbox, _ nothing) (done, error) {
			s.identity.RevokeAccess()
			return done{true}, nil
		}),
	},
}
