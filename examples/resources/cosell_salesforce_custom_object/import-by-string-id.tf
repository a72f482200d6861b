import {
  to = cosell_salesforce_custom_object.solution
  id = "Microsoft_Solution__c"
}
