list "cosell_webhook_registration" "tenant" {
  provider         = cosell
  include_resource = true
}
