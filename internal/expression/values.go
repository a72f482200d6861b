package expression

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// adapter shows decoded JSON to CEL. Numbers are doubles, whether they were decoded as float64 or kept as text.
type adapter struct{}

// NativeToValue implements [types.Adapter].
func (a adapter) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case json.Number:
		number, err := v.Float64()
		if err != nil {
			return types.NewErr("%q is not a number", v.String())
		}
		return types.Double(number)
	case map[string]any:
		return types.NewStringInterfaceMap(a, v)
	case []any:
		return types.NewDynamicList(a, v)
	default:
		return types.DefaultTypeAdapter.NativeToValue(value)
	}
}

// longestResult is the longest text that an expression may give, in bytes: that of Salesforce's longest text field.
const longestResult = 131072

func native(result ref.Val) (any, error) {
	switch v := result.(type) {
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil
		}
		return native(v.GetValue())
	case types.Null:
		return nil, nil
	case types.String:
		if len(v) > longestResult {
			return nil, fmt.Errorf("it gives a text of %d bytes, and may give %d", len(v), longestResult)
		}
		return string(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		return float64(v), nil
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("it gives %v, which no field holds", float64(v))
		}
		return float64(v), nil
	case types.Bool:
		return bool(v), nil
	case types.Timestamp:
		return v.UTC().Format(time.RFC3339), nil
	default:
		return nil, fmt.Errorf("it gives %s; a field holds text, a number, true or false, or a point in time", result.Type().TypeName())
	}
}
