resource "cosell_field_mapping" "all" {
  for_each = {
    # Sellers keep the notes to Microsoft in a field of their own, and never get theirs overwritten.
    notes = { notes = { crm = "Notes_to_Microsoft__c", direction = "outbound" } }

    # Microsoft's closing date wins, on updates only.
    dates = { close_date = { on = ["update"], conflict = "partner_center" } }

    # What the organisation demands of every opportunity, and Microsoft does not know.
    required = {
      record_type = { crm = "Type", direction = "inbound", on = ["create"], constant = "New Customer" }
      deal_size = {
        crm                = "Deal_Size__c"
        direction          = "inbound"
        inbound_expression = "number(referral.details.dealValue) >= 100000.0 ? \"Large\" : \"Small\""
      }
    }

    # The forecast category is Partner Center's sales stage; where both changed, a person decides.
    stages = {
      sales_stage = {
        partner_center = "salesStage"
        crm            = "ForecastCategoryName"
        conflict       = "manual"
        values = [
          { crm = "Pipeline", partner_center = "20" },
          { crm = "Best Case", partner_center = "60" },
          { crm = "Commit", partner_center = "80" },
        ]
      }
    }

    # The campaign is named after the account's owner.
    campaign = {
      campaign = {
        partner_center      = "campaignId"
        direction           = "outbound"
        outbound_expression = "lower(text(record.Account.Owner.Email).split(\"@\")[0])"
        default             = "unassigned"
      }
    }
  }

  crm      = "salesforce"
  name     = each.key
  mappings = each.value
}

# cosell_connector takes them whole: field_mappings = cosell_field_mapping.all
