resource "cosell_sync_flow" "all" {
  for_each = {
    webhook_registration       = true
    customize                  = true
    create_referral            = true
    microsoft_referral_updates = true
    partner_center_to_crm      = true
    crm_to_partner_center      = false # what it would send waits until it is switched on
  }

  crm     = "salesforce"
  name    = each.key
  enabled = each.value
}
