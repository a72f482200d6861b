# The id is <object>.<field>.
terraform import cosell_salesforce_custom_field.sync Opportunity.Sync_with_Partner_Center__c
