terraform {
  required_version = ">= 1.11"

  required_providers {
    cosell = {
      source = "cosell-sync/cosell"
    }
  }
}

provider "cosell" {}
