import {
  to = cosell_dataverse_subgrid.solutions
  id = "opportunity/Opportunity/microsoft_solutions"
}
