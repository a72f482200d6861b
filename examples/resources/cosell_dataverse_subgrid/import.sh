# The id is <table>/<form>/<section>.
terraform import cosell_dataverse_subgrid.solutions opportunity/Opportunity/microsoft_solutions
