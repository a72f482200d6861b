# The id is <table>/<form>/<section>.
terraform import cosell_dataverse_form_section.partner_center opportunity/Opportunity/microsoft_partner_center
