import {
  to = cosell_salesforce_custom_object.solution
  identity = {
    name = "Microsoft_Solution__c"
  }
}
