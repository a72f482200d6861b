import {
  to = cosell_webhook_registration.this
  id = "current"
}
