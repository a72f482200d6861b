resource "cosell_environment_variable" "all" {
  for_each = {
    active_stage_name  = "Qualification"
    on_hold_stage_name = "Microsoft - on hold"
    deal_value_field   = "Expected_Revenue__c"
    auto_heal_interval = null # the default
  }

  crm   = "salesforce"
  name  = each.key
  value = each.value
}
