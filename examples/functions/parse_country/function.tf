output "country" {
  value = provider::cosell::parse_country("Norge") # NO
}
