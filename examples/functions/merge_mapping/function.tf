locals {
  every_environment = {
    notes = { crm = "Co_Sell_Notes__c" }
  }
  production = {
    notes = { direction = "inbound" }
  }
}

# The row of notes has its field from the first and its direction from the second.
resource "cosell_field_mapping" "contoso" {
  crm      = "salesforce"
  name     = "contoso"
  mappings = provider::cosell::merge_mapping(local.every_environment, local.production)
}
