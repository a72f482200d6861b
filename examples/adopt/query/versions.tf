terraform {
  required_version = ">= 1.14" # older tools do not know queries

  required_providers {
    cosell = {
      source = "cosell-sync/cosell"
    }
  }
}

provider "cosell" {}
