package functions

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// object makes a value as Terraform's literals are.
func object(members map[string]attr.Value) types.Object {
	kinds := map[string]attr.Type{}
	for name, value := range members {
		kinds[name] = value.Type(context.Background())
	}
	return types.ObjectValueMust(kinds, members)
}

// TestLayRefuses names the row and the attribute that cannot be laid over a mapping.
func TestLayRefuses(t *testing.T) {
	t.Parallel()
	text := types.StringValue("red")
	for name, test := range map[string]struct {
		mapping attr.Value
		says    string
	}{
		"no rows":            {text, "it must be a map of rows"},
		"no object":          {object(map[string]attr.Value{"notes": text}), `the row "notes" is no object`},
		"unknown attribute":  {object(map[string]attr.Value{"notes": object(map[string]attr.Value{"colour": text})}), `the row "notes": a row has no colour; it has conflict, constant`},
		"no list":            {object(map[string]attr.Value{"notes": object(map[string]attr.Value{"on": text})}), "on is no list"},
		"no text":            {object(map[string]attr.Value{"notes": object(map[string]attr.Value{"crm": object(nil)})}), "crm is no text"},
		"incomplete element": {object(map[string]attr.Value{"notes": object(map[string]attr.Value{"values": types.TupleValueMust([]attr.Type{types.ObjectType{AttrTypes: map[string]attr.Type{"crm": types.StringType}}}, []attr.Value{object(map[string]attr.Value{"crm": text})})})}), "must have crm and partner_center"},
	} {
		if err := lay(test.mapping, map[string]row{}); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
