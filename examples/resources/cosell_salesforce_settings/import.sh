# An organisation has its settings once.
terraform import cosell_salesforce_settings.this current
