package provider_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/provider"
)

// each runs a generic test for every type that has what the test needs, in parallel.
func each(t *testing.T, needs func(capability) bool, test func(t *testing.T, typeName string, row capability, w *world)) {
	t.Helper()
	t.Parallel()
	rows := capabilities()
	for _, typeName := range slices.Sorted(maps.Keys(rows)) {
		if row := rows[typeName]; needs(row) {
			t.Run(typeName, func(t *testing.T) {
				t.Parallel()
				test(t, typeName, row, newWorld(t))
			})
		}
	}
}

func always(capability) bool { return true }

func address(typeName string) string { return typeName + ".test" }

// run applies the steps and destroys what they made; then nothing may be left of the object.
func (row capability) run(t *testing.T, w *world, steps ...resource.TestStep) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providersWith(row.env), Steps: steps})
	if row.exists != nil && row.exists(t, w) {
		t.Error("the object is still there after destroy")
	}
}

func TestEveryTypeHasARow(t *testing.T) {
	t.Parallel()
	rows := capabilities()
	for name := range schemas(t).ResourceSchemas {
		if _, ok := rows[name]; !ok {
			t.Errorf("%s has no row in the table of capabilities", name)
		}
		delete(rows, name)
	}
	for name := range rows {
		t.Errorf("the table of capabilities has a row for %s, which the provider does not have", name)
	}
	for name, row := range capabilities() {
		if !row.logical && (row.exists == nil || row.creates == nil || row.importID == "" || len(row.changes) == 0) {
			t.Errorf("%s has a remote object, but its row does not say how to test it", name)
		}
		if row.unknown == "" || len(row.invalid) == 0 {
			t.Errorf("%s: the row lacks unknown or invalid configurations", name)
		}
	}
}

func planIsEmpty(config string) resource.TestStep {
	return resource.TestStep{Config: config, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}}
}

func TestApplyTwice(t *testing.T) {
	each(t, always, func(t *testing.T, typeName string, row capability, w *world) {
		row.run(t, w,
			resource.TestStep{Config: row.config, ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(address(typeName), plancheck.ResourceActionCreate)},
				PostApplyPreRefresh:  []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			}},
			planIsEmpty(row.config),
		)
	})
}

func TestChangedRemotely(t *testing.T) {
	each(t, func(row capability) bool { return len(row.changes) > 0 }, func(t *testing.T, typeName string, row capability, w *world) {
		steps := []resource.TestStep{{Config: row.config}}
		for _, attribute := range slices.Sorted(maps.Keys(row.changes)) {
			steps = append(steps, resource.TestStep{
				PreConfig: func() { row.changes[attribute](t, w) },
				Config:    row.config,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plansChangeOf{address(typeName), attribute}},
					PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
				},
			})
		}
		row.run(t, w, steps...)
	})
}

// plansChangeOf checks that a plan changes an attribute of an existing object.
type plansChangeOf struct{ address, attribute string }

// CheckPlan implements [plancheck.PlanCheck].
func (p plansChangeOf) CheckPlan(_ context.Context, request plancheck.CheckPlanRequest, response *plancheck.CheckPlanResponse) {
	at := slices.IndexFunc(request.Plan.ResourceChanges, func(change *tfjson.ResourceChange) bool { return change.Address == p.address })
	if at < 0 {
		response.Error = fmt.Errorf("the plan does not name %s", p.address)
		return
	}
	change := request.Plan.ResourceChanges[at].Change
	before, _ := change.Before.(map[string]any)
	after, _ := change.After.(map[string]any)
	if change.Actions.NoOp() || reflect.DeepEqual(before[p.attribute], after[p.attribute]) {
		response.Error = fmt.Errorf("%s was changed remotely, but the plan (%v) keeps %v", p.attribute, change.Actions, before[p.attribute])
	}
}

func TestDeletedRemotely(t *testing.T) {
	each(t, func(row capability) bool { return row.remove != nil }, func(t *testing.T, typeName string, row capability, w *world) {
		row.run(t, w,
			resource.TestStep{Config: row.config},
			resource.TestStep{
				PreConfig: func() { row.remove(t, w) },
				Config:    row.config,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address(typeName), plancheck.ResourceActionCreate),
				}},
				PostApplyFunc: func() {
					if !row.exists(t, w) {
						t.Error("the object was not made again")
					}
				},
			},
		)
	})
}

func TestImport(t *testing.T) {
	each(t, func(row capability) bool { return row.importID != "" }, func(t *testing.T, typeName string, row capability, w *world) {
		row.run(t, w,
			resource.TestStep{Config: row.config},
			resource.TestStep{
				ResourceName:            address(typeName),
				ImportState:             true,
				ImportStateId:           row.importID,
				ImportStateVerify:       true,
				ImportStateVerifyIgnore: row.importIgnore,
			},
		)
	})
}

func TestUnknownInputs(t *testing.T) {
	each(t, always, func(t *testing.T, typeName string, row capability, w *world) {
		row.run(t, w, resource.TestStep{
			Config: row.unknown + fmt.Sprintf("\nresource \"terraform_data\" \"later\" {\n  input = %q\n}\n", row.laterValue),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(address(typeName), plancheck.ResourceActionCreate)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
		})
	})
}

func TestBadInput(t *testing.T) {
	each(t, func(row capability) bool { return len(row.invalid) > 0 }, func(t *testing.T, _ string, row capability, w *world) {
		for _, name := range slices.Sorted(maps.Keys(row.invalid)) {
			t.Run(name, func(t *testing.T) {
				row.run(t, w, resource.TestStep{Config: row.invalid[name].config, PlanOnly: true, ExpectError: row.invalid[name].message})
			})
		}
	})
}

// TestInterruptedApply loses the answer to the request that makes the object: the provider reads back before it reports a
// failure, so the apply succeeds and a second one has nothing to do.
func TestInterruptedApply(t *testing.T) {
	each(t, func(row capability) bool { return row.creates != nil }, func(t *testing.T, _ string, row capability, w *world) {
		w.losses.lose(row.creates)
		row.run(t, w,
			resource.TestStep{Config: row.config, PostApplyFunc: func() {
				if w.losses.count() != 1 {
					t.Error("no answer was lost: the row does not recognise the creating request")
				}
			}},
			planIsEmpty(row.config),
		)
	})
}

// TestApplyWhileSystemsRefuse makes the systems refuse a good part of all requests for passing reasons.
func TestApplyWhileSystemsRefuse(t *testing.T) {
	each(t, func(row capability) bool { return !row.logical }, func(t *testing.T, _ string, row capability, w *world) {
		refuse := lab.FaultPlan{Rate: 0.2, Seed: 1, Kinds: []string{
			lab.FaultUnavailable, lab.FaultThrottled, lab.FaultExpiredSession, lab.FaultRowLock,
		}}
		row.run(t, w,
			resource.TestStep{
				PreConfig: func() {
					if err := w.sandbox.Kit().Faults.Set(refuse); err != nil {
						t.Fatal(err)
					}
				},
				Config: row.config,
				PostApplyFunc: func() {
					if err := w.sandbox.Kit().Faults.Set(lab.FaultPlan{}); err != nil {
						t.Fatal(err)
					}
					if !slices.ContainsFunc(w.sandbox.Kit().Log.Since(0), func(o lab.Operation) bool { return o.Fault != "" }) {
						t.Error("nothing was refused")
					}
				},
			},
			planIsEmpty(row.config),
		)
	})
}

const unprotected = "deletion_protection = false"

func TestDeletionProtection(t *testing.T) {
	all := schemas(t).ResourceSchemas
	each(t, always, func(t *testing.T, typeName string, row capability, w *world) {
		if !hasAttribute(all[typeName], "deletion_protection") {
			return // nothing to lose, which the schema says
		}
		protected := strings.ReplaceAll(row.config, unprotected, "deletion_protection = true")
		if protected == row.config {
			t.Fatalf("the row's configuration does not contain %q", unprotected)
		}
		row.run(t, w,
			resource.TestStep{Config: protected},
			resource.TestStep{Config: protected, Destroy: true, ExpectError: words("deletion_protection = false")},
			resource.TestStep{Config: row.config}, // switched off, the end of the test can destroy it
		)
	})
}

func TestEveryAttributeIsDescribed(t *testing.T) {
	t.Parallel()
	all := schemas(t)
	described(t, "provider", all.Provider.Block.Attributes)
	for name, schema := range all.ResourceSchemas {
		if schema.Block.Description == "" {
			t.Errorf("%s has no description", name)
		}
		described(t, name, schema.Block.Attributes)
	}
}

func described(t *testing.T, where string, attributes []*tfprotov6.SchemaAttribute) {
	t.Helper()
	for _, a := range attributes {
		at := where + "." + a.Name
		if a.Description == "" {
			t.Errorf("%s has no description", at)
		}
		if a.Sensitive && !strings.HasPrefix(at, "provider.") {
			t.Errorf("%s is sensitive: resources carry no secrets", at)
		}
		if a.NestedType != nil {
			described(t, at, a.NestedType.Attributes)
		}
	}
}

func hasAttribute(schema *tfprotov6.Schema, name string) bool {
	return slices.ContainsFunc(schema.Block.Attributes, func(a *tfprotov6.SchemaAttribute) bool { return a.Name == name })
}

func schemas(t *testing.T) *tfprotov6.GetProviderSchemaResponse {
	t.Helper()
	server := providerserver.NewProtocol6(provider.New("test", provider.Options{})())()
	response, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range response.Diagnostics {
		t.Errorf("%s: %s", d.Summary, d.Detail)
	}
	return response
}
