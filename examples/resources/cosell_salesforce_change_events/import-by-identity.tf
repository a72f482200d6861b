import {
  to = cosell_salesforce_change_events.this
  identity = {
    channel = "ChangeEvents"
  }
}
