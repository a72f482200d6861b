import {
  to = cosell_power_automate_flow.leads
  identity = {
    name = "Dynamics 365 Leads to Partner Center (Insider Preview)"
  }
}
