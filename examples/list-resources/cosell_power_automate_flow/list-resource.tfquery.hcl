# The flows of Microsoft's own solution; its unique name stands in Power Apps under Solutions.
list "cosell_power_automate_flow" "microsoft" {
  provider         = cosell
  include_resource = true

  config {
    solution = "PartnerCenterReferralsSynchronizationforDynamics365"
  }
}
