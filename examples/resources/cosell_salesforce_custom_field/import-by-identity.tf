import {
  to = cosell_salesforce_custom_field.sync
  identity = {
    object = "Opportunity"
    name   = "Sync_with_Partner_Center__c"
  }
}
