# --- this environment -------------------------------------------------------------------------------------------------

variable "name" {
  description = "Name of the connector: lower-case letters, digits and hyphens. It owns the agent's records, so it never changes."
  type        = string
  default     = "contoso-salesforce"
}

variable "environment" {
  description = "Label of the environment, for people."
  type        = string
  default     = "production"
}

variable "webhook_url" {
  description = "Public address of the agent's webhook receiver, with a path that nobody guesses. Partner Center calls it."
  type        = string
}

variable "deletion_protection" {
  description = "Whether destroying fields and objects, and the data in them, is refused. Set it to false, and apply, before a destroy that is meant."
  type        = bool
  default     = true
}

# --- the sales process ------------------------------------------------------------------------------------------------

variable "on_hold_stage_name" {
  description = "Opportunity stage in which a new referral from Microsoft waits. Leaving it accepts the referral; a stage of its own is best."
  type        = string
  default     = "Prospecting"
}

variable "active_stage_name" {
  description = "Opportunity stage that equals an accepted referral."
  type        = string
  default     = "Qualification"
}

variable "won_stage_name" {
  description = "Stage for won deals; null takes the organisation's first won stage."
  type        = string
  default     = null
}

variable "lost_stage_name" {
  description = "Stage for lost and declined deals; null takes the organisation's first lost stage."
  type        = string
  default     = null
}

variable "default_currency" {
  description = "ISO 4217 code for organisations with a single currency; null where opportunities have a currency of their own."
  type        = string
  default     = null
}

variable "disabled_flows" {
  description = "Flows that are declared but switched off. What they would do waits until they are switched on."
  type        = set(string)
  default     = []
}

# --- how fast ---------------------------------------------------------------------------------------------------------

variable "poll_interval" {
  description = "How often the agent asks for changes that no event announces, as a Go duration."
  type        = string
  default     = "10s"
}

variable "sync_delay" {
  description = "How long after its last edit an opportunity is shared for the first time, so that a seller can finish it."
  type        = string
  default     = "20s"
}

# --- the agent's accounts ---------------------------------------------------------------------------------------------
# Secrets are references: "env:NAME" is read from the agent's environment, "file:/path" from its file system.

variable "agent_salesforce_username" {
  description = "Salesforce user of the agent. It is assigned the permission set below."
  type        = string
}

variable "agent_salesforce_client_id" {
  description = "Consumer key of the agent's External Client App (or connected app)."
  type        = string
}

variable "agent_salesforce_private_key" {
  description = "Reference to the private key of the agent's app (JWT bearer flow)."
  type        = string
  default     = "env:COSELL_AGENT_SALESFORCE_PRIVATE_KEY"
}

variable "agent_partner_center_client_secret" {
  description = "Reference to the secret of the Entra application."
  type        = string
  default     = "env:COSELL_PARTNER_CENTER_CLIENT_SECRET"
}

variable "agent_partner_center_refresh_token" {
  description = "Reference to the refresh token of a user with the role Referrals admin."
  type        = string
  default     = "env:COSELL_PARTNER_CENTER_REFRESH_TOKEN"
}
