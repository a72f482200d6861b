package provider_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/provider"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
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
				w := newWorld(t)
				if row.prepare != nil {
					row.prepare(t, w)
				}
				test(t, typeName, row, w)
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

func TestApplyTwice(t *testing.T) {
	each(t, always, func(t *testing.T, typeName string, row capability, w *world) {
		row.run(t, w,
			resource.TestStep{Config: row.config, ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(address(typeName), plancheck.ResourceActionCreate)},
				PostApplyPreRefresh:  []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			}},
			resource.TestStep{Config: row.config, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
		)
	})
}

// TestChangedRemotely changes every attribute at once: the plan must name each of them, and its apply mend them all.
func TestChangedRemotely(t *testing.T) {
	each(t, func(row capability) bool { return len(row.changes) > 0 }, func(t *testing.T, typeName string, row capability, w *world) {
		attributes := slices.Sorted(maps.Keys(row.changes))
		row.run(t, w, resource.TestStep{Config: row.config}, resource.TestStep{
			PreConfig: func() {
				for _, attribute := range attributes {
					row.changes[attribute](t, w)
				}
			},
			Config: row.config,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:             []plancheck.PlanCheck{tfcli.Changes(address(typeName), attributes...)},
				PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
			},
		})
	})
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
		var steps []resource.TestStep
		for _, name := range slices.Sorted(maps.Keys(row.invalid)) {
			steps = append(steps, resource.TestStep{
				Config: "# " + name + row.invalid[name].config, PlanOnly: true, ExpectError: row.invalid[name].message,
			})
		}
		row.run(t, w, steps...)
	})
}

// TestInterruptedApply loses the answer to the request that makes the object: the provider reads back before it reports a
// failure, so the apply succeeds and the plans after it, which the test library makes, are empty.
func TestInterruptedApply(t *testing.T) {
	each(t, func(row capability) bool { return row.creates != nil }, func(t *testing.T, _ string, row capability, w *world) {
		w.losses.lose(row.creates)
		row.run(t, w,
			resource.TestStep{Config: row.config, PostApplyFunc: func() {
				if w.losses.count() != 1 {
					t.Error("no answer was lost: the row does not recognise the creating request")
				}
			}},
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
	for name, schema := range all.DataSourceSchemas {
		described(t, "data."+name, schema.Block.Attributes)
	}
	for name, schema := range all.ListResourceSchemas {
		described(t, "list."+name, schema.Block.Attributes)
	}
	for name, action := range all.ActionSchemas {
		described(t, "action."+name, action.Schema.Block.Attributes)
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
