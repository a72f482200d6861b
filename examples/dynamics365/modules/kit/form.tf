# What sellers see on the opportunity's form: the section of columns, and the list of solutions.

locals {
  # In the order of Microsoft's own section. The key is for the agent alone.
  section_roles = [
    "sync_with_partner_center", "referral_identifier", "referral_link", "referral_program", "microsoft_crm_identifier",
    "referral_visible_to_microsoft", "how_can_microsoft_help", "close_reason", "sync_status", "audit",
  ]
}

resource "cosell_dataverse_form_section" "partner_center" {
  count = var.form == null || !var.form_section.enabled ? 0 : 1

  table = "opportunity"
  form  = var.form
  name  = var.form_section.name
  label = var.form_section.label
  tab   = var.form_section.tab
  fields = [
    for role in local.section_roles : { name = local.column_names[role], read_only = local.columns[role].read_only }
    if local.column_names[role] != ""
  ]
}

resource "cosell_dataverse_subgrid" "solutions" {
  count = var.form == null || !var.solutions_grid.enabled ? 0 : 1

  table        = "opportunity"
  form         = var.form
  name         = var.solutions_grid.name
  label        = var.solutions_grid.label
  tab          = var.solutions_grid.tab
  target_table = local.table_names["solution"]
  relationship = try(cosell_dataverse_column.all["solution_opportunity"].relationship_name, var.solutions_grid.relationship)
}
