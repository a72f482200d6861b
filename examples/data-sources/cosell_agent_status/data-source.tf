variable "agent_config_sha256" {
  description = "Hash of the document that was applied: agent_config_sha256 of cosell_connector."
  type        = string
}

# Inside of the check block an agent that does not answer is a warning as well.
check "agent_runs_what_was_applied" {
  data "cosell_agent_status" "contoso" {
    connector = "contoso"
  }

  assert {
    condition     = data.cosell_agent_status.contoso.agent_config_sha256 == var.agent_config_sha256
    error_message = "The agent works with another document. Deliver agent_config to it and reload."
  }
}
