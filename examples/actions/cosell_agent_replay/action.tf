# terraform apply -invoke=action.cosell_agent_replay.contoso
action "cosell_agent_replay" "contoso" {
  config {
    codes  = ["CS101"]
    reason = "the catalogue of solutions was completed"
  }
}
