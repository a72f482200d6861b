import {
  to = cosell_salesforce_permission_set.agent
  identity = {
    name = "Cosell_Agent"
  }
}
