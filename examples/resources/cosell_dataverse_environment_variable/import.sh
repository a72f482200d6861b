# The id is the variable's schema name.
terraform import cosell_dataverse_environment_variable.deal_value msft_dealvaluefield
