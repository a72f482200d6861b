# The id is the tenant's, or "current": a tenant has one registration.
terraform import cosell_webhook_registration.this current
