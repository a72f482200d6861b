# terraform apply -invoke=action.cosell_agent_reload.contoso
action "cosell_agent_reload" "contoso" {
  config {
    connector = "contoso"
    sha256    = "3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab836ed" # cosell_connector.contoso.agent_config_sha256
  }
}
