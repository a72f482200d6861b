# terraform apply -invoke=action.cosell_agent_pause.contoso
action "cosell_agent_pause" "contoso" {
  config {
    reason = "Salesforce maintenance"
  }
}
