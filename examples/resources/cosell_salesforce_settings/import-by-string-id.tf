import {
  to = cosell_salesforce_settings.this
  id = "current"
}
