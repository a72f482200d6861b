terraform {
  required_version = ">= 1.11"

  required_providers {
    cosell = {
      source = "cosell-sync/cosell"
    }
  }
}

# The provider is configured by environment variables only (COSELL_PARTNER_CENTER_…, COSELL_SALESFORCE_… and, for the environment
# in which the flows are, COSELL_DATAVERSE_…), so that no
# secret comes near a file, a plan or a state. Each attribute of the provider's documentation names its variable.
provider "cosell" {}
