package expression

import (
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/cosell-sync/terraform-provider-cosell/internal/country"
)

// Helper is a function that expressions have beside those of CEL and its string functions.
type Helper struct {
	Call        string // how it is written
	Description string
	run         func(ref.Val) ref.Val // nil: of two arguments
	result      *cel.Type
}

// Helpers lists the functions, for the documentation. An empty value is no failure to any of them.
func Helpers() []Helper {
	return []Helper{
		{"text(x)", "x as text; empty when x is null", func(v ref.Val) ref.Val { return onText(v, func(s string) string { return s }) }, cel.StringType},
		{"lower(x)", "in lower case, of any script", func(v ref.Val) ref.Val { return onText(v, strings.ToLower) }, cel.StringType},
		{"upper(x)", "in upper case, of any script", func(v ref.Val) ref.Val { return onText(v, strings.ToUpper) }, cel.StringType},
		{"trim(x)", "without white space around it", func(v ref.Val) ref.Val { return onText(v, strings.TrimSpace) }, cel.StringType},
		{"country(x)", "the two-letter code of a country's code or English name; empty when it is none", func(v ref.Val) ref.Val { return onText(v, countryCode) }, cel.StringType},
		{"number(x)", "x as a number; 0 when x is empty", toNumber, cel.DoubleType},
		{"empty(x)", "whether x is null or a text without anything but white space", func(v ref.Val) ref.Val { return types.Bool(isEmpty(v)) }, cel.BoolType},
		{"default(x, y)", "x, or y when x is empty", nil, cel.DynType},
	}
}

func helpers() []cel.EnvOption {
	var options []cel.EnvOption
	for _, helper := range Helpers() {
		name, _, _ := strings.Cut(helper.Call, "(")
		if helper.run == nil {
			options = append(options, cel.Function(name, cel.Overload(helperOverload+name, []*cel.Type{cel.DynType, cel.DynType}, helper.result, cel.BinaryBinding(otherwise))))
			continue
		}
		options = append(options, cel.Function(name, cel.Overload(helperOverload+name, []*cel.Type{cel.DynType}, helper.result, cel.UnaryBinding(helper.run))))
	}
	return options
}

func otherwise(x, y ref.Val) ref.Val {
	if isEmpty(x) {
		return y
	}
	return x
}

func isEmpty(v ref.Val) bool {
	switch v := v.(type) {
	case types.Null:
		return true
	case types.String:
		return strings.TrimSpace(string(v)) == ""
	case *types.Optional:
		return !v.HasValue() || isEmpty(v.GetValue())
	default:
		return false
	}
}

func onText(v ref.Val, change func(string) string) ref.Val {
	switch v := v.(type) {
	case types.Null:
		return types.String("")
	case types.String:
		return types.String(change(string(v)))
	case types.Double:
		return types.String(change(strconv.FormatFloat(float64(v), 'f', -1, 64)))
	case types.Int, types.Uint, types.Bool, types.Timestamp:
		if text, ok := v.ConvertToType(types.StringType).(types.String); ok {
			return types.String(change(string(text)))
		}
	case *types.Optional:
		if !v.HasValue() {
			return types.String("")
		}
		return onText(v.GetValue(), change)
	}
	return types.NewErr("%s cannot be text", v.Type().TypeName())
}

func countryCode(text string) string {
	code, _ := country.Code(text)
	return code
}

func toNumber(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.Double:
		return v
	case types.Int, types.Uint:
		return v.ConvertToType(types.DoubleType)
	case types.String:
		number, err := strconv.ParseFloat(strings.TrimSpace(string(v)), 64)
		if err == nil {
			return types.Double(number)
		}
	}
	if isEmpty(v) {
		return types.Double(0)
	}
	return types.NewErr("%v is not a number", v.Value())
}

// helperOverload begins the overload id of every helper.
const helperOverload = "cosell_"

// bytesPerStep is how much text one step of the cost limit pays for, as in CEL's own functions.
const bytesPerStep = 10

// helperCosts makes the helpers cost what they read: a loop over a long text must end as early with them as with CEL's own.
type helperCosts struct{}

// CallCost implements CEL's ActualCostEstimator; nil leaves the cost to CEL.
func (helperCosts) CallCost(_, overload string, args []ref.Val, _ ref.Val) *uint64 {
	if !strings.HasPrefix(overload, helperOverload) {
		return nil
	}
	steps := uint64(1)
	for _, arg := range args {
		if text, ok := arg.(types.String); ok {
			steps += uint64(len(text) / bytesPerStep)
		}
	}
	return &steps
}
