# The columns by role. Those of the opportunity say whether, and how, a deal is shared with Microsoft. What "read_only" says is how the
# form shows the column: only the agent writes those.

locals {
  kit_columns = {
    sync_with_partner_center = {
      on          = "opportunity", read_only = false
      name        = "SyncWithPartnerCenter", label = "Sync With Partner Center", type = "boolean"
      description = "Choose Yes to share this opportunity. Referrals that arrive from Partner Center have it."
    }
    referral_identifier = {
      on          = "opportunity", read_only = true
      name        = "ReferralId", label = "Referral Identifier", type = "text", max_length = 100
      description = "Filled by the agent; do not edit."
    }
    referral_link = {
      on          = "opportunity", read_only = true
      name        = "ReferralLink", label = "Referral Link", type = "text", max_length = 500, format = "url"
      description = "Opens the referral in Partner Center. Filled by the agent; do not edit."
    }
    referral_program = {
      on          = "opportunity", read_only = true
      name        = "ReferralProgram", label = "Referral Program", type = "text", max_length = 100
      description = "Filled by the agent; do not edit."
    }
    microsoft_crm_identifier = {
      on          = "opportunity", read_only = true
      name        = "MicrosoftCrmId", label = "Microsoft CRM Identifier", type = "text", max_length = 100
      description = "Filled when Microsoft accepts the co-sell deal; do not edit."
    }
    referral_visible_to_microsoft = {
      on          = "opportunity", read_only = false
      name        = "ReferralVisibility", label = "Referral Visibility", type = "boolean"
      true_label  = "Visible to Microsoft sellers", false_label = "Not visible to Microsoft sellers"
      description = "Once visible, the deal cannot be hidden again."
    }
    how_can_microsoft_help = {
      on          = "opportunity", read_only = false
      name        = "HowCanMicrosoftHelp", label = "How can Microsoft help?", type = "choice"
      options     = [for value in local.help_values : { label = value }]
      description = "Choose a value to ask Microsoft for help (co-sell); this needs a customer contact. Leave empty to share your own deal."
    }
    close_reason = {
      on          = "opportunity", read_only = false
      name        = "CloseReason", label = "Close Reason", type = "text", max_length = 200
      description = "Why the deal was declined or lost: one of Partner Center's reasons. Fill it before you close the opportunity."
    }
    sync_status = {
      on          = "opportunity", read_only = true
      name        = "SyncStatus", label = "Sync Status", type = "text", max_length = 255
      description = "How the last synchronisation went. Filled by the agent; do not edit."
    }
    audit = {
      on          = "opportunity", read_only = true
      name        = "Audit", label = "Audit", type = "memo", max_length = 100000
      description = "What is missing, and what was changed. Filled by the agent; do not edit."
    }
    # A key of our own: an identifier column that an older installation left behind may not be unique.
    referral_key = {
      on          = "opportunity", read_only = true
      name        = "ReferralKey", label = "Co-sell Referral Key", type = "text", max_length = 100, unique = true
      description = "Keeps a referral from being created twice. Filled by the agent; do not edit."
    }

    solution_opportunity = {
      on   = "solution", read_only = false
      name = "OpportunityId", label = "Opportunity", type = "lookup", target_table = "opportunity", on_delete = "cascade"
    }
    solution_detail = {
      on           = "solution", read_only = false
      name         = "SolutionDetailId", label = "Solution Detail", type = "lookup"
      target_table = local.table_names["solution_detail"]
      description  = "The solution as the catalogue has it."
    }

    solution_detail_identifier = {
      on          = "solution_detail", read_only = false
      name        = "SolutionIdentifier", label = "Solution Identifier", type = "text", max_length = 100, unique = true
      description = "The solution's identifier in Partner Center, such as SOL-1234-ABCD."
    }
    solution_detail_type = {
      on          = "solution_detail", read_only = false
      name        = "SolutionType", label = "Type", type = "text", max_length = 100
      description = "Whose solution it is: 1p, 3p or own."
    }
    solution_detail_publisher = {
      on          = "solution_detail", read_only = false
      name        = "PublisherName", label = "Publisher Name", type = "text", max_length = 200
      description = "Company that publishes the solution."
    }

    # Of leads, only where leads are wanted.
    lead_referral_key = {
      on          = "lead", read_only = true
      name        = "ReferralKey", label = "Co-sell Referral Key", type = "text", max_length = 100, unique = true
      description = "Keeps a referral from being created twice. Filled by the agent; do not edit."
    }
    lead_referral_identifier = {
      on          = "lead", read_only = true
      name        = "ReferralId", label = "Referral Identifier", type = "text", max_length = 100
      description = "Filled by the agent; do not edit."
    }
    lead_referral_link = {
      on          = "lead", read_only = true
      name        = "ReferralLink", label = "Referral Link", type = "text", max_length = 500, format = "url"
      description = "Opens the referral in Partner Center. Filled by the agent; do not edit."
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

  # The roles that the connector knows. The others concern cosell_solution_detail only.
  connector_roles = setsubtract(keys(local.columns), ["solution_detail_type", "solution_detail_publisher"])

  # What every type has. A column of another type than the kit's starts from these.
  shared_attributes = ["on", "read_only", "name", "label", "description"]

  columns = {
    for role, kit in local.kit_columns : role => merge(
      { for attribute, value in kit : attribute => value
      if contains(local.shared_attributes, attribute) || coalesce(try(var.columns[role].type, null), kit.type) == kit.type },
      { use = "managed", type = kit.type, name = "${local.prefix}_${kit.name}" },
      { for attribute, value in try(var.columns[role], {}) : attribute => value if value != null },
    ) if var.leads || kit.on != "lead"
  }

  table_of = merge(local.table_names, { opportunity = "opportunity", lead = "lead" })

  # Names by role, as for tables. A role that is not used has none.
  column_names = merge(
    { for role, column in local.columns : role => column.use == "none" ? "" : column.name },
    { for role, column in cosell_dataverse_column.all : role => column.name },
  )
}

resource "cosell_dataverse_column" "all" {
  for_each = { for role, column in local.columns : role => column if column.use == "managed" }

  table = local.table_of[each.value.on]
  name  = each.value.name
  label = each.value.label
  type  = each.value.type

  description        = try(each.value.description, "") == "" ? null : each.value.description
  required_level     = try(each.value.required_level, null)
  max_length         = try(each.value.max_length, null)
  format             = try(each.value.format, null)
  auto_number_format = try(each.value.auto_number_format, null)
  precision          = try(each.value.precision, null)
  default_value      = try(each.value.default_value, null)
  true_label         = try(each.value.true_label, null)
  false_label        = try(each.value.false_label, null)
  options            = try(each.value.options, null)
  global_choice      = try(each.value.global_choice, null)
  target_table       = try(each.value.target_table, null)
  relationship_name  = try(each.value.relationship_name, null)
  on_delete          = try(each.value.on_delete, null)
  unique             = try(each.value.unique, null)
  solution           = local.solution

  deletion_protection = var.deletion_protection

  lifecycle {
    precondition {
      condition     = length(setsubtract(keys(var.columns), keys(local.kit_columns))) == 0
      error_message = "The variable columns names roles that the kit does not have: ${join(", ", setsubtract(keys(var.columns), keys(local.kit_columns)))}. It has: ${join(", ", keys(local.kit_columns))}."
    }
  }
}
