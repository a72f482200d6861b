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
    tenant_id = optional(string)
    org_id    = optional(string)
  })
  default = null
}

variable "deletion_protection" {
  description = "Whether destroying fields, objects and solution details, and the data in them, is refused."
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
  description = "Values of cosell_environment_variable by name. active_stage_name and on_hold_stage_name are needed; the others have defaults."
  type        = map(string)
}

variable "stages" {
  description = "Stages for closed deals; null takes the organisation's first."
  type = object({
    won  = optional(string)
    lost = optional(string)
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

variable "agent_username" {
  description = "Salesforce user of the agent. The permission set Cosell_Agent is assigned to it."
  type        = string
}

variable "credentials" {
  description = "Where the agent finds its secrets: references (env:NAME or file:/path), never secrets."
  type = object({
    partner_center = object({
      client_id     = optional(string)
      client_secret = string
      refresh_token = string
    })
    salesforce = object({
      client_id     = optional(string)
      username      = optional(string)
      private_key   = optional(string)
      client_secret = optional(string)
    })
  })
}

# --- people -----------------------------------------------------------------------------------------------------------

variable "sellers" {
  description = "User names of the sellers who get the permission set Cosell_Seller. It can also be assigned elsewhere, to a permission set group for example."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "catalogue_managers" {
  description = "User names of those who keep the solution details: the provider's own user when solutions are declared here, and administrators. They get the permission set Cosell_Catalogue."
  type        = set(string)
  default     = []
  nullable    = false
}

# --- solutions --------------------------------------------------------------------------------------------------------

variable "solutions" {
  description = "Co-sell ready solutions that sellers can choose: records of the solution detail object."
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

# --- the page layout --------------------------------------------------------------------------------------------------

variable "layout" {
  description = "Layout of the opportunity that gets the section and the related lists; null leaves all layouts alone."
  type        = string
  default     = "Opportunity Layout"
}

variable "section" {
  description = "The section of the layout: its heading, and the section that it follows (null: the last one). enabled = false leaves it out."
  type = object({
    enabled = optional(bool, true)
    label   = optional(string, "Microsoft Partner Center")
    after   = optional(string)
  })
  default  = {}
  nullable = false
}

variable "related_lists" {
  description = "Related lists that the layout gets: notes, opportunity_team, solutions. Leave out what it has already, or import it."
  type        = set(string)
  default     = ["notes", "opportunity_team", "solutions"]
  nullable    = false

  validation {
    condition     = alltrue([for list in var.related_lists : contains(["notes", "opportunity_team", "solutions"], list)])
    error_message = "related_lists holds notes, opportunity_team and solutions."
  }
}

# --- names and definitions that differ from the kit's, as in an installation that is adopted ----------------------------

variable "objects" {
  description = <<-EOT
    Overrides of the two objects, by role: solution, solution_detail. What is left out stays as in objects.tf.
    With use = "existing" the object is used under its name but not declared: it belongs to a package or to other code.
  EOT
  type = map(object({
    use               = optional(string, "managed")
    name              = optional(string)
    label             = optional(string)
    plural_label      = optional(string)
    description       = optional(string)
    sharing_model     = optional(string)
    deployment_status = optional(string)
    enable_history    = optional(bool)
    enable_reports    = optional(bool)
    enable_activities = optional(bool)
    name_field = optional(object({
      label           = string
      type            = optional(string)
      display_format  = optional(string)
      starting_number = optional(number)
    }))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.objects), ["solution", "solution_detail"])) == 0
    error_message = "objects has the roles solution and solution_detail."
  }

  validation {
    condition     = alltrue([for object in var.objects : contains(["managed", "existing"], object.use)])
    error_message = "use of an object is managed or existing."
  }
}

variable "fields" {
  description = <<-EOT
    Overrides of fields, by role: the keys of local.kit_fields in fields.tf. What is left out stays as there, but another type starts
    without the attributes of the former one. An empty description, help_text or default_value is none.
    With use = "existing" the field is used under its name but not declared: it belongs to a package or to other code.
    With use = "none" the connector does without it.
  EOT
  type = map(object({
    use            = optional(string, "managed")
    name           = optional(string)
    label          = optional(string)
    type           = optional(string)
    description    = optional(string)
    help_text      = optional(string)
    length         = optional(number)
    precision      = optional(number)
    scale          = optional(number)
    visible_lines  = optional(number)
    required       = optional(bool)
    unique         = optional(bool)
    case_sensitive = optional(bool)
    external_id    = optional(bool)
    track_history  = optional(bool)
    default_value  = optional(string)
    picklist = optional(object({
      restricted       = optional(bool)
      sorted           = optional(bool)
      global_value_set = optional(string)
      values = optional(list(object({
        name    = string
        label   = optional(string)
        default = optional(bool)
        active  = optional(bool)
      })))
    }))
    lookup = optional(object({
      object             = string
      relationship_name  = optional(string)
      relationship_label = optional(string)
      on_delete          = optional(string)
    }))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for field in var.fields : contains(["managed", "existing", "none"], field.use)])
    error_message = "use of a field is managed, existing or none."
  }
}

variable "products_field" {
  description = "API name of the text field in which an old installation listed solution ids. The agent may read it; it is never declared and never shown. Null where there is none."
  type        = string
  default     = null
}
