package provider_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cosell-sync/terraform-provider-cosell/provider"
)

// misconfigured is a configuration that does not fit its organisation, environment or tenant, and what the plan says about it.
type misconfigured struct {
	what   string // for people, in the guide
	config string // one resource, without references
	block  string // the provider's block; empty: the environment alone

	switches map[string]string            // of the sandbox; with any, the row has a world of its own
	seed     func(t *testing.T, w *world) // before the plan, in a world of the row's own
	env      func(w *world) map[string]string

	warning bool   // a warning at plan, because apply looks again; otherwise an error
	at      string // path of the attribute; empty: the whole resource, or the provider
	summary string
	detail  []string // parts of the detail: what was found, and the fix
	hidden  bool     // not for the guide: it says the same as another row
}

// planned is a diagnostic as Terraform gets it.
type diagnosed struct {
	warning             bool
	at, summary, detail string
}

func diagnosedIn(diagnostics []*tfprotov6.Diagnostic) []diagnosed {
	var all []diagnosed
	for _, d := range diagnostics {
		all = append(all, diagnosed{d.Severity == tfprotov6.DiagnosticSeverityWarning, writtenPath(d.Attribute), d.Summary, d.Detail})
	}
	return all
}

// writtenPath is a path as people write it in a configuration.
func writtenPath(at *tftypes.AttributePath) string {
	var b strings.Builder
	for _, step := range at.Steps() {
		switch step := step.(type) {
		case tftypes.AttributeName:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(string(step))
		case tftypes.ElementKeyString:
			b.WriteString("[" + strconv.Quote(string(step)) + "]")
		case tftypes.ElementKeyInt:
			b.WriteString("[" + strconv.FormatInt(int64(step), 10) + "]")
		case tftypes.ElementKeyValue:
			b.WriteString("[…]")
		}
	}
	return b.String()
}

// planOf checks and plans a resource as Terraform does for one that does not exist yet, and gives everything that it is told.
func (m misconfigured) planOf(t *testing.T, w *world) []diagnosed {
	t.Helper()
	var env map[string]string
	if m.env != nil {
		env = m.env(w)
	}
	server, err := w.providersWith(env)[provider.TypeName]()
	check(t, err)
	all := schemas(t)
	configured, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: encoded(t, m.block)})
	check(t, err)
	said := diagnosedIn(configured.Diagnostics)
	if failed(said) || m.config == "" {
		return said
	}
	typeName, config := resourceOf(t, m.config)
	validated, err := server.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: typeName, Config: config})
	check(t, err)
	if said = append(said, diagnosedIn(validated.Diagnostics)...); failed(said) {
		return said
	}
	kind := all.ResourceSchemas[typeName].ValueType()
	nothing, err := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, nil))
	check(t, err)
	planned, err := server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: typeName, PriorState: &nothing, Config: config, ProposedNewState: config})
	check(t, err)
	return append(said, diagnosedIn(planned.Diagnostics)...)
}

func failed(said []diagnosed) bool {
	for _, d := range said {
		if !d.warning {
			return true
		}
	}
	return false
}

// resourceOf reads the one resource of a configuration.
func resourceOf(t *testing.T, config string) (typeName string, value *tfprotov6.DynamicValue) {
	t.Helper()
	file, problems := hclsyntax.ParseConfig([]byte(config), "main.tf", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	blocks := file.Body.(*hclsyntax.Body).Blocks
	return blocks[0].Labels[0], attributesOf(t, blocks[0].Body)
}

// encoded reads attributes that stand by themselves.
func encoded(t *testing.T, attributes string) *tfprotov6.DynamicValue {
	t.Helper()
	file, problems := hclsyntax.ParseConfig([]byte(attributes), "provider.tf", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	return attributesOf(t, file.Body.(*hclsyntax.Body))
}

func attributesOf(t *testing.T, body *hclsyntax.Body) *tfprotov6.DynamicValue {
	t.Helper()
	var b strings.Builder
	for name, attribute := range body.Attributes {
		value, problems := attribute.Expr.Value(&hcl.EvalContext{})
		if problems.HasErrors() {
			t.Fatal(problems)
		}
		text, err := ctyjson.Marshal(value, value.Type())
		check(t, err)
		fmt.Fprintf(&b, "%s%q:%s", map[bool]string{true: ",", false: ""}[b.Len() > 0], name, text)
	}
	return &tfprotov6.DynamicValue{JSON: []byte("{" + b.String() + "}")}
}

// TestPlansSayWhatIsWrong walks the table of misconfigurations: each is said at plan, in these words, at the attribute that is to be
// mended, with the fix; and a plan writes nothing anywhere.
func TestPlansSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	shared := newWorldWith(t, map[string]string{"salesforce.fls_default": "admin"})
	shared.furnish(t)
	for _, row := range misconfigurations() {
		t.Run(row.what, func(t *testing.T) {
			w := shared
			if row.switches != nil || row.seed != nil {
				w = newWorldWith(t, row.switches)
			}
			if row.seed != nil {
				row.seed(t, w)
			}
			before := w.sandbox.Kit().Log.Since(0)
			said := row.planOf(t, w)
			row.expect(t, said)
			for _, operation := range w.sandbox.Kit().Log.Since(int64(len(before))) {
				if operation.IsWrite() {
					t.Errorf("the plan wrote: %+v", operation)
				}
			}
		})
	}
}

func (m misconfigured) expect(t *testing.T, said []diagnosed) {
	t.Helper()
	for _, d := range said {
		if d.warning != m.warning || d.at != m.at || d.summary != m.summary {
			continue
		}
		for _, part := range m.detail {
			if !strings.Contains(d.detail, part) {
				t.Errorf("%s does not say %q:\n%s", d.summary, part, d.detail)
			}
		}
		return
	}
	t.Errorf("nobody said %q at %q (warning %v) but:\n%+v", m.summary, m.at, m.warning, said)
}

var writeGuide = flag.Bool("write-guide", false, "write the table of misconfigurations into the guide")

// Where the table stands, and the marks between which it is written.
var (
	planGuides = []string{"../templates/guides/plan.md.tmpl", "../docs/guides/plan.md"}
	planMarks  = [2]string{"<!-- the table of misconfigurations -->\n", "<!-- its end -->\n"}
)

// guideTable is the table as people read it.
func guideTable() string {
	var b strings.Builder
	b.WriteString("| What is wrong | Said as | At | In the detail |\n|---|---|---|---|\n")
	for _, row := range misconfigurations() {
		if row.hidden {
			continue
		}
		severity, at := "error", "the resource as a whole"
		if row.warning {
			severity = "warning"
		}
		if row.at != "" {
			at = "`" + row.at + "`"
		}
		parts := make([]string, len(row.detail))
		for i, part := range row.detail {
			parts[i] = "“" + strings.TrimSpace(strings.ReplaceAll(part, "|", "\\|")) + "”"
		}
		fmt.Fprintf(&b, "| %s | *%s*, %s | %s | %s |\n", strings.ToUpper(row.what[:1])+row.what[1:], row.summary, severity, at, strings.Join(parts, " … "))
	}
	return b.String()
}

// TestGuideHasTheTable compares the guide with the table; -write-guide writes it.
func TestGuideHasTheTable(t *testing.T) {
	t.Parallel()
	for _, name := range planGuides {
		content, err := os.ReadFile(name)
		check(t, err)
		before, rest, found := strings.Cut(string(content), planMarks[0])
		_, after, ended := strings.Cut(rest, planMarks[1])
		if !found || !ended {
			t.Fatalf("%s does not have the marks of the table", name)
		}
		want := before + planMarks[0] + "\n" + guideTable() + "\n" + planMarks[1] + after
		if want == string(content) {
			continue
		}
		if !*writeGuide {
			t.Errorf("%s is not as the table of misconfigurations: run go test ./provider -run TestGuideHasTheTable -write-guide", name)
			continue
		}
		check(t, os.WriteFile(name, []byte(want), 0o600))
	}
}
