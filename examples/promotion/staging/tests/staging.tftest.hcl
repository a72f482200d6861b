# What makes staging harmless, tried without an account: terraform init && terraform test.

mock_provider "cosell" {}

override_resource {
  target = module.connector.module.kit.cosell_connector.this
  values = {
    agent_config        = "{}"
    agent_config_sha256 = "0f4d2a6c1b5e"
    revision            = 1
    start_order         = ["customize"]
  }
}

override_data {
  target = module.connector.data.cosell_agent_status.this
  values = {
    agent_config_sha256 = "0f4d2a6c1b5e"
    environment         = "staging"
    revision            = 1
  }
}

variables {
  tenant_id          = "11111111-2222-3333-4444-555555555555"
  org_id             = "00Dgs0000000002"
  catalogue_managers = ["terraform@example.com.staging"]
  agent = {
    username  = "cosell.agent@example.com.staging"
    client_id = "3MVG9exampleStagingConsumerKey"
  }
}

run "staging_is_harmless" {
  assert {
    condition     = output.environment.intake == "poll" && output.environment.webhook_url == null
    error_message = "Staging must leave the tenant's webhook registration alone."
  }

  assert {
    condition     = output.environment.referral_scope.name_prefix == "[staging] "
    error_message = "Staging takes referrals that are not its own."
  }

  assert {
    condition     = output.environment.partner_center_writes == "shadow"
    error_message = "Staging writes to Partner Center."
  }

  assert {
    condition     = output.agent_config_sha256 == "0f4d2a6c1b5e"
    error_message = "The hash is not the one of the connector."
  }
}

run "a_scope_of_everything_is_refused" {
  command = plan

  variables {
    scope_prefix = ""
  }

  expect_failures = [var.scope_prefix]
}
