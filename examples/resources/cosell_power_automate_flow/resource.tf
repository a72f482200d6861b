# Cutting over: Microsoft's own flows are off before the agent starts.
resource "cosell_power_automate_flow" "microsoft" {
  for_each = toset([
    "Partner Center to Dynamics 365 (Insider Preview)",
    "Dynamics 365 to Partner Center (Insider Preview)",
    "Dynamics 365 Opportunity to Partner Center (Insider Preview)",
    "Dynamics 365 Microsoft Solution to Partner Center (Insider Preview)",
  ])

  name    = each.key
  enabled = false
  drain   = {} # wait until their runs have ended
}

resource "cosell_power_automate_flow" "leads" {
  name    = "Dynamics 365 Leads to Partner Center (Insider Preview)"
  enabled = false
}
