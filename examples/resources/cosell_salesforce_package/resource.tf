# Microsoft's package with the fields of its own connector. The id is that of the installation link.
resource "cosell_salesforce_package" "microsoft" {
  version_id = "04t2w000006WIwV"
}

# What came with it is granted like any other field.
resource "cosell_salesforce_permission_set" "seller" {
  name   = "Cosell_Seller"
  label  = "Co-sell seller"
  fields = { for name in cosell_salesforce_package.microsoft.custom_fields : name => "edit" }
}
