# The kit makes the fields, permissions, flows and the connector. In a repository of your own, keep a copy of it beside this module, or
# name a tag of the repository that holds it, which staging then tries before production.

module "kit" {
  source = "../../../salesforce/modules/kit"

  # What is special about an environment.
  name                  = var.name
  environment           = var.environment
  deletion_protection   = var.deletion_protection
  intake                = var.intake
  webhook_url           = var.webhook_url
  referral_scope        = var.referral_scope
  partner_center_writes = var.partner_center_writes
  schedule              = { poll = var.poll_interval }
  agent_username        = var.agent.username
  catalogue_managers    = var.catalogue_managers
  sellers               = var.sellers
  credentials = {
    partner_center = {
      client_secret = var.agent.partner_center_client_secret
      refresh_token = var.agent.partner_center_refresh_token
    }
    salesforce = {
      client_id   = var.agent.client_id
      username    = var.agent.username
      private_key = var.agent.private_key
    }
  }

  # What both have in common.
  environment_variables = {
    on_hold_stage_name = local.stages.on_hold
    active_stage_name  = local.stages.active
  }
  default_currency = local.default_currency
  leads            = local.leads
  fields           = local.fields
  field_mappings   = local.field_mappings
  disabled_flows   = local.disabled_flows
  solutions_file   = "${path.module}/solutions.csv"
}

# An apply ends in this configuration, not in the agent: its document has to be delivered. Until the agent works with the document that
# is declared here, every plan and apply warns. An agent that does not answer is a warning, too.
check "agent_runs_what_is_declared" {
  data "cosell_agent_status" "this" {
    connector = var.name
  }

  assert {
    condition     = data.cosell_agent_status.this.agent_config_sha256 == module.kit.agent_config_sha256
    error_message = "The agent of ${var.environment} works with another document: sha256 ${data.cosell_agent_status.this.agent_config_sha256}, revision ${data.cosell_agent_status.this.revision}. Write the output agent_config to its file, and reload: cosell-agent reload."
  }

  assert {
    condition     = data.cosell_agent_status.this.environment == var.environment
    error_message = "The agent at this address is the one of ${data.cosell_agent_status.this.environment}, not of ${var.environment}. Correct COSELL_AGENT_ADDRESS."
  }
}
