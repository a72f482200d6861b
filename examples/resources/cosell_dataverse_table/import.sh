# The id is the table's schema name.
terraform import cosell_dataverse_table.solution cosell_MicrosoftSolution
