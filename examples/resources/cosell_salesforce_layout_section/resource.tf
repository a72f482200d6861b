resource "cosell_salesforce_custom_field" "sync" {
  object = "Opportunity"
  name   = "Sync_with_Partner_Center__c"
  label  = "Sync with Partner Center"
  type   = "checkbox"
}

resource "cosell_salesforce_custom_field" "status" {
  object = "Opportunity"
  name   = "Sync_Status__c"
  label  = "Sync Status"
  type   = "text"
  length = 255
}

resource "cosell_salesforce_layout_section" "partner_center" {
  object  = "Opportunity"
  layout  = "Opportunity Layout"
  label   = "Microsoft Partner Center"
  columns = 2
  after   = "Opportunity Information"

  fields = [
    { name = cosell_salesforce_custom_field.sync.name },
    { name = cosell_salesforce_custom_field.status.name, behavior = "readonly" },
  ]
}
