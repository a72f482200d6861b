// Package expression compiles and evaluates the small formulas of a field mapping, in the Common Expression Language (CEL).
// The provider compiles an expression at plan and the agent evaluates the very same one, so what plans is what runs.
//
// An expression is pure: it sees the record or the referral, and the value being mapped, and gives one value. It has no clock,
// no network and no state, and its work, its memory and its length are bounded.
package expression

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// Limits of one expression. The cost is CEL's own measure: about one for each step, more for long texts.
const (
	MaxLength     = 4 << 10 // bytes of source
	CostLimit     = 10_000
	memoryLimit   = 1 << 20 // elements and characters that the values of one evaluation hold together
	maxDepth      = 50      // nested parentheses, calls and operators
	interruptions = 100     // steps of a comprehension between two looks at the context
)

// Side says what an expression can see beside value.
type Side int

const (
	// OfReferral expressions see referral, the referral's JSON as Partner Center gives it.
	OfReferral Side = iota
	// OfRecord expressions see record, the fields of the CRM record by path.
	OfRecord
)

// The names under which an expression finds its inputs.
const (
	variableReferral = "referral"
	variableRecord   = "record"
	variableValue    = "value"
)

// Root is the name of the tree that expressions of this side see.
func (s Side) Root() string {
	if s == OfRecord {
		return variableRecord
	}
	return variableReferral
}

// Kind is what an expression gives, as far as that is known before it runs.
type Kind int

// Kinds of results.
const (
	Unknown Kind = iota
	Text
	Number
	Flag
	Time
)

func (k Kind) String() string {
	return [...]string{"a value", "text", "a number", "true or false", "a point in time"}[k]
}

// Expression is a compiled expression. It may be used by several goroutines at once.
type Expression struct {
	source  string
	side    Side
	kind    Kind
	paths   []string // under the root, dotted
	tested  []string // paths whose presence is tested, by has() or by .?
	program cel.Program
}

// environments are made once: making one costs more than compiling.
var environments = [...]func() (*cel.Env, error){
	OfReferral: sync.OnceValues(func() (*cel.Env, error) { return newEnvironment(variableReferral) }),
	OfRecord:   sync.OnceValues(func() (*cel.Env, error) { return newEnvironment(variableRecord) }),
}

func newEnvironment(root string) (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.Variable(root, cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable(variableValue, cel.DynType),
		cel.CustomTypeAdapter(adapter{}),
		cel.OptionalTypes(),
		ext.Strings(ext.StringsVersion(stringsVersion)),
		cel.ParserExpressionSizeLimit(MaxLength),
		cel.ParserRecursionLimit(maxDepth),
		cel.DefaultUTCTimeZone(true),
	}
	return cel.NewEnv(append(options, helpers()...)...)
}

// stringsVersion is the first version of CEL's string functions whose cost grows with the texts that they make.
const stringsVersion = 5

// Compile checks an expression. The error says where it is wrong and why, one line for each fault.
func Compile(side Side, source string) (*Expression, error) {
	if strings.TrimSpace(source) == "" {
		return nil, errors.New("the expression is empty")
	}
	if len(source) > MaxLength {
		return nil, fmt.Errorf("the expression has %d bytes, and may have %d", len(source), MaxLength)
	}
	environment, err := environments[side]()
	if err != nil {
		return nil, fmt.Errorf("make the expressions' environment: %w", err)
	}
	checked, issues := environment.Compile(source)
	if err := issues.Err(); err != nil {
		return nil, compileError(side, issues.Errors())
	}
	kind, err := kindOf(checked.OutputType())
	if err != nil {
		return nil, err
	}
	e := &Expression{source: source, side: side, kind: kind}
	if e.paths, e.tested, err = readPaths(checked.NativeRep(), side.Root()); err != nil {
		return nil, err
	}
	e.program, err = environment.Program(checked, cel.CostLimit(CostLimit), cel.MemoryLimit(memoryLimit),
		cel.InterruptCheckFrequency(interruptions), cel.CostTracking(helperCosts{}))
	if err != nil {
		return nil, fmt.Errorf("plan the expression: %w", err)
	}
	return e, nil
}

func compileError(side Side, faults []*cel.Error) error {
	var lines []string
	for _, fault := range faults {
		message := fault.Message
		for _, foreign := range []string{variableReferral, variableRecord} {
			if foreign != side.Root() && strings.HasPrefix(message, "undeclared reference to '"+foreign+"'") {
				message = fmt.Sprintf("%s is not known here; this expression sees %s and %s", foreign, side.Root(), variableValue)
			}
		}
		line := message
		if fault.Location.Line() > 0 {
			line = fmt.Sprintf("line %d, column %d: %s", fault.Location.Line(), fault.Location.Column()+1, message)
		}
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}

func kindOf(t *cel.Type) (Kind, error) {
	if t.Kind() == cel.OpaqueKind && t.TypeName() == "optional_type" && len(t.Parameters()) == 1 {
		t = t.Parameters()[0]
	}
	switch t.Kind() {
	case cel.StringKind:
		return Text, nil
	case cel.IntKind, cel.UintKind, cel.DoubleKind:
		return Number, nil
	case cel.BoolKind:
		return Flag, nil
	case cel.TimestampKind:
		return Time, nil
	case cel.DynKind, cel.AnyKind, cel.TypeParamKind:
		return Unknown, nil
	default:
		return Unknown, fmt.Errorf("the expression gives %s; a field holds text, a number, true or false, or a point in time", t)
	}
}

// String is the source.
func (e *Expression) String() string { return e.source }

// Kind tells what the expression gives.
func (e *Expression) Kind() Kind { return e.kind }

// Paths lists what the expression reads of the record or referral, as dotted paths, each once and in order.
func (e *Expression) Paths() []string { return slices.Clone(e.paths) }

// Evaluate gives a string, a float64, an int64, a bool or nil. The tree is the record's or referral's; what the expression reads
// of it and is not there is null. An error names the expression and what is wrong, and a cancelled context ends it.
func (e *Expression) Evaluate(ctx context.Context, tree map[string]any, value any) (any, error) {
	result, _, err := e.program.ContextEval(ctx, map[string]any{e.side.Root(): e.complete(tree), variableValue: value})
	if err != nil {
		return nil, e.failed(err)
	}
	native, err := native(result)
	if err != nil {
		return nil, e.failed(err)
	}
	return native, nil
}

// longestQuote is how much of an expression an error repeats.
const longestQuote = 120

func (e *Expression) failed(err error) error {
	source := strings.Join(strings.Fields(e.source), " ")
	if characters := []rune(source); len(characters) > longestQuote {
		source = string(characters[:longestQuote]) + "…"
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "cost limit exceeded"):
		return fmt.Errorf("expression `%s` takes more than the %d steps that it may take", source, CostLimit)
	case strings.Contains(text, "memory limit exceeded"):
		return fmt.Errorf("expression `%s` makes a value that is too large", source)
	case strings.Contains(text, "no such overload"):
		return fmt.Errorf("expression `%s`: %w (an operator or function was given a type that it does not take; text(x), number(x) and "+
			"default(x, y) convert, and a number is written with a point: 2.0)", source, err)
	default:
		return fmt.Errorf("expression `%s`: %w", source, err)
	}
}
