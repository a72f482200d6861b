terraform {
  required_version = ">= 1.11"

  required_providers {
    cosell = {
      source = "cosell-sync/cosell"
    }
  }
}

# The pins. Credentials come from the environment (COSELL_PARTNER_CENTER_… and COSELL_SALESFORCE_…). Where they lead to another tenant
# or organisation, as after working in the other directory, nothing is read or written and the plan fails.
provider "cosell" {
  partner_center = { tenant_id = var.tenant_id }
  salesforce     = { org_id = var.org_id }
}
