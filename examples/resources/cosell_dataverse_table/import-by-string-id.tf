import {
  to = cosell_dataverse_table.solution
  id = "cosell_MicrosoftSolution"
}
