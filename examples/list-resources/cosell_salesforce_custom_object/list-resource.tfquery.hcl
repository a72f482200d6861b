list "cosell_salesforce_custom_object" "all" {
  provider         = cosell
  include_resource = true
}
