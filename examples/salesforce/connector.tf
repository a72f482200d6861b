# Where Partner Center delivers its events. A tenant has one registration: the plan says so when it is somebody else's.

resource "cosell_webhook_registration" "this" {
  url = var.webhook_url
}

# The settings of the sales process. A variable that is not declared has its default.

resource "cosell_environment_variable" "all" {
  for_each = {
    active_stage_name  = var.active_stage_name
    on_hold_stage_name = var.on_hold_stage_name
  }

  crm   = "salesforce"
  name  = each.key
  value = each.value
}

# The flows. Their order and prerequisites are the connector's business.

resource "cosell_sync_flow" "all" {
  for_each = toset([
    "webhook_registration",
    "customize",
    "create_referral",
    "microsoft_referral_updates",
    "partner_center_to_crm",
    "crm_to_partner_center",
    "opportunity_to_partner_center",
    "solutions_to_partner_center",
    "auto_heal",
  ])

  crm     = "salesforce"
  name    = each.key
  enabled = !contains(var.disabled_flows, each.key)
}

# The connector takes them all and computes the agent's document.

resource "cosell_connector" "this" {
  name        = var.name
  crm         = "salesforce"
  environment = var.environment

  webhook               = cosell_webhook_registration.this
  sync_flows            = cosell_sync_flow.all
  without_flows         = ["leads_to_partner_center"]
  environment_variables = cosell_environment_variable.all

  # The names are the defaults; saying where they come from makes the fields exist before the document is handed out.
  objects = { solution = cosell_salesforce_custom_object.solution.name }
  fields = merge(
    { for role, field in cosell_salesforce_custom_field.opportunity : role => field.name },
    {
      solution_opportunity = cosell_salesforce_custom_field.solution_opportunity.name
      solution_identifier  = cosell_salesforce_custom_field.solution_identifier.name

      # Without a catalogue of solution details, sellers type identifiers.
      solution_detail            = ""
      solution_detail_identifier = ""
    },
  )

  stages = {
    won  = var.won_stage_name
    lost = var.lost_stage_name
  }

  sync_delay       = var.sync_delay
  default_currency = var.default_currency
  schedule         = { poll = var.poll_interval }

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

  # The agent needs its permissions as well as the fields.
  depends_on = [cosell_salesforce_permission_set.agent]
}
