# Staging lives on production's Partner Center tenant: it asks for changes instead of having the webhook, takes only the referrals that
# are its own, and sends nothing until it is let.

module "connector" {
  source = "../modules/connector"

  name        = "contoso-staging"
  environment = "staging"

  intake                = "poll"
  referral_scope        = { name_prefix = var.scope_prefix }
  partner_center_writes = var.partner_center_writes
  poll_interval         = var.poll_interval
  deletion_protection   = false # nothing here is worth it

  catalogue_managers = var.catalogue_managers
  agent              = var.agent
}
