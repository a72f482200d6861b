# The kit declares everything that this connector needs in Dynamics 365 and in Partner Center. Tables, columns and the form are in
# modules/kit; this root says what is special about this environment.

module "kit" {
  source = "./modules/kit"

  name                = var.name
  environment         = var.environment
  deletion_protection = var.deletion_protection

  intake                     = var.intake
  webhook_url                = var.webhook_url
  webhook_overwrite_existing = var.webhook_overwrite_existing
  referral_scope             = var.referral_scope
  partner_center_writes      = var.partner_center_writes

  environment_variables = var.environment_variables
  stages                = var.stages
  disabled_flows        = var.disabled_flows
  leads                 = var.leads
  sync_delay            = var.sync_delay
  schedule              = { poll = var.poll_interval }
  push                  = var.push_url == null ? null : { url = var.push_url }
  field_mappings        = var.field_mappings

  credentials = {
    partner_center = {
      client_secret = var.agent_partner_center_client_secret
      refresh_token = var.agent_partner_center_refresh_token
    }
    dataverse = {
      client_id     = var.agent_dataverse_client_id
      client_secret = var.agent_dataverse_client_secret
      certificate   = var.agent_dataverse_certificate
      webhook_key   = var.push_url == null ? null : var.agent_dataverse_webhook_key
    }
  }

  solutions      = var.solutions
  solutions_file = var.solutions_file

  form           = var.opportunity_form
  form_section   = var.form_section
  solutions_grid = var.solutions_grid

  publisher = var.publisher
  solution  = var.solution
  tables    = var.table_overrides
  columns   = var.column_overrides
}
