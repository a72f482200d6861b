# The id is <object>-<layout>/<label>.
terraform import cosell_salesforce_layout_section.partner_center 'Opportunity-Opportunity Layout/Microsoft Partner Center'
