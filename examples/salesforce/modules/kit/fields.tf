# The fields by role. Those of the opportunity say whether, and how, a deal is shared with Microsoft. "seller" is what a seller
# may do with the field: edit or read. The obsolete list of products is not among them: see products_field.

locals {
  kit_fields = {
    sync_with_partner_center = {
      on        = "opportunity", seller = "edit"
      name      = "Sync_with_Partner_Center__c", label = "Sync with Partner Center", type = "checkbox"
      help_text = "Tick to share this opportunity. Referrals that arrive from Partner Center have it ticked."
    }
    how_can_microsoft_help = {
      on        = "opportunity", seller = "edit"
      name      = "How_can_Microsoft_help__c", label = "How can Microsoft help?", type = "picklist"
      help_text = "Choose a value to ask Microsoft for help (co-sell); this needs a customer contact. Leave empty to share your own deal."
      picklist  = { values = [for value in local.help_values : { name = value }] }
    }
    referral_visible_to_microsoft = {
      on        = "opportunity", seller = "edit"
      name      = "Referral_Visible_to_Microsoft__c", label = "Referral visible to Microsoft", type = "checkbox"
      help_text = "Lets Microsoft's sellers see the deal. Once visible it cannot be hidden again."
    }
    close_reason = {
      on        = "opportunity", seller = "edit"
      name      = "Close_Reason__c", label = "Close reason", type = "picklist"
      help_text = "Why the deal was declined or lost. Choose it before you close the opportunity."
      picklist  = { restricted = false, values = [for value in local.close_reasons : { name = value }] }
    }
    referral_identifier = {
      on        = "opportunity", seller = "read"
      name      = "Referral_Identifier__c", label = "Referral identifier", type = "text", length = 100, external_id = true
      help_text = "Filled by the agent; do not edit."
    }
    referral_link = {
      on        = "opportunity", seller = "read"
      name      = "Referral_Link__c", label = "Referral link", type = "url"
      help_text = "Opens the referral in Partner Center. Filled by the agent; do not edit."
    }
    referral_program = {
      on        = "opportunity", seller = "read"
      name      = "Referral_Program__c", label = "Referral program", type = "text", length = 255
      help_text = "Filled by the agent; do not edit."
    }
    microsoft_crm_identifier = {
      on        = "opportunity", seller = "read"
      name      = "Microsoft_CRM_Identifier__c", label = "Microsoft CRM identifier", type = "text", length = 255
      help_text = "Filled when Microsoft accepts the co-sell deal; do not edit."
    }
    sync_status = {
      on        = "opportunity", seller = "read"
      name      = "Sync_Status__c", label = "Sync status", type = "text", length = 255
      help_text = "How the last synchronisation went. Filled by the agent; do not edit."
    }
    audit = {
      on        = "opportunity", seller = "read"
      name      = "Audit__c", label = "Audit", type = "long_text_area", length = 32768
      help_text = "What is missing, and what was changed. Filled by the agent; do not edit."
    }
    # A key of our own: an identifier field that an older installation left behind may not be unique.
    referral_key = {
      on        = "opportunity", seller = "read"
      name      = "Cosell_Referral_Key__c", label = "Co-sell referral key", type = "text", length = 255, external_id = true, unique = true
      help_text = "Keeps a referral from being created twice. Filled by the agent; do not edit."
    }

    solution_opportunity = {
      on     = "solution", seller = "edit"
      name   = "Opportunity__c", label = "Opportunity", type = "lookup"
      lookup = { object = "Opportunity", relationship_name = "Microsoft_Solutions", relationship_label = "Microsoft Solutions" }
    }
    solution_identifier = {
      on        = "solution", seller = "edit"
      name      = "Solution_Identifier__c", label = "Solution identifier", type = "text", length = 100
      help_text = "The co-sell ready solution's identifier in Partner Center, such as SOL-1234-ABCD. Not needed when a solution detail is chosen."
    }
    solution_detail = {
      on   = "solution", seller = "edit"
      name = "Solution_Detail__c", label = "Solution detail", type = "lookup"
      lookup = {
        object            = local.object_names["solution_detail"]
        relationship_name = "Microsoft_Solutions", relationship_label = "Microsoft Solutions"
      }
      help_text = "The solution as the catalogue has it."
    }

    solution_detail_identifier = {
      on        = "solution_detail", seller = "read"
      name      = "Solution_Identifier__c", label = "Solution identifier", type = "text", length = 100, external_id = true, unique = true
      help_text = "The solution's identifier in Partner Center, such as SOL-1234-ABCD."
    }
    solution_detail_type = {
      on        = "solution_detail", seller = "read"
      name      = "Type__c", label = "Type", type = "picklist"
      help_text = "Whose solution it is."
      picklist = { values = [
        { name = "1p", label = "Microsoft (1P)" },
        { name = "3p", label = "Third party (3P)" },
        { name = "own", label = "Our own" },
      ] }
    }
    solution_detail_publisher = {
      on        = "solution_detail", seller = "read"
      name      = "Publisher_Name__c", label = "Publisher name", type = "text", length = 255
      help_text = "Company that publishes the solution."
    }

    # Of leads, only where leads are wanted.
    lead_referral_key = {
      on        = "lead", seller = "read"
      name      = "Cosell_Referral_Key__c", label = "Co-sell referral key", type = "text", length = 255, external_id = true, unique = true
      help_text = "Keeps a referral from being created twice. Filled by the agent; do not edit."
    }
    lead_referral_identifier = {
      on        = "lead", seller = "read"
      name      = "Referral_Identifier__c", label = "Referral identifier", type = "text", length = 100
      help_text = "Filled by the agent; do not edit."
    }
    lead_referral_link = {
      on        = "lead", seller = "read"
      name      = "Referral_Link__c", label = "Referral link", type = "url"
      help_text = "Opens the referral in Partner Center. Filled by the agent; do not edit."
    }
  }

  # The wording is matched with Partner Center's codes without regard to case.
  help_values = [
    "Workload specific value proposition",
    "Customer technical architecture",
    "Proof of concept or demo",
    "Quotes or licensing",
    "Post sales customer success",
    "General or other",
  ]

  # Partner Center's own reasons for declining or losing a deal. The list is not restricted: a reason that Partner Center gives
  # and that does not stand here ("Expired" for one) is written all the same.
  close_reasons = [
    "Project budget isn't adequate",
    "Customer didn't respond",
    "Customer chose another vendor",
    "Customer requirement not met",
    "Not a customer",
    "Proposed time line too short",
    "Abuse, spam, phishing",
    "Others",
  ]

  # The roles that the connector knows. The others concern cosell_solution_detail only.
  connector_roles = setsubtract(keys(local.fields), ["solution_detail_type", "solution_detail_publisher"])

  # What every type has. A field of another type than the kit's starts from these.
  shared_attributes = ["on", "seller", "name", "label", "help_text"]

  fields = {
    for role, kit in local.kit_fields : role => merge(
      { for attribute, value in kit : attribute => value
      if contains(local.shared_attributes, attribute) || coalesce(try(var.fields[role].type, null), kit.type) == kit.type },
      { use = "managed", type = kit.type },
      { for attribute, value in try(var.fields[role], {}) : attribute => value if value != null },
    ) if var.leads || kit.on != "lead"
  }

  object_of = merge(local.object_names, { opportunity = "Opportunity", lead = "Lead" })

  # Names by role, as for objects. A role that is not used has none.
  field_names = merge(
    { for role, field in local.fields : role => field.use == "none" ? "" : field.name },
    { for role, field in cosell_salesforce_custom_field.all : role => field.name },
  )
  field_full_names = merge(
    { for role, field in local.fields : role => "${local.object_of[field.on]}.${field.name}" },
    { for role, field in cosell_salesforce_custom_field.all : role => "${field.object}.${field.name}" }, # not full_name: a mock makes that up
  )
}

resource "cosell_salesforce_custom_field" "all" {
  for_each = { for role, field in local.fields : role => field if field.use == "managed" }

  object = local.object_of[each.value.on]
  name   = each.value.name
  label  = each.value.label
  type   = each.value.type

  description    = try(each.value.description, "") == "" ? null : each.value.description
  help_text      = try(each.value.help_text, "") == "" ? null : each.value.help_text
  default_value  = try(each.value.default_value, "") == "" ? null : each.value.default_value
  length         = try(each.value.length, null)
  precision      = try(each.value.precision, null)
  scale          = try(each.value.scale, null)
  visible_lines  = try(each.value.visible_lines, null)
  required       = try(each.value.required, null)
  unique         = try(each.value.unique, null)
  case_sensitive = try(each.value.case_sensitive, null)
  external_id    = try(each.value.external_id, null)
  track_history  = try(each.value.track_history, null)
  picklist       = try(each.value.picklist, null)
  lookup         = try(each.value.lookup, null)

  deletion_protection = var.deletion_protection

  lifecycle {
    precondition {
      condition     = length(setsubtract(keys(var.fields), keys(local.kit_fields))) == 0
      error_message = "The variable fields names roles that the kit does not have: ${join(", ", setsubtract(keys(var.fields), keys(local.kit_fields)))}. It has: ${join(", ", keys(local.kit_fields))}."
    }
  }
}
