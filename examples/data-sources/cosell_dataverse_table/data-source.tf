data "cosell_dataverse_table" "opportunity" {
  name = "opportunity"
}

output "is_tracked" {
  value = data.cosell_dataverse_table.opportunity.change_tracking
}

check "adopted" {
  assert {
    condition     = contains(keys(data.cosell_dataverse_table.opportunity.columns), "msft_syncwithpartnercenter")
    error_message = "Microsoft's solution is not installed under the prefix msft."
  }
}
