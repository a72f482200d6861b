package connector

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

const preflightDescription = "Looks whether everything is in place that a co-sell connector needs, and says what is not, with what to do about it.\n\n" +
	"Nothing is changed, and nothing that is found fails a plan: put `ok` and `findings` into a `check` block, a `precondition` or an output. " +
	"What is compared at plan by the resources themselves is looked at here too, all at once.\n\n"

const preflightPermissions = "\n**Permissions.** None of its own: what the accounts lack is what it finds.\n"

// preflightCheck is one row of the table that drives the checks and their documentation.
type preflightCheck struct {
	name  string
	about string // for the documentation
	needs string // a check that must have passed; empty: none
	look  func(r *preflightRun, ctx context.Context) error
}

// preflightChecks in the order in which they are made.
var preflightChecks = []preflightCheck{
	{"partner_center_sign_in", "The application signs in to Partner Center and may use its webhooks API.", "", (*preflightRun).partnerCenter},
	{"webhook_events", "Partner Center offers the referral events.", "partner_center_sign_in", (*preflightRun).events},
	{"webhook_takeover", "The tenant's one webhook registration is not somebody else's, or the connector has a scope of its own.", "partner_center_sign_in", (*preflightRun).takeover},
	{"referrals_visible", "The user of the refresh token is a Referrals admin, and sees co-sell referrals.", "partner_center_sign_in", (*preflightRun).referrals},
	{"partner_id", "A PartnerID is given, and is the one that the tenant's referrals carry.", "referrals_visible", (*preflightRun).partnerID},
	{"salesforce_sign_in", "The provider's user signs in to the pinned Salesforce organisation.", "", (*preflightRun).salesforce},
	{"salesforce_metadata", "That user may customise the organisation.", "salesforce_sign_in", (*preflightRun).metadata},
	{"installation", "The organisation has the fields, stages, picklist values and users that the connector names.", "salesforce_metadata", (*preflightRun).installation},
	{"solutions", "There is at least one solution to share deals with.", "salesforce_sign_in", (*preflightRun).solutions},
	{"agent_user", "The agent's user exists, is active, and sees every opportunity.", "salesforce_sign_in", (*preflightRun).agentUser},
}

func preflightTable() string {
	var b strings.Builder
	b.WriteString("| Check | Passes when |\n|---|---|\n")
	for _, c := range preflightChecks {
		fmt.Fprintf(&b, "| `%s` | %s |\n", c.name, c.about)
	}
	return b.String()
}

// preflightRun gathers what the checks find.
type preflightRun struct {
	*connector
	document *document.Document // nil: none was given
	check    string             // under way
	findings []preflightFinding
	status   map[string]string // by name of the check

	published []string                // events that Partner Center offers
	seen      *partnercenter.Referral // the newest referral; nil: there is none
}

type preflightFinding struct {
	check    string
	severity string
	code     problem.Code
	object   string
	detail   string
}

// errSkipped says that a check does not apply.
var errSkipped = errors.New("not applicable")

func (r *preflightRun) look(ctx context.Context, check preflightCheck) {
	if check.needs != "" && r.status[check.needs] != "passed" {
		r.status[check.name] = "skipped"
		return
	}
	r.check = check.name
	before := len(r.findings)
	err := check.look(r, ctx)
	switch {
	case errors.Is(err, errSkipped) || leftOut(err):
		r.status[check.name] = "skipped"
		return
	case err != nil:
		r.fail(causeOf(err))
	}
	r.status[check.name] = "passed"
	if slices.ContainsFunc(r.findings[before:], func(f preflightFinding) bool { return f.severity == severityError }) {
		r.status[check.name] = "failed"
	}
}

func (r *preflightRun) fail(code problem.Code, object, detail string) {
	r.findings = append(r.findings, preflightFinding{r.check, severityError, code, object, detail})
}

func (r *preflightRun) warn(code problem.Code, object, detail string) {
	r.findings = append(r.findings, preflightFinding{r.check, severityWarning, code, object, detail})
}

// causeOf puts a failed call into the catalogue.
func causeOf(err error) (code problem.Code, object, detail string) {
	var known *problem.Problem
	var refused *wire.TokenError
	switch {
	case errors.As(err, &known):
		return known.Code, known.Object, known.Detail
	case errors.As(err, &refused) && refused.Rejected():
		return problem.CredentialsRejected, "", err.Error()
	case errors.Is(err, partnercenter.ErrNoUser):
		return problem.SecretUnavailable, "refresh token", err.Error()
	case partnercenter.IsDenied(err), salesforce.IsDenied(err):
		return problem.AccessDenied, "", err.Error()
	default:
		return problem.Unavailable, "", err.Error()
	}
}

func (r *preflightRun) partnerCenter(ctx context.Context) error {
	client, err := r.remote.PartnerCenter(ctx)
	if err != nil {
		return err
	}
	if d := r.document; d != nil && !strings.EqualFold(d.PartnerCenter.TenantID, r.remote.PartnerCenterConfig().TenantID) {
		r.fail(problem.WrongAccount, "Partner Center tenant "+r.remote.PartnerCenterConfig().TenantID, "the document pins "+d.PartnerCenter.TenantID)
	}
	return r.remote.Retry(ctx, func(ctx context.Context) (err error) {
		r.published, err = client.WebhookEvents(ctx)
		return err
	})
}

// referralEvents are what an agent with a webhook lives on.
var referralEvents = []string{
	partnercenter.EventReferralCreated, partnercenter.EventReferralUpdated, partnercenter.EventRelatedReferralCreated, partnercenter.EventRelatedReferralUpdated,
}

func (r *preflightRun) events(context.Context) error {
	for _, event := range referralEvents {
		if !slices.Contains(r.published, event) {
			r.fail(problem.AccessDenied, "event "+event, "Partner Center does not offer it to this application; it offers "+strings.Join(r.published, ", "))
		}
	}
	return nil
}

func (r *preflightRun) takeover(ctx context.Context) error {
	registered, err := r.registeredURL(ctx)
	if err != nil || registered == "" {
		return err
	}
	detail := "it points to " + registered
	switch d := r.document; {
	case d == nil:
		r.warn(problem.WebhookTaken, "webhook registration", detail)
	case d.PartnerCenter.Scope != nil && d.PartnerCenter.Webhook == nil: // polls, and knows its own
	case d.PartnerCenter.Webhook == nil || d.PartnerCenter.Webhook.URL != registered:
		r.fail(problem.WebhookTaken, "webhook registration", detail)
	}
	return nil
}

// referrals reads one referral, as a user: the API answers nobody else.
func (r *preflightRun) referrals(ctx context.Context) error {
	client, err := r.remote.PartnerCenter(ctx)
	if err != nil {
		return err
	}
	query := partnercenter.Query{OrderBy: partnercenter.Order{Field: partnercenter.FieldCreatedDateTime, Descending: true}, Top: 1}
	err = r.remote.Retry(ctx, func(ctx context.Context) error {
		for referral, err := range client.ListReferrals(ctx, query) {
			if unreadable := (*partnercenter.DecodeError)(nil); errors.As(err, &unreadable) && unreadable.ID != "" {
				continue
			}
			r.seen = referral
			return err
		}
		return nil
	})
	switch {
	case partnercenter.IsDenied(err):
		r.fail(problem.AccessDenied, "referrals", "the user of the refresh token lacks the role Referrals admin: "+err.Error())
		return nil
	case err != nil:
		return err
	case r.seen == nil:
		r.warn(problem.AccessDenied, "referrals", "none is visible: the tenant has none yet, or the user sees those of other locations only")
	}
	return nil
}

func (r *preflightRun) partnerID(context.Context) error {
	given := r.remote.PartnerCenterConfig().PartnerID
	if r.document != nil && r.document.PartnerCenter.PartnerID != "" {
		given = r.document.PartnerCenter.PartnerID
	}
	switch {
	case given == "":
		r.warn(problem.WrongAccount, "PartnerID", "none is given (partner_center.partner_id), so nothing can be compared with the tenant")
	case r.seen != nil && r.seen.MPNID != "" && string(r.seen.MPNID) != given:
		r.warn(problem.WrongAccount, "PartnerID "+given, "the tenant's newest referral carries "+string(r.seen.MPNID)+
			": the PartnerID must be the one that owns the co-sell ready solutions, and may be that of another location")
	}
	return nil
}

func (r *preflightRun) salesforce(ctx context.Context) error {
	if !r.forSalesforce() {
		return errSkipped
	}
	identity, err := r.remote.SalesforceIdentity(ctx)
	if err != nil {
		return err
	}
	if d := r.document; d != nil && !salesforce.SameID(d.CRM.Salesforce.OrgID, string(identity.OrgID)) {
		r.fail(problem.WrongAccount, "Salesforce organisation "+string(identity.OrgID), "the document pins "+d.CRM.Salesforce.OrgID)
	}
	return nil
}

func (r *preflightRun) forSalesforce() bool {
	return r.document == nil || r.document.CRM.Salesforce != nil
}

// metadata needs Modify Metadata, as every change of fields and layouts does.
func (r *preflightRun) metadata(ctx context.Context) error {
	_, err := r.remote.ListMetadata(ctx, "CustomField")
	if salesforce.IsDenied(err) {
		r.fail(problem.AccessDenied, "metadata", "the provider's user needs Customize Application and Modify Metadata Through Metadata API Functions: "+err.Error())
		return nil
	}
	return err
}

func (r *preflightRun) installation(ctx context.Context) error {
	if r.document == nil {
		return r.defaults(ctx)
	}
	found, err := r.compareOrganisation(ctx, *r.document, apply)
	for _, f := range found {
		r.fail(f.code, f.object, f.detail)
	}
	return err
}

// defaults looks for the fields of the example installation.
func (r *preflightRun) defaults(ctx context.Context) error {
	objects, fields := document.DefaultObjects(document.Salesforce), document.DefaultFields(document.Salesforce)
	for _, role := range slices.Sorted(maps.Keys(fields)) {
		wanted := named{role: role, object: objects[document.ObjectOf(role)], field: fields[role], use: "role " + role}
		there, known, err := r.fieldExists(ctx, wanted)
		if err != nil {
			return err
		}
		if !there {
			r.fail(problem.FieldMissing, "field "+wanted.object+"."+wanted.field, wanted.use)
		}
		if known == nil {
			continue
		}
		for _, f := range unfit(objects, wanted, *known, "field") {
			r.fail(f.code, f.object, f.detail)
		}
	}
	return nil
}

// names gives the object and field of solution details that the document, or the example installation, names.
func (r *preflightRun) names() (object, field string) {
	objects, fields := document.DefaultObjects(document.Salesforce), document.DefaultFields(document.Salesforce)
	if r.document != nil {
		objects, fields = r.document.CRM.Objects, r.document.CRM.Fields
	}
	return objects[document.ObjectSolutionDetail], fields[document.FieldDetailIdentifier]
}

func (r *preflightRun) solutions(ctx context.Context) error {
	object, field := r.names()
	if object == "" || field == "" {
		return errSkipped
	}
	client, err := r.remote.Salesforce(ctx)
	if err != nil {
		return err
	}
	name, err := salesforce.Names(object, field)
	if err != nil {
		return err
	}
	object, field, _ = strings.Cut(name, ",")
	var rows []remote.Row
	err = r.remote.Retry(ctx, func(ctx context.Context) (err error) {
		rows, err = salesforce.Query[remote.Row](ctx, client.Data(), "SELECT Id, "+field+" FROM "+object+" WHERE "+field+" != null LIMIT 1")
		return err
	})
	switch {
	case salesforce.IsUnknownField(err):
		return errSkipped // the installation's own check says so
	case err == nil && len(rows) == 0:
		r.warn(problem.SolutionMissing, object, "it holds no solution: declare each co-sell ready solution as cosell_solution_detail")
	}
	return err
}

// agentUser looks at the user whom the document names, not at the provider's.
func (r *preflightRun) agentUser(ctx context.Context) error {
	if r.document == nil || r.document.CRM.Salesforce.Credentials.Username == "" {
		return errSkipped
	}
	user := r.document.CRM.Salesforce.Credentials.Username
	client, err := r.remote.Salesforce(ctx)
	if err != nil {
		return err
	}
	var users []struct{ IsActive bool }
	var sets []struct{ PermissionSetID salesforce.ID }
	if err := r.remote.Retry(ctx, func(ctx context.Context) (err error) {
		if users, err = salesforce.Query[struct{ IsActive bool }](ctx, client.Data(), "SELECT IsActive FROM User WHERE Username = "+salesforce.Quote(user)); err != nil {
			return err
		}
		sets, err = salesforce.Query[struct{ PermissionSetID salesforce.ID }](ctx, client.Data(),
			"SELECT PermissionSetId FROM PermissionSetAssignment WHERE Assignee.Username = "+salesforce.Quote(user))
		return err
	}); err != nil {
		return err
	}
	switch {
	case len(users) == 0:
		r.fail(problem.UserMissing, "user "+user, "no user has this user name")
		return nil
	case !users[0].IsActive:
		r.fail(problem.UserMissing, "user "+user, "the user is not active")
		return nil
	}
	ids := make([]string, len(sets))
	for i, set := range sets {
		ids[i] = string(set.PermissionSetID)
	}
	return r.seesDeals(ctx, client, user, ids)
}

// seesDeals wants the right to see all opportunities: sharing hides deals of other owners from everybody else.
func (r *preflightRun) seesDeals(ctx context.Context, client *salesforce.Client, user string, sets []string) error {
	var granted []struct{ PermissionsViewAllRecords bool }
	object := r.document.CRM.Objects[document.ObjectOpportunity]
	if len(sets) > 0 {
		if err := r.remote.Retry(ctx, func(ctx context.Context) (err error) {
			granted, err = salesforce.Query[struct{ PermissionsViewAllRecords bool }](ctx, client.Data(),
				"SELECT PermissionsViewAllRecords FROM ObjectPermissions WHERE SobjectType = "+salesforce.Quote(object)+" AND ParentId IN "+salesforce.QuoteAll(sets))
			return err
		}); err != nil {
			return err
		}
	}
	switch {
	case len(granted) == 0:
		r.fail(problem.AccessDenied, "user "+user, "no permission set gives this user access to "+object)
	case !slices.ContainsFunc(granted, func(g struct{ PermissionsViewAllRecords bool }) bool { return g.PermissionsViewAllRecords }):
		r.warn(problem.AccessDenied, "user "+user, "no permission set lets this user view all records of "+object+": deals that sharing hides are not synchronised")
	}
	return nil
}
