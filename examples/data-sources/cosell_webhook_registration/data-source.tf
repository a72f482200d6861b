data "cosell_webhook_registration" "current" {}

# Staging that shares the tenant with production must not receive production's events.
check "webhook_is_productions" {
  assert {
    condition     = data.cosell_webhook_registration.current.url == "https://agent.example.com/hooks/4f0c9a7d2b61"
    error_message = "The tenant's webhook does not point to production's agent."
  }
}
