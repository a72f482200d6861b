# A new field is invisible, to administrators too, until a permission set grants it. Required fields and master-details
# have no permissions of their own: whoever sees the object sees them.

locals {
  granted = {
    for role, field in local.fields : role => field
    if field.use != "none" && !try(field.required, false) && field.type != "master_detail"
  }
}

resource "cosell_salesforce_permission_set" "agent" {
  name        = "Cosell_Agent"
  label       = "Co-sell agent"
  description = "What the agent needs to keep opportunities and Partner Center referrals equal."

  objects = merge({
    Opportunity                             = ["read", "create", "edit", "view_all"]
    Account                                 = ["read", "create", "edit", "view_all"]
    Contact                                 = ["read", "create", "edit", "view_all"]
    (local.object_names["solution"])        = ["read", "create", "edit", "delete", "view_all"]
    (local.object_names["solution_detail"]) = ["read", "view_all"]
  }, { for object in var.leads ? ["Lead"] : [] : object => ["read", "create", "edit", "view_all"] })

  fields = merge(
    { for role, field in local.granted : local.field_full_names[role] => field.on == "solution_detail" ? "read" : "edit" },
    var.products_field == null ? {} : { "Opportunity.${var.products_field}" = "read" },
  )

  assignees = [var.agent_username]
}

# Sellers have their rights on opportunities already. They fill in what they share; what the agent fills in they read.
resource "cosell_salesforce_permission_set" "seller" {
  name        = "Cosell_Seller"
  label       = "Co-sell seller"
  description = "What a seller needs to share opportunities with Microsoft."

  objects = {
    (local.object_names["solution"])        = ["read", "create", "edit", "delete"]
    (local.object_names["solution_detail"]) = ["read"]
  }

  fields    = { for role, field in local.granted : local.field_full_names[role] => field.seller }
  assignees = length(var.sellers) == 0 ? null : var.sellers
}

# The catalogue of solutions is kept by Terraform, as the provider's user, and by whom else is named.
resource "cosell_salesforce_permission_set" "catalogue" {
  name        = "Cosell_Catalogue"
  label       = "Co-sell solution catalogue"
  description = "What keeping the solution details needs."

  objects = { (local.object_names["solution_detail"]) = ["read", "create", "edit", "delete", "view_all"] }
  fields  = { for role, field in local.granted : local.field_full_names[role] => "edit" if field.on == "solution_detail" }

  assignees = length(var.catalogue_managers) == 0 ? null : var.catalogue_managers
}
