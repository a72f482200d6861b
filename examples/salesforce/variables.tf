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

variable "deletion_protection" {
  description = "Whether destroying fields, objects and solution details, and the data in them, is refused. Set it to false, and apply, before a destroy that is meant."
  type        = bool
  default     = true
}

# --- Partner Center ---------------------------------------------------------------------------------------------------

variable "intake" {
  description = "How Partner Center's changes arrive: webhook, poll or both. An environment that shares its tenant with production polls."
  type        = string
  default     = "webhook"
}

variable "webhook_url" {
  description = "Public address of the agent's webhook receiver, with a path that nobody guesses. Partner Center calls it. Needed unless intake is poll."
  type        = string
  default     = null
}

variable "webhook_overwrite_existing" {
  description = "Whether the tenant's webhook registration is taken over from another address. The plan names that address."
  type        = bool
  default     = false
}

variable "referral_scope" {
  description = "Which of the tenant's referrals are this connector's own; null takes all. Needed where the tenant's registration belongs to another installation."
  type = object({
    name_prefix = optional(string)
    solution_id = optional(string)
    partner_id  = optional(string)
    referrals   = optional(set(string))
  })
  default = null
}

variable "partner_center_writes" {
  description = "live sends writes to Partner Center; shadow computes and logs them only."
  type        = string
  default     = "live"
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

variable "environment_variables" {
  description = "Further settings by name, such as display_check_mark_in_opportunity_name or deal_value_field (see cosell_environment_variable)."
  type        = map(string)
  default     = {}
}

variable "field_mappings" {
  description = "Changes to the default field mapping: name, for people, to rows by field of the deal (see cosell_field_mapping)."
  type = map(map(object({
    partner_center = optional(string)
    crm            = optional(string)
    direction      = optional(string)
    on             = optional(set(string))
    conflict       = optional(string)
  })))
  default = {}
}

variable "disabled_flows" {
  description = "Flows that are declared but switched off. What they would do waits until they are switched on."
  type        = set(string)
  default     = []
}

variable "leads" {
  description = "Whether leads are exchanged, too: they arrive as leads, and converting one accepts it. The variables sync_co_sell_opportunities_only and lead_status_name belong to it."
  type        = bool
  default     = false
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

# --- people and solutions ---------------------------------------------------------------------------------------------

variable "sellers" {
  description = "User names of the sellers who get the permission set Cosell_Seller. It can also be assigned elsewhere."
  type        = set(string)
  default     = []
}

variable "catalogue_managers" {
  description = "User names of those who keep the solution details: the provider's own user when solutions are declared, and administrators."
  type        = set(string)
  default     = []
}

variable "solutions_file" {
  description = "CSV file of co-sell ready solutions, with the columns solution_id, name, type (1p, 3p or own) and publisher; null for none."
  type        = string
  default     = null
}

variable "solutions" {
  description = "Co-sell ready solutions, beside or instead of a file."
  type = list(object({
    solution_id = string
    name        = string
    type        = optional(string)
    publisher   = optional(string)
  }))
  default = []
}

# --- the opportunity's page -------------------------------------------------------------------------------------------

variable "opportunity_layout" {
  description = "Layout that gets the section of fields and the related lists; null leaves all layouts alone."
  type        = string
  default     = "Opportunity Layout"
}

variable "layout_section" {
  description = "The section: its heading, and the section that it follows (null: the last one). enabled = false leaves it out."
  type = object({
    enabled = optional(bool, true)
    label   = optional(string, "Microsoft Partner Center")
    after   = optional(string)
  })
  default = {}
}

variable "related_lists" {
  description = "Related lists that the layout gets. Leave out what it has already, or import it."
  type        = set(string)
  default     = ["notes", "opportunity_team", "solutions"]
}

# --- an installation that is adopted ----------------------------------------------------------------------------------
# Where fields exist under other names or with other definitions, say so here and import them: see adopt.tf.example. The types
# of these variables, and what each attribute does, are in modules/kit/variables.tf.

variable "field_overrides" {
  description = "Overrides of fields by role, such as { audit = { name = \"MS_Audit__c\", length = 100000 } }."
  type        = any
  default     = {}

  # Terraform drops attributes that a variable's type does not have, and a misspelt one with them.
  validation {
    condition = alltrue([for field in values(var.field_overrides) : length(setsubtract(keys(field), [
      "use", "name", "label", "type", "description", "help_text", "length", "precision", "scale", "visible_lines", "required", "unique",
      "case_sensitive", "external_id", "track_history", "default_value", "picklist", "lookup",
    ])) == 0])
    error_message = "field_overrides has an attribute that fields do not have; modules/kit/variables.tf lists them."
  }
}

variable "object_overrides" {
  description = "Overrides of the objects by role: solution, solution_detail."
  type        = any
  default     = {}

  validation {
    condition = alltrue([for object in values(var.object_overrides) : length(setsubtract(keys(object), [
      "use", "name", "label", "plural_label", "description", "sharing_model", "deployment_status", "enable_history", "enable_reports",
      "enable_activities", "name_field",
    ])) == 0])
    error_message = "object_overrides has an attribute that objects do not have; modules/kit/variables.tf lists them."
  }
}

variable "products_field" {
  description = "API name of the text field in which an old installation listed solution ids; null where there is none."
  type        = string
  default     = null
}

# --- the agent's accounts ---------------------------------------------------------------------------------------------
# Secrets are references: "env:NAME" is read from the agent's environment, "file:/path" from its file system.

variable "agent_salesforce_username" {
  description = "Salesforce user of the agent. It is assigned the permission set Cosell_Agent."
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
