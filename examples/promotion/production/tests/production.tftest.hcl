# What makes production complete, tried without an account: terraform init && terraform test.

mock_provider "cosell" {
  # What Partner Center answers, where the connector looks at it. Other computed values are made up.
  mock_resource "cosell_webhook_registration" {
    defaults = {
      signature_header = "x-ms-signature"
    }
  }
}

override_resource {
  target = module.connector.module.kit.cosell_connector.this
  values = {
    agent_config        = "{}"
    agent_config_sha256 = "9c8b7a6f5e4d"
    revision            = 1
    start_order         = ["webhook_registration", "customize"]
  }
}

override_data {
  target = module.connector.data.cosell_agent_status.this
  values = {
    agent_config_sha256 = "9c8b7a6f5e4d"
    environment         = "production"
    revision            = 1
  }
}

variables {
  tenant_id          = "11111111-2222-3333-4444-555555555555"
  org_id             = "00Dgk0000000001"
  webhook_url        = "https://agent.example.com/hooks/4f0c9a7d2b61"
  catalogue_managers = ["terraform@example.com"]
  agent = {
    username  = "cosell.agent@example.com"
    client_id = "3MVG9exampleConsumerKey"
  }
}

run "production_has_the_webhook_and_everything" {
  assert {
    condition     = output.environment.intake == "webhook" && output.environment.webhook_url == var.webhook_url
    error_message = "Production must have the tenant's webhook registration."
  }

  assert {
    condition     = output.environment.referral_scope == null && output.environment.partner_center_writes == "live"
    error_message = "Production takes all referrals, and writes."
  }

  assert {
    condition     = output.environment.deletion_protection
    error_message = "Production's data is not protected."
  }
}
