# terraform apply -invoke=action.cosell_agent_backfill.contoso
action "cosell_agent_backfill" "contoso" {
  config {
    reason = "first synchronisation"
  }
}
