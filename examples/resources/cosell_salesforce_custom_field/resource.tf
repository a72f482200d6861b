resource "cosell_salesforce_custom_field" "sync" {
  object    = "Opportunity"
  name      = "Sync_with_Partner_Center__c"
  label     = "Sync with Partner Center"
  type      = "checkbox"
  help_text = "Tick to share this opportunity with Partner Center."
}

resource "cosell_salesforce_custom_field" "help" {
  object = "Opportunity"
  name   = "How_can_Microsoft_help__c"
  label  = "How can Microsoft help?"
  type   = "picklist"

  picklist = {
    values = [
      { name = "Workload specific value proposition" },
      { name = "Customer technical architecture" },
      { name = "General or other" },
    ]
  }
}

resource "cosell_salesforce_custom_field" "solution_opportunity" {
  object = "Microsoft_Solution__c"
  name   = "Opportunity__c"
  label  = "Opportunity"
  type   = "lookup"

  lookup = {
    object            = "Opportunity"
    relationship_name = "Microsoft_Solutions"
  }
}
