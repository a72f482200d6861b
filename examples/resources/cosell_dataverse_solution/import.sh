# The id is the solution's unique name.
terraform import cosell_dataverse_solution.this cosell
