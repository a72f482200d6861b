# Production has the tenant's webhook registration and all of its referrals.

module "connector" {
  source = "../modules/connector"

  name        = "contoso-production"
  environment = "production"

  intake              = "webhook"
  webhook_url         = var.webhook_url
  poll_interval       = var.poll_interval
  deletion_protection = var.deletion_protection

  sellers            = var.sellers
  catalogue_managers = var.catalogue_managers
  agent              = var.agent
}
