# The id is <table>/<column>.
terraform import cosell_dataverse_column.audit opportunity/cosell_Audit
