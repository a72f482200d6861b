import {
  to = cosell_salesforce_custom_field.sync
  id = "Opportunity.Sync_with_Partner_Center__c"
}
