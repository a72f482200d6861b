package functions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// row is a row of cosell_field_mapping. A nil part is null.
type row struct {
	PartnerCenter      *string  `tfsdk:"partner_center"`
	CRM                *string  `tfsdk:"crm"`
	Direction          *string  `tfsdk:"direction"`
	On                 []string `tfsdk:"on"`
	Conflict           *string  `tfsdk:"conflict"`
	Constant           *string  `tfsdk:"constant"`
	Default            *string  `tfsdk:"default"`
	Values             []pair   `tfsdk:"values"`
	Null               *string  `tfsdk:"null"`
	InboundExpression  *string  `tfsdk:"inbound_expression"`
	OutboundExpression *string  `tfsdk:"outbound_expression"`
}

type pair struct {
	CRM           string `tfsdk:"crm"`
	PartnerCenter string `tfsdk:"partner_center"`
}

var (
	pairType = types.ObjectType{AttrTypes: map[string]attr.Type{"crm": types.StringType, "partner_center": types.StringType}}
	rowType  = types.ObjectType{AttrTypes: map[string]attr.Type{
		"partner_center": types.StringType, "crm": types.StringType, "direction": types.StringType, "on": types.ListType{ElemType: types.StringType},
		"conflict": types.StringType, "constant": types.StringType, "default": types.StringType, "values": types.ListType{ElemType: pairType},
		"null": types.StringType, "inbound_expression": types.StringType, "outbound_expression": types.StringType,
	}}
)

// texts gives the parts of a row that are texts, by name.
func (r *row) texts() map[string]**string {
	return map[string]**string{
		"partner_center": &r.PartnerCenter, "crm": &r.CRM, "direction": &r.Direction, "conflict": &r.Conflict, "constant": &r.Constant,
		"default": &r.Default, "null": &r.Null, "inbound_expression": &r.InboundExpression, "outbound_expression": &r.OutboundExpression,
	}
}

// defaultMapping is provider::cosell::default_mapping.
type defaultMapping struct{}

// NewDefaultMapping makes the function default_mapping.
func NewDefaultMapping() function.Function { return defaultMapping{} }

// Metadata implements [function.Function].
func (defaultMapping) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "default_mapping"
}

// Definition implements [function.Function].
func (defaultMapping) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Gives the default field mapping of a CRM",
		MarkdownDescription: "Gives the rows that `cosell_connector` works with when no `cosell_field_mapping` changes them, by field of the deal, in the form that " +
			"`cosell_field_mapping` takes. API names are those of the example installation.",
		Parameters: []function.Parameter{function.StringParameter{Name: "crm", MarkdownDescription: "`salesforce` or `dynamics365`."}},
		Return:     function.MapReturn{ElementType: rowType},
	}
}

// Run implements [function.Function].
func (defaultMapping) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var crm string
	if resp.Error = req.Arguments.Get(ctx, &crm); resp.Error != nil {
		return
	}
	if crm != document.Salesforce && crm != document.Dynamics365 {
		resp.Error = function.NewArgumentFuncError(0, fmt.Sprintf("%s is no CRM: give %s or %s.", quote(crm), document.Salesforce, document.Dynamics365))
		return
	}
	variables := map[string]string{}
	for _, v := range document.KnownVariables(crm) {
		variables[v.Name] = v.Default[crm]
	}
	rows := map[string]row{}
	for _, m := range document.DefaultMappings(crm, document.DefaultFields(crm), variables) {
		rows[m.Field] = row{PartnerCenter: &m.PartnerCenter, CRM: &m.CRM, Direction: &m.Direction, On: m.On, Conflict: &m.Conflict}
	}
	resp.Error = resp.Result.Set(ctx, rows)
}

// mergeMapping is provider::cosell::merge_mapping.
type mergeMapping struct{}

// NewMergeMapping makes the function merge_mapping.
func NewMergeMapping() function.Function { return mergeMapping{} }

// Metadata implements [function.Function].
func (mergeMapping) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "merge_mapping"
}

// Definition implements [function.Function].
func (mergeMapping) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Lays changes over a field mapping",
		MarkdownDescription: "Lays one mapping after the other over a base, row by row and attribute by attribute: what a later one gives replaces what was there, what it " +
			"leaves out or sets to null stays. A row that is null as a whole leaves the result. `merge()` of Terraform would replace whole rows instead.",
		Parameters: []function.Parameter{function.DynamicParameter{Name: "base", MarkdownDescription: "Rows by field of the deal, such as `default_mapping` gives."}},
		VariadicParameter: function.DynamicParameter{Name: "overrides", MarkdownDescription: "Rows by field of the deal, with the attributes of " +
			"`cosell_field_mapping` that are to change."},
		Return: function.MapReturn{ElementType: rowType},
	}
}

// Run implements [function.Function].
func (mergeMapping) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var base types.Dynamic
	var overrides []types.Dynamic
	if resp.Error = req.Arguments.Get(ctx, &base, &overrides); resp.Error != nil {
		return
	}
	merged := map[string]row{}
	for i, argument := range append([]types.Dynamic{base}, overrides...) {
		if err := lay(argument.UnderlyingValue(), merged); err != nil {
			resp.Error = function.NewArgumentFuncError(int64(i), err.Error())
			return
		}
	}
	resp.Error = resp.Result.Set(ctx, merged)
}

var errNoRows = errors.New("it must be a map of rows by field of the deal")

// lay puts a mapping over the rows.
func lay(mapping attr.Value, over map[string]row) error {
	rows, ok := members(mapping)
	if !ok {
		return errNoRows
	}
	for _, field := range slices.Sorted(maps.Keys(rows)) {
		if rows[field].IsNull() {
			delete(over, field)
			continue
		}
		parts, ok := members(rows[field])
		if !ok {
			return fmt.Errorf("the row %s is no object", quote(field))
		}
		changed := over[field]
		for _, name := range slices.Sorted(maps.Keys(parts)) {
			if err := changed.set(name, parts[name]); err != nil {
				return fmt.Errorf("the row %s: %w", quote(field), err)
			}
		}
		over[field] = changed
	}
	return nil
}

// set changes one part of a row; null leaves it.
func (r *row) set(name string, value attr.Value) error {
	if dynamic, ok := value.(types.Dynamic); ok {
		value = dynamic.UnderlyingValue()
	}
	if value == nil || value.IsNull() {
		return nil
	}
	if part, ok := r.texts()[name]; ok {
		text, err := textOf(value)
		if err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
		*part = &text
		return nil
	}
	list, isList := elements(value)
	switch {
	case name != "on" && name != "values":
		return fmt.Errorf("a row has no %s; it has %s", name, strings.Join(slices.Sorted(maps.Keys(rowType.AttrTypes)), ", "))
	case !isList:
		return fmt.Errorf("%s is no list", name)
	case name == "on":
		return r.setMoments(list)
	default:
		return r.setValues(list)
	}
}

func (r *row) setMoments(list []attr.Value) error {
	r.On = []string{}
	for _, element := range list {
		moment, err := textOf(element)
		if err != nil {
			return fmt.Errorf("an element of on %w", err)
		}
		r.On = append(r.On, moment)
	}
	return nil
}

func (r *row) setValues(list []attr.Value) error {
	r.Values = []pair{}
	for _, element := range list {
		parts, ok := members(element)
		if !ok || len(parts) != 2 || parts["crm"] == nil || parts["partner_center"] == nil {
			return errors.New("an element of values must have crm and partner_center, and nothing else")
		}
		crm, err := textOf(parts["crm"])
		center, otherErr := textOf(parts["partner_center"])
		if err = errors.Join(err, otherErr); err != nil {
			return fmt.Errorf("an element of values: %w", err)
		}
		r.Values = append(r.Values, pair{crm, center})
	}
	return nil
}

// textOf takes what Terraform converts to a string.
func textOf(value attr.Value) (string, error) {
	switch v := value.(type) {
	case types.String:
		return v.ValueString(), nil
	case types.Bool:
		return strconv.FormatBool(v.ValueBool()), nil
	case types.Number:
		return v.ValueBigFloat().Text('f', -1), nil
	default:
		return "", errors.New("is no text")
	}
}

// members gives the parts of an object or a map.
func members(value attr.Value) (map[string]attr.Value, bool) {
	switch v := value.(type) {
	case types.Dynamic:
		return members(v.UnderlyingValue())
	case types.Object:
		return v.Attributes(), true
	case types.Map:
		return v.Elements(), true
	default:
		return nil, false
	}
}

// elements gives the parts of a list, set or tuple.
func elements(value attr.Value) ([]attr.Value, bool) {
	switch v := value.(type) {
	case types.List:
		return v.Elements(), true
	case types.Set:
		return v.Elements(), true
	case types.Tuple:
		return v.Elements(), true
	default:
		return nil, false
	}
}

func quote(text string) string { return strconv.Quote(text) }
