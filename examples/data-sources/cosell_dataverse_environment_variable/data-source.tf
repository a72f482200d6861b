# The setting of Microsoft's own solution, taken over.
data "cosell_dataverse_environment_variable" "deal_value_field" {
  name = "msft_dealvaluefield"
}

resource "cosell_environment_variable" "deal_value_field" {
  crm   = "dynamics365"
  name  = "deal_value_field"
  value = data.cosell_dataverse_environment_variable.deal_value_field.effective_value
}
