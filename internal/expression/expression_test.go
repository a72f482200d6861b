package expression

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const referral = `{"id":"r1","name":"Deal","details":{"dealValue":1200.5,"notes":null},"tags":["a","b"],"customerProfile":{"address":{"country":"Norway"}},
	"team":[{"email":"A@example.com"}]}`

func tree(t testing.TB) map[string]any {
	t.Helper()
	var decoded map[string]any
	if err := json.Unmarshal([]byte(referral), &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// What users will write gives what they expect, and what is missing is empty instead of a failure.
func TestEvaluate(t *testing.T) {
	for source, want := range map[string]any{
		`value`:   " 42 ",
		`"fixed"`: "fixed",
		`referral.name + " (" + referral.id + ")"`:          "Deal (r1)",
		`referral["name"]`:                                  "Deal",
		`referral.details.dealValue * 2.0`:                  2401.0,
		`referral.details.dealValue > 1000.0`:               true,
		`referral.details.notes`:                            nil,
		`referral.salesStage`:                               nil,
		`referral.no.such.path`:                             nil,
		`default(referral.no.such.path, "none")`:            "none",
		`has(referral.salesStage) ? "yes" : "no"`:           "no",
		`referral.?salesStage.orValue("none")`:              "none",
		`text(referral.no.such)`:                            "",
		`lower(referral.name) + upper("é")`:                 "dealÉ",
		`country(referral.customerProfile.address.country)`: "NO",
		`number(value) + 0.5`:                               42.5,
		`number(referral.salesStage)`:                       0.0,
		`empty(referral.details.notes)`:                     true,
		`trim(value)`:                                       "42",
		`"a;b".split(";")[1].replace("b", "c")`:             "c",
		`referral.tags.join(";")`:                           "a;b",
		`referral.tags.exists(t, t == "b")`:                 true,
		`referral.team[0].email.lowerAscii()`:               "a@example.com",
		`size(referral.tags)`:                               int64(2),
		`timestamp("2026-02-28T10:00:00+02:00")`:            "2026-02-28T08:00:00Z",
		`int("7")`:                                          int64(7),
	} {
		e, err := Compile(OfReferral, source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		got, err := e.Evaluate(t.Context(), tree(t), " 42 ")
		if err != nil || got != want {
			t.Errorf("%s gives %#v, %v; want %#v", source, got, err, want)
		}
	}
}

// A mistake is found when the expression is compiled, and the error says where it is and what is wrong.
func TestCompileErrors(t *testing.T) {
	for source, want := range map[string]string{
		"":                                   "empty",
		"value +":                            "line 1, column 8",
		"\n  vlaue":                          "line 2, column 3: undeclared reference to 'vlaue'",
		`record.Amount`:                      "record is not known here; this expression sees referral and value",
		`referral`:                           "map(string, dyn)",
		`referral.map(k, k).join()`:          "referral must be followed by",
		`[value]`:                            "the expression gives list(dyn)",
		`1 + "a"`:                            "no matching overload",
		`lower()`:                            "no matching overload",
		strings.Repeat("(", 200) + "1":       "recursion limit exceeded",
		strings.Repeat(" ", MaxLength) + "1": "may have 4096",
	} {
		_, err := Compile(OfReferral, source)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", source, err, want)
		}
	}
}

// An expression that fails names itself and the reason, and says how to convert where types do not fit.
func TestEvaluationErrors(t *testing.T) {
	for source, want := range map[string]string{
		`1 / 0 == 1`:                     "division by zero",
		`referral.details.dealValue * 2`: "2.0",
		`referral.details`:               "it gives map",
		`0.0 / 0.0`:                      "no field holds",
		`number("many")`:                 "is not a number",
		`text(referral.tags)`:            "cannot be text",
		`referral.tags[5]`:               "index",
		`referral.name.substring(9)`:     "index out of range",
		`timestamp("yesterday")`:         "yesterday",
	} {
		e, err := Compile(OfReferral, source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		got, err := e.Evaluate(t.Context(), tree(t), "x")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "expression `"+source) {
			t.Errorf("%s gives %v, %v; want an error with %q", source, got, err, want)
		}
	}
}

// An expression that would take a processor or a memory for itself is ended.
func TestBombsAreStopped(t *testing.T) {
	list := "[" + strings.Repeat("1,", 299) + "1]"
	replacements := "value" + strings.Repeat(`.replace("a","aaaaaaaaaaaaaaaa")`, 40)
	doubling := "value" + strings.Repeat(`.split("").join("aaaaaaaa")`, 15)
	for name, source := range map[string]string{
		"nested loops":    list + ".all(a, " + list + ".all(b, " + list + ".all(c, a + b + c > 0)))",
		"growing text":    replacements,
		"growing lists":   doubling,
		"loop of helpers": list + `.map(i, lower(value + "` + strings.Repeat("x", 200) + `")).join("")`,
	} {
		e, err := Compile(OfReferral, source)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err = e.Evaluate(t.Context(), nil, strings.Repeat("a", 4096))
		if err == nil || !strings.Contains(err.Error(), "steps that it may take") && !strings.Contains(err.Error(), "too large") {
			t.Errorf("%s ends with %v", name, err)
		}
	}
}

// A context that has ended ends a loop.
func TestContextEndsAnEvaluation(t *testing.T) {
	e, err := Compile(OfReferral, "["+strings.Repeat("1,", 999)+"1].all(a, a + 1 > 0)")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Evaluate(ctx, nil, nil); err == nil || !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The fields that an expression reads are known before it runs, so that they can be asked for and checked.
func TestPaths(t *testing.T) {
	for source, want := range map[string][]string{
		`value`:         nil,
		`record.Amount`: {"Amount"},
		`record.Account.Owner.Email.lowerAscii()`:              {"Account.Owner.Email"},
		`record["Region__c"] + record.Name`:                    {"Name", "Region__c"},
		`has(record.A.B) ? record.A.B : record.?C.orValue("")`: {"A.B", "C"},
		`["x"].exists(i, i == record.Type)`:                    {"Type"},
		`record.Account[record.Kind__c]`:                       {"Account", "Kind__c"},
	} {
		e, err := Compile(OfRecord, source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if diff := cmp.Diff(want, e.Paths()); diff != "" {
			t.Errorf("%s reads (-want +got)\n%s", source, diff)
		}
	}
}

// The type of the result is known before the expression runs.
func TestKinds(t *testing.T) {
	for source, want := range map[string]Kind{
		`"a"`: Text, `1`: Number, `1.5`: Number, `value == ""`: Flag, `timestamp("2026-01-01T00:00:00Z")`: Time, `value`: Unknown, `value > 1 ? "a" : "b"`: Text,
		`optional.of("a")`: Text, `default(value, "a")`: Unknown,
	} {
		e, err := Compile(OfRecord, source)
		if err != nil || e.Kind() != want {
			t.Errorf("%s: %v, want %v", source, err, want)
		}
	}
}

// The caller's tree stays as it is, and one expression serves many at once.
func TestEvaluationsShareNothing(t *testing.T) {
	e, err := Compile(OfReferral, `default(referral.a.b.c, text(value))`)
	if err != nil {
		t.Fatal(err)
	}
	given := tree(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got, err := e.Evaluate(context.Background(), given, json.Number("1.50")); got != "1.5" || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	group.Wait()
	if diff := cmp.Diff(tree(t), given); diff != "" {
		t.Errorf("the tree was changed\n%s", diff)
	}
}

// No text makes the compiler panic, and what compiles either gives a field's value or an error.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{`value`, `record.Account.Name + lower(value)`, `has(record.a) ? 1 : 2`, `[1,2].map(x, x)[0]`, `value.split(",").join(";")`,
		`default(record["x"], number(value))`, `timestamp(value)`, `optional.none()`, "record.?a[?0]", `0.0/0.0`, "\"\\xff\""} {
		f.Add(seed, "text")
	}
	f.Fuzz(func(t *testing.T, source, value string) {
		e, err := Compile(OfRecord, source)
		if err != nil {
			return
		}
		got, err := e.Evaluate(t.Context(), map[string]any{"a": value, "Account": map[string]any{"Name": value}, "x": 1.5, "l": []any{true, nil}}, value)
		switch got.(type) {
		case nil, string, float64, int64, bool:
		default:
			t.Errorf("%q gives %T, %v", source, got, err)
		}
	})
}
