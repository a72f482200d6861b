list "cosell_salesforce_related_list" "opportunity" {
  provider         = cosell
  include_resource = true

  config {
    object = "Opportunity"
    layout = "Opportunity Layout"
  }
}
