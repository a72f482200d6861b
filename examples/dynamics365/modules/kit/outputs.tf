output "agent_config" {
  description = "The agent's document. It holds no secret."
  value       = cosell_connector.this.agent_config
}

output "agent_config_sha256" {
  description = "Hash of the document's content, as the agent reports it."
  value       = cosell_connector.this.agent_config_sha256
}

output "start_order" {
  description = "The flows in the order in which the agent starts them."
  value       = cosell_connector.this.start_order
}

output "table_names" {
  description = "Schema names of the two tables by role."
  value       = local.table_names
}

output "column_names" {
  description = "Schema names of the columns by role."
  value       = local.column_names
}
