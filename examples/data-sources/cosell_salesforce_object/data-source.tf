data "cosell_salesforce_object" "opportunity" {
  name = "Opportunity"
}

output "stages" {
  value = [for v in data.cosell_salesforce_object.opportunity.fields["StageName"].picklist_values : v.value if v.active]
}

# Fields that whatever creates an opportunity must fill.
output "required_fields" {
  value = [for name, field in data.cosell_salesforce_object.opportunity.fields : name if field.required]
}
