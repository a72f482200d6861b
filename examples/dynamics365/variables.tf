# --- this environment -------------------------------------------------------------------------------------------------

variable "name" {
  description = "Name of the connector: lower-case letters, digits and hyphens. It owns the agent's records, so it never changes."
  type        = string
  default     = "contoso-dynamics365"
}

variable "environment" {
  description = "Label of the environment, for people."
  type        = string
  default     = "production"
}

variable "deletion_protection" {
  description = "Whether destroying columns, tables and solution details, and the data in them, is refused. Set it to false, and apply, before a destroy that is meant."
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

variable "stages" {
  description = "Status reasons of opportunities that equal the stages of a deal, by label or number; each has a default. A status reason of its own for deals that wait is best."
  type = object({
    on_hold = optional(string) # On Hold: leaving it accepts the referral
    active  = optional(string) # In Progress
    won     = optional(string) # Won
    lost    = optional(string) # Canceled
  })
  default = {}
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

variable "push_url" {
  description = "Public address of the agent's webhook receiver, on port 443 or 80 and with a path of its own, at which Dataverse tells of changes at once; null: the agent only polls. The key that goes with them is COSELL_DATAVERSE_WEBHOOK_KEY, of Terraform as well as of the agent."
  type        = string
  default     = null
}

variable "sync_delay" {
  description = "How long after its last edit an opportunity is shared for the first time, so that a seller can finish it."
  type        = string
  default     = "20s"
}

# --- solutions --------------------------------------------------------------------------------------------------------

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

# --- the opportunity's form -------------------------------------------------------------------------------------------

variable "opportunity_form" {
  description = "Main form that gets the section of columns and the list of solutions, by name or id; null leaves all forms alone."
  type        = string
  default     = "Opportunity"
}

variable "form_section" {
  description = "The section: enabled, name, label and tab."
  type        = any
  default     = {}
}

variable "solutions_grid" {
  description = "The list of solutions: enabled, name, label, tab, and the relationship where the lookup is not declared here."
  type        = any
  default     = {}
}

# --- names, and an installation that is adopted -----------------------------------------------------------------------
# Where tables and columns exist under other names, as Microsoft's own solution makes them, say so here; import what is to be managed.
# The types of these variables, and what each attribute does, are in modules/kit/variables.tf.

variable "publisher" {
  description = "Overrides of the publisher: use (managed or existing), name, display_name, prefix, option_value_prefix."
  type        = any
  default     = {}
}

variable "solution" {
  description = "Overrides of the solution: use (managed or existing), name, display_name, version."
  type        = any
  default     = {}
}

variable "column_overrides" {
  description = "Overrides of columns by role, such as { audit = { use = \"existing\", name = \"msft_Audit\" } }."
  type        = any
  default     = {}

  # Terraform drops attributes that a variable's type does not have, and a misspelt one with them.
  validation {
    condition = alltrue([for column in values(var.column_overrides) : length(setsubtract(keys(column), [
      "use", "name", "label", "type", "description", "required_level", "max_length", "format", "auto_number_format", "precision", "default_value",
      "true_label", "false_label", "options", "global_choice", "target_table", "relationship_name", "on_delete", "unique",
    ])) == 0])
    error_message = "column_overrides has an attribute that columns do not have; modules/kit/variables.tf lists them."
  }
}

variable "table_overrides" {
  description = "Overrides of the tables by role: solution, solution_detail."
  type        = any
  default     = {}

  validation {
    condition = alltrue([for table in values(var.table_overrides) : length(setsubtract(keys(table), [
      "use", "name", "label", "plural_label", "description", "ownership", "primary_column",
    ])) == 0])
    error_message = "table_overrides has an attribute that tables do not have; modules/kit/variables.tf lists them."
  }
}

# --- the agent's accounts ---------------------------------------------------------------------------------------------
# Secrets are references: "env:NAME" is read from the agent's environment, "file:/path" from its file system. The application is an
# application user of the environment with a security role that may read, create and write opportunities, leads, accounts, contacts,
# connections and the two tables of this kit, in the whole organisation.

variable "agent_dataverse_client_id" {
  description = "Application (client) id of the agent's Entra application, which is an application user of the environment."
  type        = string
}

variable "agent_dataverse_client_secret" {
  description = "Reference to the secret of the agent's application; null where a certificate is used."
  type        = string
  default     = null
}

variable "agent_dataverse_certificate" {
  description = "Reference to the certificate of the agent's application with its key (PEM); null where a secret is used."
  type        = string
  default     = null
}

variable "agent_dataverse_webhook_key" {
  description = "Reference to the key by which the agent knows what Dataverse tells. Used with push_url."
  type        = string
  default     = "env:COSELL_DATAVERSE_WEBHOOK_KEY"
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
