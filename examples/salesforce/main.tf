# The kit declares everything that this connector needs in Salesforce and in Partner Center. Fields, objects and layout are in
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

  environment_variables = merge(var.environment_variables, {
    active_stage_name  = var.active_stage_name
    on_hold_stage_name = var.on_hold_stage_name
  })
  stages = {
    won  = var.won_stage_name
    lost = var.lost_stage_name
  }
  default_currency = var.default_currency
  disabled_flows   = var.disabled_flows
  leads            = var.leads
  sync_delay       = var.sync_delay
  schedule         = { poll = var.poll_interval }
  field_mappings   = var.field_mappings

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

  sellers            = var.sellers
  catalogue_managers = var.catalogue_managers
  solutions          = var.solutions
  solutions_file     = var.solutions_file

  layout        = var.opportunity_layout
  section       = var.layout_section
  related_lists = var.related_lists

  objects        = var.object_overrides
  fields         = var.field_overrides
  products_field = var.products_field
}
