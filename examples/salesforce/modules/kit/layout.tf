# What sellers see on an opportunity. Related lists of notes and of the opportunity team come with settings, which destroy does
# not switch off: that would delete data.

resource "cosell_salesforce_settings" "this" {
  notes             = true
  opportunity_teams = true
}

locals {
  # The key is for the agent only: the section shows the identifier.
  section_roles = [
    for role in [
      "sync_with_partner_center", "referral_identifier",
      "how_can_microsoft_help", "referral_link",
      "referral_visible_to_microsoft", "referral_program",
      "close_reason", "microsoft_crm_identifier",
      "sync_status", "audit",
    ] : role if local.fields[role].use != "none"
  ]
}

resource "cosell_salesforce_layout_section" "this" {
  count = var.layout != null && var.section.enabled ? 1 : 0

  object = "Opportunity"
  layout = var.layout
  label  = var.section.label
  after  = var.section.after

  fields = [
    for role in local.section_roles : {
      name     = local.field_names[role]
      behavior = local.fields[role].seller == "edit" ? "edit" : "readonly"
    }
  ]
}

# The lists are made one after the other, so that a new layout shows them in this order. People may move them.

resource "cosell_salesforce_related_list" "solutions" {
  count = var.layout != null && contains(var.related_lists, "solutions") ? 1 : 0

  object = "Opportunity"
  layout = var.layout
  list   = "${local.object_names["solution"]}.${local.field_names["solution_opportunity"]}"

  fields = concat(
    ["NAME", local.field_names["solution_identifier"]],
    local.field_names["solution_detail"] == "" ? [] : [local.field_names["solution_detail"]],
  )
}

resource "cosell_salesforce_related_list" "opportunity_team" {
  count = var.layout != null && contains(var.related_lists, "opportunity_team") ? 1 : 0

  object = "Opportunity"
  layout = var.layout
  list   = "RelatedOpportunitySalesTeam"
  fields = ["MemberName", "TeamMemberRole", "OppAccessLevel"]

  depends_on = [cosell_salesforce_settings.this, cosell_salesforce_related_list.solutions]
}

resource "cosell_salesforce_related_list" "notes" {
  count = var.layout != null && contains(var.related_lists, "notes") ? 1 : 0

  object = "Opportunity"
  layout = var.layout
  list   = "RelatedContentNoteList"

  depends_on = [cosell_salesforce_settings.this, cosell_salesforce_related_list.opportunity_team]
}
