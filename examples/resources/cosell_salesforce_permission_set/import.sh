# The id is the permission set's API name.
terraform import cosell_salesforce_permission_set.agent Cosell_Agent
