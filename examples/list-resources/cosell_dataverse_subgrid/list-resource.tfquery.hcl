list "cosell_dataverse_subgrid" "opportunity" {
  provider         = cosell
  include_resource = true

  config {
    table = "opportunity"
    form  = "Opportunity"
  }
}
