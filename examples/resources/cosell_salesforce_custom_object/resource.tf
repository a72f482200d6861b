resource "cosell_salesforce_custom_object" "solution" {
  name         = "Microsoft_Solution__c"
  label        = "Microsoft Solution"
  plural_label = "Microsoft Solutions"

  name_field = {
    label = "Solution name"
    type  = "text"
  }
}
