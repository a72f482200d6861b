import {
  to = cosell_dataverse_column.audit
  identity = {
    table = "opportunity"
    name  = "cosell_Audit"
  }
}
