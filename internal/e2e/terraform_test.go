package e2e_test

import (
	"strings"
	"testing"
)

// After an apply a plan is empty, and with deletion protection off a destroy removes all that was made. With protection on it
// is refused at plan, and nothing is touched.
func TestApplyPlanDestroy(t *testing.T) {
	t.Parallel()
	b := newBed(t, map[string]string{"deletion_protection": "true"})
	b.terraform("plan", "-detailed-exitcode", "-input=false", "-no-color")
	_, err := b.tryTerraform("destroy", "-auto-approve", "-input=false", "-no-color")
	if err == nil || !strings.Contains(err.Error(), "deletion_protection") {
		t.Fatalf("a protected destroy gave: %v", err)
	}
	b.terraform("plan", "-detailed-exitcode", "-input=false", "-no-color")
	b.env = append(b.env, "TF_VAR_deletion_protection=false")
	b.terraform("apply", "-auto-approve", "-input=false", "-no-color")
	b.terraform("destroy", "-auto-approve", "-input=false", "-no-color")
	if url, events, ok := b.sandbox.PartnerCenter().Registration(); ok && len(events) > 0 {
		t.Errorf("the webhook registration still delivers %v to %s", events, url)
	}
	for _, set := range b.sandbox.Salesforce().Rows("PermissionSet") {
		if set["IsOwnedByProfile"] != true {
			t.Errorf("the permission set %v is left", set["Name"])
		}
	}
	for name := range b.opportunityFields() {
		if strings.HasSuffix(name, "__c") {
			t.Errorf("the field %s is left", name)
		}
	}
}

// opportunityFields gives the fields of a new opportunity, as people see it.
func (b *bed) opportunityFields() map[string]any {
	b.t.Helper()
	id := b.act("create_opportunity", map[string]string{"name": "Afterwards"})
	row, ok := b.sandbox.Salesforce().Row("Opportunity", id)
	if !ok {
		b.t.Fatal("the opportunity is not there")
	}
	return row
}
