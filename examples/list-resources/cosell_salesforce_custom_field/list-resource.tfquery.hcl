# terraform query -generate-config-out=fields.tf
list "cosell_salesforce_custom_field" "opportunity" {
  provider         = cosell
  include_resource = true

  config {
    object = "Opportunity"
  }
}
