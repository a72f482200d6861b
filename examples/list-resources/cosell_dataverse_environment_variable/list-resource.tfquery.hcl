list "cosell_dataverse_environment_variable" "microsoft" {
  provider         = cosell
  include_resource = true

  config {
    prefix = "msft"
  }
}
