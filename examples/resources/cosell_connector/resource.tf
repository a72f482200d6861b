# Staging that shares a tenant with production: it polls, handles only its own referrals, and sends nothing.

resource "cosell_environment_variable" "all" {
  for_each = {
    active_stage_name  = "Qualification"
    on_hold_stage_name = "Microsoft - on hold"
  }

  crm   = "salesforce"
  name  = each.key
  value = each.value
}

resource "cosell_sync_flow" "all" {
  for_each = toset([
    "customize", "create_referral", "microsoft_referral_updates", "partner_center_to_crm", "crm_to_partner_center",
    "opportunity_to_partner_center", "solutions_to_partner_center", "auto_heal",
  ])

  crm  = "salesforce"
  name = each.key
}

resource "cosell_connector" "staging" {
  name        = "contoso-staging"
  crm         = "salesforce"
  environment = "staging"

  intake                = "poll"
  referral_scope        = { name_prefix = "[staging] " }
  partner_center_writes = "shadow"

  sync_flows            = cosell_sync_flow.all
  without_flows         = ["webhook_registration", "leads_to_partner_center"]
  environment_variables = cosell_environment_variable.all

  fields        = { close_reason = "" } # this organisation has no such field; the agent does without
  stages        = { lost = "Closed Lost" }
  account_match = { keys = ["name"], none = "queue" }
  budgets       = { crm_daily_calls = 20000 }

  # References, never secrets: the agent reads them where it runs.
  credentials = {
    partner_center = {
      client_secret = "env:COSELL_PARTNER_CENTER_CLIENT_SECRET"
      refresh_token = "file:/run/secrets/partner-center-refresh-token"
    }
    salesforce = {
      client_id   = "3MVG9exampleConsumerKey"
      username    = "cosell.agent@example.com"
      private_key = "file:/run/secrets/salesforce-agent.pem"
    }
  }
}

output "agent_config" {
  value = cosell_connector.staging.agent_config
}
