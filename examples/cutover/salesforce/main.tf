# The cut-over from Microsoft's Power Automate solution, in one root: first applied with cut_over = false, which changes nothing that is
# synchronised, then with true. The guide "Cutting over from Power Automate" goes through it. After the cut-over the kit stays here; what is in
# microsoft.tf can go when nobody wants to go back.

module "kit" {
  source = "../../salesforce/modules/kit"

  name                = var.name
  deletion_protection = var.deletion_protection

  webhook_url                = local.switched_off ? var.webhook_url : var.microsoft_webhook_url
  webhook_overwrite_existing = true # from one of these two addresses to the other

  environment_variables = merge(local.microsoft_settings, var.environment_variables)
  default_currency      = var.default_currency
  leads                 = var.leads
  sync_delay            = var.sync_delay
  schedule              = { poll = var.poll_interval, sweep_from = local.sweep_from }

  agent_username = var.agent_salesforce_username
  credentials = {
    partner_center = {
      client_secret = var.agent_partner_center_client_secret
      refresh_token = var.agent_partner_center_refresh_token
    }
    salesforce = {
      client_id   = var.agent_salesforce_client_id
      username    = var.agent_salesforce_username
      private_key = var.agent_salesforce_private_key
    }
  }

  # The layout has Microsoft's section and lists already.
  layout = null

  objects = { for role, name in var.microsoft_objects : role => { use = "existing", name = name } }
  fields  = { for role, name in var.microsoft_fields : role => { use = "existing", name = name } }
}
