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

output "object_names" {
  description = "API names of the two objects by role."
  value       = local.object_names
}

output "field_names" {
  description = "API names of the fields by role."
  value       = local.field_names
}

output "permission_sets" {
  description = "API names of the permission sets: of the agent, of sellers, and of those who keep the catalogue."
  value = {
    agent     = cosell_salesforce_permission_set.agent.name
    seller    = cosell_salesforce_permission_set.seller.name
    catalogue = cosell_salesforce_permission_set.catalogue.name
  }
}
