import {
  to = cosell_dataverse_subgrid.solutions
  identity = {
    table = "opportunity"
    form  = "Opportunity"
    name  = "microsoft_solutions"
  }
}
