import {
  to = cosell_dataverse_environment_variable.deal_value
  identity = {
    name = "msft_dealvaluefield"
  }
}
