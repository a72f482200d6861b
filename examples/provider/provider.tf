terraform {
  required_providers {
    cosell = {
      source = "cosell-sync/cosell"
    }
  }
}

# Secrets come from the environment: COSELL_PARTNER_CENTER_CLIENT_SECRET, and COSELL_SALESFORCE_PRIVATE_KEY or
# COSELL_SALESFORCE_PRIVATE_KEY_FILE, and for Dynamics 365 COSELL_DATAVERSE_CERTIFICATE_FILE. Everything else may come from there too; then the block stays empty.
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

  dataverse = {
    environment_url = "https://contoso.crm4.dynamics.com"
    tenant_id       = "0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90"
    client_id       = "8d1f7c55-2f0e-4c5a-9e56-0b6f2a3c4d5e"
    organization_id = "7f3a2c10-5b1e-4b6f-9d0c-3f2e1d0c9b8a"
  }
}
