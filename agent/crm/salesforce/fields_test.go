package salesforce

import (
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// The described type of a field decides how its values are compared and written.
func TestKindOf(t *testing.T) {
	for kind, want := range map[string]deal.Kind{"boolean": deal.Flag, "int": deal.Decimal, "date": deal.Date, "picklist": deal.Text} {
		if got := kindOf(salesforce.FieldDescribe{Type: kind}); got != want {
			t.Errorf("%s is kind %v, want %v", kind, got, want)
		}
	}
}
