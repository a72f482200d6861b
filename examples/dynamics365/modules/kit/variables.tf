# --- this environment -------------------------------------------------------------------------------------------------

variable "name" {
  description = "Name of the connector: lower-case letters, digits and hyphens. It owns the agent's records, so it never changes."
  type        = string
}

variable "environment" {
  description = "Label of the environment, for people."
  type        = string
  default     = "production"
}

variable "partner_id" {
  description = "PartnerID of the location that co-sells; null takes the provider's."
  type        = string
  default     = null
}

variable "pins" {
  description = "The accounts that the agent may touch; null takes the provider's pins."
  type = object({
    tenant_id       = optional(string)
    organization_id = optional(string)
  })
  default = null
}

variable "deletion_protection" {
  description = "Whether destroying columns, tables and solution details, and the data in them, is refused."
  type        = bool
  default     = true
  nullable    = false
}

# --- Partner Center ---------------------------------------------------------------------------------------------------

variable "intake" {
  description = "How Partner Center's changes arrive: webhook, poll or both. With poll the tenant's webhook registration is left alone."
  type        = string
  default     = "webhook"
  nullable    = false

  validation {
    condition     = contains(["webhook", "poll", "both"], var.intake)
    error_message = "intake is webhook, poll or both."
  }
}

variable "webhook_url" {
  description = "Public address of the agent's webhook receiver, with a path that nobody guesses. Needed unless intake is poll."
  type        = string
  default     = null
}

variable "webhook_overwrite_existing" {
  description = "Whether the tenant's registration is taken over when it points somewhere else. The plan names the address that would lose its events."
  type        = bool
  default     = false
  nullable    = false
}

variable "referral_scope" {
  description = "Which referrals of the tenant are this connector's own; null takes all. Needed where the tenant's registration belongs to another installation."
  type = object({
    name_prefix = optional(string)
    solution_id = optional(string)
    partner_id  = optional(string)
    referrals   = optional(set(string))
  })
  default = null
}

variable "partner_center_writes" {
  description = "live sends writes to Partner Center, shadow computes and logs them only."
  type        = string
  default     = "live"
  nullable    = false
}

# --- the sales process ------------------------------------------------------------------------------------------------

variable "environment_variables" {
  description = "Values of cosell_environment_variable by name; all have defaults."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "stages" {
  description = "Status reasons that equal the stages of a deal, by label or number: on_hold (On Hold), active (In Progress), won (Won), lost (Canceled)."
  type = object({
    on_hold = optional(string)
    active  = optional(string)
    won     = optional(string)
    lost    = optional(string)
  })
  default  = {}
  nullable = false
}

variable "default_currency" {
  description = "ISO 4217 code for organisations with a single currency; null where opportunities have a currency of their own."
  type        = string
  default     = null
}

variable "marketplace_intent" {
  description = "What a new co-sell deal says about the customer's intent to buy in the marketplace; null takes the connector's default."
  type        = string
  default     = null
}

variable "disabled_flows" {
  description = "Flows that are declared but switched off. What they would do waits until they are switched on."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "leads" {
  description = "Whether leads are exchanged: a referral that nobody has accepted arrives as a lead, and is accepted when a seller converts the lead. Declares the fields of leads and the flow leads_to_partner_center."
  type        = bool
  default     = false
  nullable    = false
}

variable "sync_delay" {
  description = "How long after its last edit an opportunity is shared for the first time; null takes the connector's default."
  type        = string
  default     = null
}

variable "schedule" {
  description = "Intervals as Go durations, and where the first sweep of an empty store begins (RFC 3339); null takes the connector's defaults."
  type = object({
    poll       = optional(string)
    sweep      = optional(string)
    sweep_from = optional(string)
  })
  default = null
}

variable "account_match" {
  description = "How a referral's customer finds its account; null takes the connector's defaults."
  type = object({
    keys = optional(set(string))
    none = optional(string)
    many = optional(string)
  })
  default = null
}

variable "language" {
  description = "Language of what the agent writes into Audit and Sync Status: en, de, ja, zh-Hans or it; null takes the connector's default."
  type        = string
  default     = null
}

variable "fallback_owner" {
  description = "User name or e-mail address of the user who owns received deals whose referral names no user of the organisation; null: the agent's user."
  type        = string
  default     = null
}

variable "budgets" {
  description = "Limits that the agent keeps by slowing itself."
  type        = object({ crm_daily_calls = optional(number) })
  default     = null
}

variable "field_mappings" {
  description = "Changes to the default field mapping: name of the mapping, for people, to rows by field of the deal (see cosell_field_mapping)."
  type = map(map(object({
    partner_center = optional(string)
    crm            = optional(string)
    direction      = optional(string)
    on             = optional(set(string))
    conflict       = optional(string)
  })))
  default  = {}
  nullable = false
}

# --- the agent --------------------------------------------------------------------------------------------------------

variable "credentials" {
  description = "Where the agent finds its secrets: references (env:NAME or file:/path), never secrets."
  type = object({
    partner_center = object({
      client_id     = optional(string)
      client_secret = string
      refresh_token = string
    })
    dataverse = object({
      client_id     = optional(string)
      client_secret = optional(string)
      certificate   = optional(string)
      webhook_key   = optional(string)
    })
  })
}

variable "push" {
  description = "Where Dataverse tells the agent of changes at once: url, header_name (see cosell_dataverse_change_events) and poll (see cosell_connector); null: the agent only polls. Its key is the provider's dataverse.webhook_key, and the agent finds it by credentials.dataverse.webhook_key."
  type = object({
    url         = string
    header_name = optional(string, "x-cosell-key")
    poll        = optional(string)
  })
  default = null
}

# --- publisher and solution -------------------------------------------------------------------------------------------

variable "publisher" {
  description = "The publisher whose prefix begins the names of tables and columns. use = \"existing\" takes one that is there."
  type = object({
    use                 = optional(string, "managed")
    name                = optional(string, "cosell")
    display_name        = optional(string, "Co-sell")
    prefix              = optional(string, "cosell")
    option_value_prefix = optional(number, 80424)
  })
  default  = {}
  nullable = false
}

variable "solution" {
  description = "The unmanaged solution that holds what is made here. use = \"existing\" takes one that is there."
  type = object({
    use          = optional(string, "managed")
    name         = optional(string, "cosell")
    display_name = optional(string, "Co-sell with Microsoft Partner Center")
    version      = optional(string, "1.0.0.0")
  })
  default  = {}
  nullable = false
}

# --- the catalogue ----------------------------------------------------------------------------------------------------

variable "solutions" {
  description = "Co-sell ready solutions that sellers can choose: rows of the solution detail table."
  type = list(object({
    solution_id = string
    name        = string
    type        = optional(string) # 1p, 3p or own
    publisher   = optional(string)
  }))
  default  = []
  nullable = false
}

variable "solutions_file" {
  description = "Path of a CSV file with the columns solution_id, name, type and publisher, beside or instead of solutions. An empty cell is no value."
  type        = string
  default     = null
}

# --- the form -----------------------------------------------------------------------------------------------------------

variable "form" {
  description = "Main form of the opportunity, by name or id, that gets the section and the list of solutions; null leaves all forms alone."
  type        = string
  default     = "Opportunity"
}

variable "form_section" {
  description = "The section: its name within the form, its heading, and its tab (null: the first). enabled = false leaves it out."
  type = object({
    enabled = optional(bool, true)
    name    = optional(string, "microsoft_partner_center")
    label   = optional(string, "Microsoft Partner Center")
    tab     = optional(string)
  })
  default  = {}
  nullable = false
}

variable "solutions_grid" {
  description = "The list of solutions: its name within the form, its heading, and its tab. relationship is needed where the lookup is not declared here. enabled = false leaves it out."
  type = object({
    enabled      = optional(bool, true)
    name         = optional(string, "microsoft_solutions")
    label        = optional(string, "Microsoft Solutions")
    tab          = optional(string)
    relationship = optional(string)
  })
  default  = {}
  nullable = false
}

# --- an installation that is adopted ----------------------------------------------------------------------------------

variable "tables" {
  description = "Overrides of the tables by role (solution, solution_detail). use is managed (declared here) or existing (used under its name)."
  type = map(object({
    use            = optional(string)
    name           = optional(string)
    label          = optional(string)
    plural_label   = optional(string)
    description    = optional(string)
    ownership      = optional(string)
    primary_column = optional(object({ name = string, label = string, max_length = optional(number), auto_number_format = optional(string) }))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.tables), ["solution", "solution_detail"])) == 0
    error_message = "tables has the roles solution and solution_detail."
  }
  validation {
    condition     = alltrue([for table in var.tables : contains(["managed", "existing"], coalesce(table.use, "managed"))])
    error_message = "use of a table is managed or existing."
  }
}

variable "columns" {
  description = "Overrides of the columns by role (see columns.tf). use is managed (declared here), existing (used under its name) or none (left out)."
  type = map(object({
    use                = optional(string)
    name               = optional(string)
    label              = optional(string)
    type               = optional(string)
    description        = optional(string)
    required_level     = optional(string)
    max_length         = optional(number)
    format             = optional(string)
    auto_number_format = optional(string)
    precision          = optional(number)
    default_value      = optional(bool)
    true_label         = optional(string)
    false_label        = optional(string)
    options            = optional(list(object({ value = optional(number), label = string })))
    global_choice      = optional(string)
    target_table       = optional(string)
    relationship_name  = optional(string)
    on_delete          = optional(string)
    unique             = optional(bool)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for column in var.columns : contains(["managed", "existing", "none"], coalesce(column.use, "managed"))])
    error_message = "use of a column is managed, existing or none."
  }
}

variable "products_column" {
  description = "Name of the text column in which an old installation listed solution ids; null where there is none."
  type        = string
  default     = null
}
