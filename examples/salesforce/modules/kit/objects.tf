# The solutions that a deal is about, and the catalogue that they are chosen from. At least one solution is needed before an
# opportunity is shared.

locals {
  kit_objects = {
    solution = {
      name         = "Microsoft_Solution__c"
      label        = "Microsoft Solution"
      plural_label = "Microsoft Solutions"
      name_field   = { label = "Solution name", type = "text" }
    }
    solution_detail = {
      name         = "Microsoft_Solution_Detail__c"
      label        = "Microsoft Solution Detail"
      plural_label = "Microsoft Solution Details"
      name_field   = { label = "Solution name", type = "text" }
    }
  }

  objects = {
    for role, kit in local.kit_objects : role => merge(
      kit,
      { use = "managed" },
      { for attribute, value in try(var.objects[role], {}) : attribute => value if value != null },
    )
  }

  # Names by role. Those of objects that are made here come from their resources, so that whoever uses a name waits for them.
  object_names = merge(
    { for role, object in local.objects : role => object.name },
    { for role, object in cosell_salesforce_custom_object.all : role => object.name },
  )
}

resource "cosell_salesforce_custom_object" "all" {
  for_each = { for role, object in local.objects : role => object if object.use == "managed" }

  name              = each.value.name
  label             = each.value.label
  plural_label      = each.value.plural_label
  description       = try(each.value.description, null)
  sharing_model     = try(each.value.sharing_model, null)
  deployment_status = try(each.value.deployment_status, null)
  enable_history    = try(each.value.enable_history, null)
  enable_reports    = try(each.value.enable_reports, null)
  enable_activities = try(each.value.enable_activities, null)
  name_field        = each.value.name_field

  deletion_protection = var.deletion_protection
}
