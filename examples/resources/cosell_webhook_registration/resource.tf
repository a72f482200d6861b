resource "cosell_webhook_registration" "this" {
  url = "https://agent.example.com/hooks/4f0c9a7d2b61"

  # The tenant has one registration. Set this to take it over from another installation, which then receives nothing.
  overwrite_existing = false
}
