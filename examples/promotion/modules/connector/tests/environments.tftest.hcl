# terraform init && terraform test: no account, no credentials, nothing remote. The provider is a mock: it checks the configuration
# against its schema, and answers with the values below.

mock_provider "cosell" {}

override_resource {
  target = module.kit.cosell_connector.this
  values = {
    agent_config        = "{}"
    agent_config_sha256 = "0f4d2a6c1b5e"
    revision            = 3
    start_order         = ["customize", "create_referral"]
  }
}

override_data {
  target = data.cosell_agent_status.this
  values = {
    agent_config_sha256 = "0f4d2a6c1b5e"
    environment         = "staging"
    revision            = 3
  }
}

variables {
  name               = "contoso-staging"
  environment        = "staging"
  intake             = "poll"
  referral_scope     = { name_prefix = "[staging] " }
  catalogue_managers = ["terraform@example.com.staging"]
  agent = {
    username  = "cosell.agent@example.com.staging"
    client_id = "3MVG9exampleStagingConsumerKey"
  }
}

run "the_agent_runs_what_is_declared" {
  assert {
    condition     = output.agent_config_sha256 == "0f4d2a6c1b5e"
    error_message = "The output is not the hash of the connector."
  }
}

run "the_agent_is_behind" {
  override_data {
    target = data.cosell_agent_status.this
    values = {
      agent_config_sha256 = "77aa00bb33cc"
      environment         = "staging"
      revision            = 2
    }
  }

  expect_failures = [check.agent_runs_what_is_declared]
}

run "the_agent_is_of_the_other_environment" {
  override_data {
    target = data.cosell_agent_status.this
    values = {
      agent_config_sha256 = "0f4d2a6c1b5e"
      environment         = "production"
      revision            = 3
    }
  }

  expect_failures = [check.agent_runs_what_is_declared]
}

run "staging_without_a_scope_is_refused" {
  command = plan

  variables {
    referral_scope = null
  }

  expect_failures = [var.referral_scope]
}

run "staging_does_not_take_the_webhook" {
  command = plan

  variables {
    intake      = "webhook"
    webhook_url = "https://staging.example.com/hooks/1"
  }

  expect_failures = [var.intake]
}

run "production_does_not_poll" {
  command = plan

  variables {
    environment = "production"
  }

  expect_failures = [var.intake]
}
