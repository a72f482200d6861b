import {
  to = cosell_power_automate_flow.leads
  id = "Dynamics 365 Leads to Partner Center (Insider Preview)"
}
