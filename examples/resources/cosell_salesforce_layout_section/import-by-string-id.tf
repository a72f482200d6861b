import {
  to = cosell_salesforce_layout_section.partner_center
  id = "Opportunity-Opportunity Layout/Microsoft Partner Center"
}
