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

variable "webhook_url" {
  description = "Public address of the agent's webhook receiver, with a path that nobody guesses. Partner Center calls it."
  type        = string
}

variable "deletion_protection" {
  description = "Whether destroying fields, objects and solution details, and the data in them, is refused. Set it to false, and apply, before a destroy that is meant."
  type        = bool
  default     = true
}

variable "sellers" {
  description = "User names of the sellers who share opportunities."
  type        = set(string)
  default     = []
}
