output "agent_config" {
  description = "The agent's document, once it is the agent's turn: terraform output -raw agent_config > agent.json. It holds no secret."
  value       = local.switched_off ? module.kit.agent_config : null
}

output "sweep_from" {
  description = "Where the agent's first sweep begins."
  value       = local.sweep_from
}

output "microsoft_flows" {
  description = "Whether each of Microsoft's flows is on."
  value       = { for name, flow in cosell_power_automate_flow.microsoft : name => flow.enabled }
}

output "settings" {
  description = "The settings that were taken over from Microsoft's environment variables."
  value       = local.microsoft_settings
}
