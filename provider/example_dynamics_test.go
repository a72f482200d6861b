package provider_test

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// dynamicsRoot is the example for Dynamics 365, ready for plan and apply.
func dynamicsRoot(t *testing.T, w *world, more map[string]string) *root {
	t.Helper()
	variables := map[string]string{
		"webhook_url":                 "https://agent.example.com/hooks/4f0c9a7d2b61",
		"deletion_protection":         "false",
		"agent_dataverse_client_id":   w.env["COSELL_AGENT_DATAVERSE_CLIENT_ID"],
		"agent_dataverse_certificate": "file:" + w.env["COSELL_AGENT_DATAVERSE_CERTIFICATE_FILE"],
	}
	maps.Copy(variables, more)
	return newRoot(t, filepath.Join("..", "examples", "dynamics365"), buildProvider(t), w, variables)
}

// leftInDataverse names what is in the environment that the example makes. Change tracking stays on.
func leftInDataverse(t *testing.T, w *world) []string {
	t.Helper()
	var found []string
	for _, table := range []string{"opportunity", "lead", "connection"} {
		columns, err := w.dataverse(t).Columns(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		for _, column := range columns {
			if strings.HasPrefix(column.LogicalName, "cosell_") {
				found = append(found, table+"."+column.LogicalName)
			}
		}
		keys, err := w.dataverse(t).AlternateKeys(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			found = append(found, "key "+key.LogicalName)
		}
	}
	for _, table := range []string{"cosell_microsoftsolution", "cosell_solutiondetail"} {
		if hasTable(table)(t, w) {
			found = append(found, table)
		}
	}
	forms, err := w.dataverse(t).Forms(t.Context(), "opportunity", dataverse.MainForm)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range forms {
		found = append(found, "form "+form.XML)
	}
	for set, filter := range map[string]string{"publishers": "uniquename eq 'cosell'", "solutions": "uniquename eq 'cosell'", "serviceendpoints": "contract eq 8"} {
		if row := w.rowOf(t, set, filter); row != "" {
			found = append(found, row)
		}
	}
	slices.Sort(found)
	return found
}

// The example for Dynamics 365 is applied as a user does: a plan that warns of nothing, apply, a second plan that is empty, a document
// that the agent takes and that holds no secret, and a destroy that leaves nothing.
func TestDynamicsExample(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := leftInDataverse(t, w)
	r := dynamicsRoot(t, w, map[string]string{
		"leads": "true", "solutions": `[{ solution_id = "SOL-00001-AAA", name = "Contoso Analytics", type = "own", publisher = "Contoso" }]`,
	})
	if output := r.must(t, "plan", "-input=false", "-no-color", "-out=plan.bin"); strings.Count(output, "Warning: ") != 1 {
		t.Errorf("the first plan warns of something:\n%s", output)
	}
	planned := r.contents(t, "plan.bin")
	r.must(t, "apply", "-input=false", "-no-color", "plan.bin")
	if output, status := r.run(t, "plan", "-input=false", "-no-color", "-detailed-exitcode"); status != 0 {
		t.Errorf("the plan after apply is not empty (exit status %d):\n%s", status, output)
	}

	encoded := []byte(outputValue(t, r, "agent_config"))
	decoded := decodeOutput(t, r)
	canonical, err := document.Encode(decoded)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(canonical, encoded) {
		t.Errorf("the document is not canonical:\n got %s\nwant %s", encoded, canonical)
	}
	if !bytes.Contains(planned, encoded[:100]) {
		t.Error("the document was not known at plan")
	}
	for name, of := range map[string]map[string]document.Name{"objects": decoded.CRM.Objects, "fields": decoded.CRM.Fields} {
		want := map[string]map[string]document.Name{"objects": document.DefaultObjects(document.Dynamics365), "fields": document.DefaultFields(document.Dynamics365)}[name]
		if name == "objects" {
			maps.Copy(want, document.DefaultLeadObjects(document.Dynamics365))
		} else {
			maps.Copy(want, document.DefaultLeadFields(document.Dynamics365))
		}
		if !maps.Equal(of, want) {
			t.Errorf("the kit's %s are %v, the defaults %v", name, of, want)
		}
	}
	if !decoded.Flow(document.FlowHelper) || decoded.CRM.Dynamics.EnvironmentURL != w.env["COSELL_DATAVERSE_URL"] ||
		decoded.CRM.Stages != document.DefaultStages(document.Dynamics365) {
		t.Errorf("the document says %+v, stages %+v", decoded.CRM.Dynamics, decoded.CRM.Stages)
	}
	noSecrets(t, w, map[string][]byte{"plan": planned, "state": r.contents(t, "terraform.tfstate"), "document": encoded})

	r.must(t, "destroy", "-input=false", "-no-color", "-auto-approve")
	if after := leftInDataverse(t, w); !slices.Equal(after, before) {
		t.Errorf("destroy left, or took, something:\nbefore %q\nafter  %q", before, after)
	}
}
