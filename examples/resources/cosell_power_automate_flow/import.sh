# The id is the name of the flow.
terraform import cosell_power_automate_flow.leads 'Dynamics 365 Leads to Partner Center (Insider Preview)'
