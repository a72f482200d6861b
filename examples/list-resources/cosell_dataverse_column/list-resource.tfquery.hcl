# terraform query -generate-config-out=columns.tf
list "cosell_dataverse_column" "opportunity" {
  provider         = cosell
  include_resource = true

  config {
    table  = "opportunity"
    prefix = "msft"
  }
}
