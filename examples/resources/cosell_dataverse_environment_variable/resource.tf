# A variable that Microsoft's solution brought: only its current value is managed, the default stays as it is.
resource "cosell_dataverse_environment_variable" "deal_value" {
  name              = "msft_dealvaluefield"
  value             = "totalamount"
  manage_definition = false
}

# A variable of one's own.
resource "cosell_dataverse_environment_variable" "own" {
  name          = "cosell_DealValueField"
  display_name  = "Column of the deal value"
  default_value = "estimatedvalue"
}
