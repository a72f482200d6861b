# Where Partner Center delivers its events. A tenant has one registration: the plan says so when it is somebody else's.

resource "cosell_webhook_registration" "this" {
  count = var.intake == "poll" ? 0 : 1

  url                = var.webhook_url
  overwrite_existing = var.webhook_overwrite_existing

  lifecycle {
    precondition {
      condition     = var.webhook_url != null
      error_message = "webhook_url is needed unless intake is poll: Partner Center delivers its events there."
    }
  }
}

# The settings of the sales process. A variable that is not declared has its default.

resource "cosell_environment_variable" "all" {
  for_each = var.environment_variables

  crm   = "dynamics365"
  name  = each.key
  value = each.value
}

# The flows. Their order and prerequisites are the connector's business.

locals {
  flows = concat(
    var.intake == "poll" ? [] : ["webhook_registration"],
    [
      "customize",
      "create_referral",
      "helper",
      "microsoft_referral_updates",
      "partner_center_to_crm",
      "crm_to_partner_center",
      "opportunity_to_partner_center",
      "solutions_to_partner_center",
    ],
    var.leads ? ["leads_to_partner_center"] : [],
    ["auto_heal"],
  )
}

resource "cosell_sync_flow" "all" {
  for_each = toset(local.flows)

  crm     = "dynamics365"
  name    = each.key
  enabled = !contains(var.disabled_flows, each.key)
}

resource "cosell_field_mapping" "all" {
  for_each = var.field_mappings

  crm      = "dynamics365"
  name     = each.key
  mappings = each.value
}

# The connector takes them all and computes the agent's document.

resource "cosell_connector" "this" {
  name        = var.name
  crm         = "dynamics365"
  environment = var.environment
  partner_id  = var.partner_id

  intake                = var.intake
  webhook               = one(cosell_webhook_registration.this)
  referral_scope        = var.referral_scope
  partner_center_writes = var.partner_center_writes

  sync_flows            = cosell_sync_flow.all
  without_flows         = concat(var.leads ? [] : ["leads_to_partner_center"], var.intake == "poll" ? ["webhook_registration"] : [])
  environment_variables = cosell_environment_variable.all
  field_mappings        = cosell_field_mapping.all

  objects = merge(local.table_names, var.leads ? { lead = local.table_of["lead"] } : {})
  fields = merge(
    { for role in local.connector_roles : role => local.column_names[role] },
    var.products_column == null ? {} : { products = var.products_column },
  )

  stages             = var.stages
  sync_delay         = var.sync_delay
  default_currency   = var.default_currency
  marketplace_intent = var.marketplace_intent
  account_match      = var.account_match
  fallback_owner     = var.fallback_owner
  language           = var.language
  schedule           = var.schedule
  push               = var.push
  budgets            = var.budgets
  pins               = var.pins
  credentials        = var.credentials

  # The agent asks for changes as well as for the columns.
  depends_on = [cosell_dataverse_change_events.agent]
}
