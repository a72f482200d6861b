import {
  to = cosell_salesforce_change_events.this
  id = "ChangeEvents"
}
