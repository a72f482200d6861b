# The id is the object's API name.
terraform import cosell_salesforce_custom_object.solution Microsoft_Solution__c
