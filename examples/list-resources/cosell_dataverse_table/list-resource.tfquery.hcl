# terraform query -generate-config-out=tables.tf
list "cosell_dataverse_table" "own" {
  provider         = cosell
  include_resource = true

  config {
    prefix = "msft"
  }
}
