resource "cosell_salesforce_settings" "this" {
  notes             = true
  opportunity_teams = true
}
