variable "tenant_id" {
  description = "Microsoft Entra tenant of the Partner Center account: a pin."
  type        = string
}

variable "org_id" {
  description = "Id of this environment's Salesforce organisation: a pin."
  type        = string
}

variable "catalogue_managers" {
  description = "User names of those who keep the solution details; the provider's own user is one."
  type        = set(string)
}

variable "agent" {
  description = "The agent's Salesforce user and app, and references to its secrets, as in modules/connector/variables.tf."
  type = object({
    username                     = string
    client_id                    = string
    private_key                  = optional(string)
    partner_center_client_secret = optional(string)
    partner_center_refresh_token = optional(string)
  })
}

variable "poll_interval" {
  description = "How often the agent asks for changes that no event announces, as a Go duration."
  type        = string
  default     = null
}

variable "scope_prefix" {
  description = "Referrals whose names begin with it are staging's own."
  type        = string
  default     = "[staging] "

  validation {
    condition     = trimspace(var.scope_prefix) != ""
    error_message = "scope_prefix must not be empty: staging would take every referral of the tenant."
  }
}

variable "partner_center_writes" {
  description = "shadow computes writes to Partner Center and shows them; live sends them, for the referrals of the scope."
  type        = string
  default     = "shadow"
}
