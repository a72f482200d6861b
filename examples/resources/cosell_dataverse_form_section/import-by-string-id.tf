import {
  to = cosell_dataverse_form_section.partner_center
  id = "opportunity/Opportunity/microsoft_partner_center"
}
