resource "cosell_salesforce_settings" "this" {
  notes             = true
  opportunity_teams = true
}

resource "cosell_salesforce_related_list" "solutions" {
  object           = "Opportunity"
  layout           = "Opportunity Layout"
  list             = "Microsoft_Solution__c.Opportunity__c"
  fields           = ["NAME", "Solution_Identifier__c"]
  sort_field       = "NAME"
  sort_order       = "asc"
  excluded_buttons = ["MassChangeOwner"]
  after            = "RelatedContactRoleList"
}

resource "cosell_salesforce_related_list" "notes" {
  object = "Opportunity"
  layout = "Opportunity Layout"
  list   = "RelatedContentNoteList"
  after  = cosell_salesforce_related_list.solutions.list

  depends_on = [cosell_salesforce_settings.this]
}

resource "cosell_salesforce_related_list" "team" {
  object = "Opportunity"
  layout = "Opportunity Layout"
  list   = "RelatedOpportunitySalesTeam"
  fields = ["MemberName", "OppAccessLevel", "TeamMemberRole"]

  depends_on = [cosell_salesforce_settings.this]
}
