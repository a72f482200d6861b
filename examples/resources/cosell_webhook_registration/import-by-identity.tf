import {
  to = cosell_webhook_registration.this
  identity = {
    tenant_id = "0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90"
  }
}
