import {
  to = cosell_dataverse_table.solution
  identity = {
    name = "cosell_MicrosoftSolution"
  }
}
