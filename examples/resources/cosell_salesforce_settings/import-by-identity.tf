import {
  to = cosell_salesforce_settings.this
  identity = {
    org_id = "00D5g000004AbCdEAK"
  }
}
