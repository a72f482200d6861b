terraform {
  required_providers {
    cosell = {
      source = "cosell-sync/cosell"
    }
  }
}

# Secrets come from the environment: COSELL_PARTNER_CENTER_CLIENT_SECRET, and COSELL_SALESFORCE_PRIVATE_KEY or
# COSELL_SALESFORCE_PRIVATE_KEY_FILE. Everything else may come from there too; then the block stays empty.
provider "cosell" {
  partner_center = {
    tenant_id  = "0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90"
    client_id  = "5c1f9b1e-7f43-4b0e-8d2f-6c1f0a9d3e77"
    partner_id = "1234567"
  }

  salesforce = {
    login_url = "https://contoso.my.salesforce.com"
    client_id = "3MVG9exampleConsumerKey"
    username  = "terraform@contoso.example.com"
    org_id    = "00D5g000004AbCdEAK" # nothing is done in any other organisation
  }
}
