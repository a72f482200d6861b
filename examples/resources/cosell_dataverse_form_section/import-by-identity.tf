import {
  to = cosell_dataverse_form_section.partner_center
  identity = {
    table = "opportunity"
    form  = "Opportunity"
    name  = "microsoft_partner_center"
  }
}
