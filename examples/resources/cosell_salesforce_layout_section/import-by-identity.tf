import {
  to = cosell_salesforce_layout_section.partner_center
  identity = {
    object = "Opportunity"
    layout = "Opportunity Layout"
    label  = "Microsoft Partner Center"
  }
}
