import {
  to = cosell_dataverse_column.audit
  id = "opportunity/cosell_Audit"
}
