import {
  to = cosell_dataverse_solution.this
  id = "cosell"
}
