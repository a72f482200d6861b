import {
  to = cosell_dataverse_environment_variable.deal_value
  id = "msft_dealvaluefield"
}
