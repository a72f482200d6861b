resource "cosell_field_mapping" "all" {
  for_each = {
    # Sellers keep the notes to Microsoft in a field of their own, and never get theirs overwritten.
    notes = { notes = { crm = "Notes_to_Microsoft__c", direction = "outbound" } }

    # Microsoft's closing date wins, on updates only.
    dates = { close_date = { on = ["update"], conflict = "partner_center" } }
  }

  crm      = "salesforce"
  name     = each.key
  mappings = each.value
}

# cosell_connector takes them whole: field_mappings = cosell_field_mapping.all
