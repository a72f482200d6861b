package dataverse

import (
	"errors"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
)

var (
	schemaPattern  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{1,7}_[A-Za-z0-9_]+$`)
	logicalPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	uniquePattern  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	paddedPattern  = regexp.MustCompile(`^\S(.*\S)?$`)
)

// schemaName admits the schema name of a custom component, which begins with a publisher's prefix.
func schemaName() validator.String {
	return stringvalidator.RegexMatches(schemaPattern, "must be a schema name that begins with a publisher's prefix, such as cosell_Audit")
}

// tableName admits the name of any table.
func tableName() validator.String {
	return stringvalidator.RegexMatches(logicalPattern, "must be the name of a table, such as opportunity or cosell_MicrosoftSolution")
}

// unpadded refuses texts with white space at their ends, and the empty one: leave the attribute out instead.
func unpadded() validator.String {
	return stringvalidator.RegexMatches(paddedPattern, "must not be empty, and have no white space at its ends")
}

func identifier() schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: "Identifier of the resource, as for import."}
}

func required(description string, validators ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Required: true, MarkdownDescription: description, Validators: validators}
}

func optional(description string, validators ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: validators}
}

func settled(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

// oneOf is an enumeration whose first value is the default.
func oneOf(description string, words []word) schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, Computed: true, Default: stringdefault.StaticString(words[0].name), MarkdownDescription: description,
		Validators: []validator.String{stringvalidator.OneOf(namesOf(words)...)},
	}
}

func flag(description string, fallback bool) schema.BoolAttribute {
	return schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(fallback), MarkdownDescription: description}
}

func deletionProtection(what string) schema.BoolAttribute {
	return flag("Whether destroying or replacing the "+what+" fails at plan. Default `true`.", true)
}

func solutionAttribute() schema.StringAttribute {
	return optional("Unique name of the unmanaged solution that the component is put into when it is made or changed. Default: the provider's `solution`. "+
		"Refer to the resource that makes it, so that it comes first.", stringvalidator.RegexMatches(uniquePattern, "must be a solution's unique name, such as cosell"))
}

// word pairs a value of a configuration with that of the Web API.
type word struct{ name, remote string }

func namesOf(words []word) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.name
	}
	return list
}

func toRemote(words []word, name types.String) string {
	for _, w := range words {
		if w.name == name.ValueString() {
			return w.remote
		}
	}
	return ""
}

// fromRemote gives what the configuration calls a value; one that it has no word for is shown as it is.
func fromRemote(words []word, value string) types.String {
	for _, w := range words {
		if strings.EqualFold(w.remote, value) {
			return types.StringValue(w.name)
		}
	}
	return textOrNull(value)
}

// lenient reads nested objects whose attributes may be unknown, or which are unknown themselves: the models can hold that.
var lenient = basetypes.ObjectAsOptions{UnhandledNullAsEmpty: true, UnhandledUnknownAsEmpty: true}

// failure gives the errors of a conversion.
func failure(diagnostics diag.Diagnostics) error {
	var errs []error
	for _, d := range diagnostics.Errors() {
		errs = append(errs, errors.New(d.Summary()+": "+d.Detail()))
	}
	return errors.Join(errs...)
}

func textOrNull(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}
