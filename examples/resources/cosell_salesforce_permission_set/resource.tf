resource "cosell_salesforce_permission_set" "agent" {
  name        = "Cosell_Agent"
  label       = "Co-sell agent"
  description = "What the agent needs to keep opportunities and referrals equal."

  objects = {
    Opportunity           = ["read", "create", "edit", "view_all"]
    Microsoft_Solution__c = ["read", "create", "edit", "delete"]
  }

  fields = {
    "Opportunity.Sync_with_Partner_Center__c"      = "edit"
    "Microsoft_Solution__c.Solution_Identifier__c" = "edit"
  }

  assignees = ["cosell.agent@example.com"]
}
