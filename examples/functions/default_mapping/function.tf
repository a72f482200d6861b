output "fields_of_a_deal" {
  value = keys(provider::cosell::default_mapping("salesforce"))
}
