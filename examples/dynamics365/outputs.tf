output "agent_config" {
  description = "The agent's document. It holds no secret: terraform output -raw agent_config > connector.json"
  value       = module.kit.agent_config
}

output "agent_config_sha256" {
  description = "Hash of the document's content, as the agent reports it."
  value       = module.kit.agent_config_sha256
}

output "start_order" {
  description = "The flows in the order in which the agent starts them."
  value       = module.kit.start_order
}

output "column_names" {
  description = "Schema names of the columns by role."
  value       = module.kit.column_names
}
