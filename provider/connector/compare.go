package connector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"golang.org/x/sync/errgroup"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/fieldcheck"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// finding is something that the document names and the organisation does not have.
type finding struct {
	at     place
	code   problem.Code
	object string
	detail string
}

// summaries of the diagnostics, one for each kind of finding.
var summaries = map[problem.Code]string{
	problem.StageMissing: "Stage is not in the organisation",
	problem.FieldMissing: "Field is not in the organisation",
	problem.FieldUnfit:   "Field does not fit its role",

	problem.FieldUnfilled: "Required field gets no value",

	problem.FieldNotWritable:  "Mapped field cannot be written",
	problem.FieldTypeMismatch: "Mapped field is of another type",
	problem.PicklistUnknown:   "Mapped value is not in the picklist",
	problem.LeadStatusMissing: "Lead status is not in the organisation",

	problem.UserMissing: "User is not in the organisation",
	problem.NotesOff:    "Notes are switched off in the organisation",

	problem.CurrencyUnknown: "Default currency is not active in the organisation",
}

// moment says when a comparison is made, and so what a finding means.
type moment int

const (
	// planChanged: a new or changed declaration will be applied, and compared again. Findings are warnings.
	planChanged moment = iota
	// planUnchanged: nothing will be applied. Findings are errors.
	planUnchanged
	// apply: what the plan was to make must be there. Findings are errors.
	apply
)

// beforeApply says by when what is missing must be there.
var beforeApply = map[problem.Code]string{
	problem.StageMissing: "Applying fails unless it is there by then.",
	problem.FieldMissing: "Applying fails unless it is there by then: refer to the resource that makes it, so that it comes first.",
	problem.FieldUnfit:   "Applying fails unless that has changed by then.",

	problem.FieldUnfilled: "Applying does not fail: whether a flow or trigger fills the field is not seen from here. Without one, Salesforce refuses every deal.",

	problem.CurrencyUnknown: "Applying does not fail: opportunities have a currency of their own here, and default_currency is not used while they have. " +
		"Name an active currency, or leave default_currency out.",

	problem.FieldNotWritable:  "Applying fails unless that has changed by then.",
	problem.FieldTypeMismatch: "Applying fails unless that has changed by then.",
	problem.PicklistUnknown:   "Applying fails unless it is there by then.",
	problem.LeadStatusMissing: "Applying fails unless it is there by then.",

	problem.UserMissing: "Applying fails unless there is one by then.",
	problem.NotesOff:    "Applying fails unless they are on by then: refer to the resource that switches them on, so that it comes first.",
}

// compare looks for what the document names in the organisation. What the plan makes is not missing in a plan. An
// organisation that the provider is not configured for is left out.
func (c *connector) compare(ctx context.Context, built *result, when moment, diagnostics *diag.Diagnostics) {
	d := built.document
	look, system := c.compareOrganisation, "Salesforce"
	if d.CRM.Type == document.Dynamics365 {
		look, system = c.compareEnvironment, "Dataverse"
	}
	findings, err := look(ctx, d, when)
	if err != nil {
		if !leftOut(err) {
			diagnostics.AddError("Connector could not be compared with "+system, remote.Detail(err))
		}
		return
	}
	for _, code := range comparedCodes {
		report(code, slices.DeleteFunc(slices.Clone(findings), func(f finding) bool { return f.code != code }), built.declared, when, diagnostics)
	}
}

// report puts findings of one kind into one diagnostic for each attribute that they are about: what a new organisation lacks by its
// default names is said at once, and what somebody has named is said where it is named.
func report(code problem.Code, findings []finding, declared *connectorModel, when moment, diagnostics *diag.Diagnostics) {
	var order []string
	paths, about := map[string]path.Path{}, map[string][]finding{}
	for _, f := range findings {
		at := f.at.in(declared)
		key := at.String()
		if paths[key] = at; len(about[key]) == 0 {
			order = append(order, key)
		}
		about[key] = append(about[key], f)
	}
	for _, key := range order {
		reportAt(paths[key], code, about[key], when, diagnostics)
	}
}

func reportAt(at path.Path, code problem.Code, findings []finding, when moment, diagnostics *diag.Diagnostics) {
	var list strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&list, "  - %s: %s\n", f.object, f.detail)
	}
	entry := problem.New(code, "", "").Entry
	detail := fmt.Sprintf("%s\n\n%s\n%s (%s)", entry.Cause, list.String(), entry.Fix, code)
	if when != planChanged {
		diagnostics.AddAttributeError(at, summaries[code], detail)
		return
	}
	diagnostics.AddAttributeWarning(at, summaries[code], detail+"\n\n"+beforeApply[code])
}

// leftOut reports whether a system is not configured, or not known before apply.
func leftOut(err error) bool {
	var absent *remote.NotConfiguredError
	var unknown *remote.UnknownError
	return errors.As(err, &absent) || errors.As(err, &unknown)
}

func (c *connector) compareOrganisation(ctx context.Context, d document.Document, when moment) ([]finding, error) {
	client, err := c.remote.Salesforce(ctx)
	if err != nil {
		return nil, err
	}
	var stages, statuses, fields, users, unfilled, currency []finding
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { stages, err = c.compareStages(ctx, client, d.CRM.Stages); return err })
	group.Go(func() (err error) { statuses, err = c.compareLeadStatus(ctx, d); return err })
	group.Go(func() (err error) { fields, err = c.compareFields(ctx, d, when); return err })
	group.Go(func() (err error) { users, err = c.compareFallbackOwner(ctx, client, d.CRM.FallbackOwner); return err })
	if when == planChanged { // what is no fault for certain is said once, and never in the way
		group.Go(func() (err error) { currency, err = c.compareCurrency(ctx, client, d); return err })
		group.Go(func() (err error) { unfilled, err = c.compareUnfilled(ctx, d); return err })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(stages, statuses, fields, users, unfilled, currency), nil
}

// stage is a row of OpportunityStage.
type stage struct {
	MasterLabel string
	APIName     string `json:"ApiName"`
	IsActive    bool
	IsClosed    bool
	IsWon       bool
}

func (c *connector) compareStages(ctx context.Context, client *salesforce.Client, declared document.Stages) ([]finding, error) {
	var stages []stage
	if err := c.remote.Retry(ctx, func(ctx context.Context) (err error) {
		stages, err = salesforce.Query[stage](ctx, client.Data(), "SELECT MasterLabel, ApiName, IsActive, IsClosed, IsWon FROM OpportunityStage")
		return err
	}); err != nil {
		return nil, fmt.Errorf("read the opportunity stages: %w", err)
	}
	var findings []finding
	for _, want := range []struct {
		at   place
		role string
		name string
		fits func(stage) bool
	}{
		{place{atVariables, document.VariableOnHoldStage}, "on hold", declared.OnHold, func(s stage) bool { return !s.IsClosed }},
		{place{atVariables, document.VariableActiveStage}, "active", declared.Active, func(s stage) bool { return !s.IsClosed }},
		{place{atStages, "won"}, "won", declared.Won, func(s stage) bool { return s.IsWon }},
		{place{atStages, "lost"}, "lost", declared.Lost, func(s stage) bool { return s.IsClosed && !s.IsWon }},
	} {
		if want.name == "" {
			continue
		}
		detail, ok := missingStage(stages, want.name, want.role, want.fits)
		if ok {
			continue
		}
		findings = append(findings, finding{want.at, problem.StageMissing, fmt.Sprintf("stage %q (%s)", want.name, want.role), detail})
	}
	return findings, nil
}

// missingStage tells why no active stage of a name is fit for a role; ok when one is. Records hold a stage's API name.
func missingStage(stages []stage, name, role string, fits func(stage) bool) (why string, ok bool) {
	var names []string
	for _, s := range stages {
		switch {
		case !s.IsActive:
		case s.APIName == name && fits(s):
			return "", true
		case s.APIName == name:
			return "it exists, but its type does not make it a stage for deals that are " + role, false
		case s.MasterLabel == name:
			return fmt.Sprintf("that is a label; the stage's API name is %q", s.APIName), false
		default:
			names = append(names, fmt.Sprintf("%q", s.APIName))
		}
	}
	return "the organisation has " + strings.Join(names, ", "), false
}

// named is a field that the document names, and where it names it.
type named struct {
	at     place
	role   string // empty for a field of the mapping
	object string
	field  string
	use    string
}

// namedFields lists the fields that the document names by role, and those of its mapping that no role names, once each.
func namedFields(d document.Document, unseen []named) []named {
	var all []named
	for role, field := range d.CRM.Fields {
		all = append(all, named{place{atFields, role}, role, d.CRM.Objects[document.ObjectOf(role)], field, "role " + role})
	}
	for _, n := range unseen {
		if !slices.ContainsFunc(all, func(o named) bool { return o.object == n.object && o.field == n.field }) {
			all = append(all, n)
		}
	}
	slices.SortFunc(all, func(a, b named) int {
		return cmp.Or(strings.Compare(a.object+"."+a.field, b.object+"."+b.field), strings.Compare(a.role, b.role))
	})
	return all
}

func (c *connector) compareFields(ctx context.Context, d document.Document, when moment) ([]finding, error) {
	unseen, findings, err := c.mappedFields(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("follow the paths of the field mapping: %w", err)
	}
	fields := namedFields(d, unseen)
	missing, unfits := make([]bool, len(fields)), make([][]finding, len(fields))
	group, ctx := errgroup.WithContext(ctx)
	for i, f := range fields {
		group.Go(func() error {
			if when != apply && c.planned(f) {
				return nil
			}
			there, known, err := c.fieldExists(ctx, f)
			missing[i] = !there
			if known != nil {
				unfits[i] = unfit(d.CRM.Objects, f, *known, "field")
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("look for the fields that the connector names: %w", err)
	}
	for i, f := range fields {
		findings = append(findings, unfits[i]...)
		// Single-currency organisations have no such field; the default currency stands in for it.
		if !missing[i] || f.field == "CurrencyIsoCode" && d.Sharing.DefaultCurrency != "" {
			continue
		}
		detail := f.use
		if f.field == "CurrencyIsoCode" {
			f.at = place{"default_currency", ""}
			detail += "; single-currency organisations do not have it: set default_currency"
		}
		findings = append(findings, finding{f.at, problem.FieldMissing, "field " + f.object + "." + f.field, detail})
	}
	return findings, nil
}

// planned reports whether the plan makes a field, or the custom object that has it from the start.
func (c *connector) planned(f named) bool {
	if strings.HasSuffix(f.field, "__c") {
		return c.remote.MetadataPlanned("CustomField", f.object+"."+f.field)
	}
	return c.remote.MetadataPlanned("CustomObject", f.object)
}

// unfit compares the field of a role with what the agent keeps in it.
func unfit(objects map[string]document.Name, f named, field fieldcheck.Field, what string) []finding {
	var findings []finding
	for _, found := range fieldcheck.Role(f.role, objects, field) {
		findings = append(findings, finding{f.at, found.Code, what + " " + f.object + "." + f.field, f.use + ": " + found.Detail})
	}
	return findings
}

// fieldExists asks the metadata for custom fields, because a description hides what no permission set grants yet, and the
// description for standard fields, which the metadata does not hold one by one. A field that the provider's user may not
// read exists all the same: the agent works as another user, and nothing is known of it.
func (c *connector) fieldExists(ctx context.Context, f named) (there bool, known *fieldcheck.Field, err error) {
	if strings.HasSuffix(f.field, "__c") {
		component, found, err := c.remote.FindMetadata(ctx, "CustomField", f.object+"."+f.field)
		if err != nil || found != remote.Present {
			return found != remote.Absent, nil, err
		}
		field, err := definedField(component)
		return true, &field, err
	}
	if strings.HasSuffix(f.object, "__c") { // a custom object has its standard fields from the start
		_, found, err := c.remote.FindMetadata(ctx, "CustomObject", f.object)
		return found != remote.Absent, nil, err
	}
	description, err := c.describe(ctx, f.object)
	if err != nil || description == nil {
		return false, nil, err
	}
	field, there := description.Field(f.field)
	return there, &field, nil
}

// describedTypes are the types of fields by the names that a description has for them, where those are not the same in lower case.
var describedTypes = map[string]string{
	"Text": "string", "TextArea": "textarea", "LongTextArea": "textarea", "Html": "textarea", "Checkbox": "boolean", "Lookup": "reference",
	"MasterDetail": "reference", "Hierarchy": "reference", "Number": "double", "MultiselectPicklist": "multipicklist", "EncryptedText": "encryptedstring",
}

// definedField is a field's definition in the terms of a description.
func definedField(component metadata.Component) (fieldcheck.Field, error) {
	var defined metadata.CustomField
	if err := metadata.Decode(component, &defined); err != nil {
		return fieldcheck.Field{}, err
	}
	field := fieldcheck.Field{
		Name: component.FullName, Type: describedTypes[defined.Type], Calculated: defined.Formula != nil, Unique: defined.Unique != nil && *defined.Unique,
	}
	if field.Type == "" {
		field.Type = strings.ToLower(defined.Type)
	}
	if defined.Length != nil {
		field.Length = *defined.Length
	}
	if defined.ReferenceTo != "" {
		field.ReferenceTo = []string{defined.ReferenceTo}
	}
	return field, nil
}

// compareRegistration refuses a connector without scope on a tenant whose one registration is another installation's:
// both would handle every referral.
func (c *connector) compareRegistration(ctx context.Context, d document.Document, diagnostics *diag.Diagnostics) {
	if d.PartnerCenter.Scope != nil {
		return
	}
	registered, err := c.registeredURL(ctx)
	if err != nil {
		if !leftOut(err) {
			diagnostics.AddError("Connector could not be compared with Partner Center", remote.Detail(err))
		}
		return
	}
	ours := ""
	if d.PartnerCenter.Webhook != nil {
		ours = d.PartnerCenter.Webhook.URL
	}
	if registered == "" || registered == ours {
		return
	}
	diagnostics.AddAttributeError(path.Root("referral_scope"), "Tenant's webhook belongs to another installation",
		fmt.Sprintf("Partner Center delivers this tenant's events to %s. An installation there and this connector would both handle every referral.\n\n"+
			"Set referral_scope to say which referrals are this connector's own, or take the registration over with cosell_webhook_registration and hand it in as webhook. (%s)",
			registered, problem.WebhookTaken))
}

func (c *connector) registeredURL(ctx context.Context) (string, error) {
	client, err := c.remote.PartnerCenter(ctx)
	if err != nil {
		return "", err
	}
	address := ""
	err = c.remote.Retry(ctx, func(ctx context.Context) error {
		registration, found, err := client.Registration(ctx)
		if found && len(registration.WebhookEvents) > 0 { // one without events delivers nothing
			address = registration.WebhookURL
		}
		return err
	})
	return address, err
}
