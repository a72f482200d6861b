output "agent_config" {
  description = "The agent's document. It holds no secret: terraform output -raw agent_config > connector.json"
  value       = module.connector.agent_config
}

output "agent_config_sha256" {
  description = "Hash of the document's content, as the agent reports it."
  value       = module.connector.agent_config_sha256
}

output "environment" {
  description = "What is special about this environment."
  value       = module.connector.environment
}
