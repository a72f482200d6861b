import {
  to = cosell_salesforce_permission_set.agent
  id = "Cosell_Agent"
}
