list "cosell_dataverse_form_section" "opportunity" {
  provider         = cosell
  include_resource = true

  config {
    table = "opportunity"
    form  = "Opportunity"
  }
}
