# The cut-over from Microsoft's Power Automate solution, in one root: first applied with cut_over = false, which changes nothing that is
# synchronised, then with true. The guide "Cutting over from Power Automate" goes through it. After the cut-over the kit stays here; what is in
# microsoft.tf can go when nobody wants to go back.

module "kit" {
  source = "../../dynamics365/modules/kit"

  name                = var.name
  deletion_protection = var.deletion_protection

  webhook_url                = local.switched_off ? var.webhook_url : var.microsoft_webhook_url
  webhook_overwrite_existing = true # from one of these two addresses to the other

  environment_variables = merge(local.microsoft_settings, var.environment_variables)
  stages                = var.stages
  default_currency      = var.default_currency
  leads                 = var.leads
  sync_delay            = var.sync_delay
  schedule              = { poll = var.poll_interval, sweep_from = local.sweep_from }

  credentials = {
    partner_center = {
      client_secret = var.agent_partner_center_client_secret
      refresh_token = var.agent_partner_center_refresh_token
    }
    dataverse = {
      client_id     = var.agent_dataverse_client_id
      client_secret = var.agent_dataverse_client_secret
      certificate   = var.agent_dataverse_certificate
    }
  }

  # The form has Microsoft's section and list already.
  form = null

  tables  = { for role, name in var.microsoft_tables : role => { use = "existing", name = name } }
  columns = { for role, name in var.microsoft_columns : role => { use = "existing", name = name } }
}
