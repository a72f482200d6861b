# Five objects, which is as many as an organisation selects without an add-on.
resource "cosell_salesforce_change_events" "this" {
  entities = ["Account", "Contact", "Microsoft_Solution__c", "Opportunity", "OpportunityContactRole"]
}
