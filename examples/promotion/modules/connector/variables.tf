# Only what differs between environments is a variable. What they have in common is in sales.tf.

variable "name" {
  description = "Name of the connector: lower-case letters, digits and hyphens. It owns the agent's records, so it never changes."
  type        = string
}

variable "environment" {
  description = "Label of the environment: staging or production."
  type        = string

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment is staging or production."
  }
}

variable "deletion_protection" {
  description = "Whether destroying fields, objects and solution details, and the data in them, is refused."
  type        = bool
  default     = true
  nullable    = false
}

variable "intake" {
  description = "How Partner Center's changes arrive: webhook or poll. A tenant has one webhook registration, and it is production's."
  type        = string

  validation {
    condition     = var.intake == (var.environment == "production" ? "webhook" : "poll")
    error_message = "Production has the tenant's webhook registration (intake = \"webhook\"); staging polls (intake = \"poll\")."
  }
}

variable "webhook_url" {
  description = "Public address of the agent's webhook receiver; null where intake is poll."
  type        = string
  default     = null
}

variable "referral_scope" {
  description = "Which of the tenant's referrals are this environment's own; null takes all."
  type = object({
    name_prefix = optional(string)
    solution_id = optional(string)
    partner_id  = optional(string)
    referrals   = optional(set(string))
  })
  default = null

  validation {
    condition     = var.environment != "staging" || var.referral_scope != null
    error_message = "Staging sees every referral of the tenant that it shares with production. Say which are its own: referral_scope."
  }
}

variable "partner_center_writes" {
  description = "live sends writes to Partner Center; shadow computes and shows them only."
  type        = string
  default     = "live"
  nullable    = false
}

variable "poll_interval" {
  description = "How often the agent asks for changes that no event announces, as a Go duration."
  type        = string
  default     = "10s"
  nullable    = false
}

variable "sellers" {
  description = "User names of the sellers who share opportunities."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "catalogue_managers" {
  description = "User names of those who keep the solution details; the provider's own user is one."
  type        = set(string)
}

variable "agent" {
  description = "The agent's Salesforce user and app, and references to its secrets: env:NAME or file:/path, never a secret."
  type = object({
    username                     = string
    client_id                    = string
    private_key                  = optional(string, "env:COSELL_AGENT_SALESFORCE_PRIVATE_KEY")
    partner_center_client_secret = optional(string, "env:COSELL_PARTNER_CENTER_CLIENT_SECRET")
    partner_center_refresh_token = optional(string, "env:COSELL_PARTNER_CENTER_REFRESH_TOKEN")
  })
}
