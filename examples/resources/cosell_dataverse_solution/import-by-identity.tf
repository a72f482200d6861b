import {
  to = cosell_dataverse_solution.this
  identity = {
    name = "cosell"
  }
}
