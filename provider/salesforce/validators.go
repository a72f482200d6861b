package salesforce

import (
	"context"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

var (
	objectPattern = regexp.MustCompile(`^[A-Za-z](_{0,2}[A-Za-z0-9])*$`)
	customPattern = regexp.MustCompile(`^([A-Za-z](_?[A-Za-z0-9])*__)?[A-Za-z](_?[A-Za-z0-9])*__c$`)
	setPattern    = regexp.MustCompile(`^[A-Za-z](_?[A-Za-z0-9])*$`)
)

// maxDeveloperName bounds a custom name without namespace and suffix, in characters.
const maxDeveloperName = 40

func objectName() validator.String {
	return stringvalidator.RegexMatches(objectPattern, "must be an object's API name, such as Opportunity or Microsoft_Solution__c")
}

// trimmed refuses texts that Salesforce would change on save: it removes white space at both ends, which would show as a
// difference for ever (source: Metadata API Developer Guide, "upsertMetadata()"). It refuses the empty text too: leave
// the attribute out instead.
type trimmed struct{}

func (trimmed) Description(context.Context) string {
	return "text without white space at its ends, not empty"
}

func (v trimmed) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (trimmed) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	text := req.ConfigValue.ValueString()
	switch {
	case strings.TrimSpace(text) == "":
		resp.Diagnostics.AddAttributeError(req.Path, "Text is empty",
			"Salesforce keeps no difference between an empty text and none. Leave the attribute out, or give a text.")
	case strings.TrimSpace(text) != text:
		resp.Diagnostics.AddAttributeError(req.Path, "Text has white space at its ends",
			"Salesforce removes white space at both ends of a text when it saves it, so the plan would never be empty. Remove it here, for example with trimspace().")
	}
}

// customName checks the API name of a custom field or object.
type customName struct{ what string }

func (v customName) Description(context.Context) string {
	return "the API name of a custom " + v.what + ", ending in __c"
}

func (v customName) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v customName) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	name := req.ConfigValue.ValueString()
	if !customPattern.MatchString(name) {
		resp.Diagnostics.AddAttributeError(req.Path, "API name is malformed",
			"\""+name+"\" cannot be the API name of a custom "+v.what+": it begins with a letter, holds letters, digits and single underscores, and ends in __c, for example Sync_Status__c.")
		return
	}
	developer := strings.TrimSuffix(name, "__c")
	if at := strings.Index(developer, "__"); at >= 0 {
		developer = developer[at+2:]
	}
	if len(developer) > maxDeveloperName {
		resp.Diagnostics.AddAttributeError(req.Path, "API name is too long",
			"\""+developer+"\" has more than the 40 characters that Salesforce admits before __c.")
	}
}
