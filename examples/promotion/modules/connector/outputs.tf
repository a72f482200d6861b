output "agent_config" {
  description = "The agent's document. It holds no secret."
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

output "environment" {
  description = "What is special about this environment, to be read beside a plan and by tests."
  value = {
    name                  = var.name
    label                 = var.environment
    intake                = var.intake
    webhook_url           = var.webhook_url
    referral_scope        = var.referral_scope
    partner_center_writes = var.partner_center_writes
    deletion_protection   = var.deletion_protection
  }
}
