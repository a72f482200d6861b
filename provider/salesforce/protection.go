package salesforce

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
)

// lenient reads nested objects whose attributes may be unknown: the models can hold that.
var lenient = basetypes.ObjectAsOptions{UnhandledNullAsEmpty: true}

// addProtected refuses to delete data and tells the way out.
func addProtected(diagnostics *diag.Diagnostics, what, name, fate string) {
	diagnostics.AddAttributeError(path.Root("deletion_protection"), fmt.Sprintf("Salesforce %s is protected from deletion", what),
		fmt.Sprintf("%s would be %s, and its data with it.\n\nIf that is meant, set deletion_protection = false and apply (before a destroy; "+
			"with a replacement it can be the same apply). To keep it in Salesforce and only stop managing it, use removed { lifecycle { destroy = false } }.", name, fate))
}
