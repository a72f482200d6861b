action "cosell_webhook_test" "delivery" {
  config {
    timeout_seconds = 60
  }
}

# After every change of the registration. By hand: terraform apply -invoke=action.cosell_webhook_test.delivery
resource "cosell_webhook_registration" "agent" {
  url                = "https://agent.example.com/hooks/4f0c9a7d2b61"
  include_test_event = true

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.cosell_webhook_test.delivery]
    }
  }
}
