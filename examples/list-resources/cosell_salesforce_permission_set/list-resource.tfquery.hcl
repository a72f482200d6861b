list "cosell_salesforce_permission_set" "all" {
  provider         = cosell
  include_resource = true
}
