# --- the cut-over -----------------------------------------------------------------------------------------------------

variable "cut_over" {
  description = "false: Microsoft's flows are on, and the registration is theirs. true: they are off, and it is the agent's."
  type        = bool
}

variable "microsoft_webhook_url" {
  description = "The address that the tenant's registration points to now, the HTTP POST URL of Microsoft's flow from Partner Center. Its signature is a secret: give it as TF_VAR_microsoft_webhook_url."
  type        = string
}

variable "webhook_url" {
  description = "Public address of the agent's webhook receiver, with a path that nobody guesses."
  type        = string
}

variable "sweep_from" {
  description = "Where the agent's first sweep begins (RFC 3339); null takes the time of the plan that cuts over. An earlier time looks at more."
  type        = string
  default     = null
}

variable "drain_quiet" {
  description = "How long no run of a flow may be under way or newly ended, as a Go duration: longer than a run usually takes. It counts three times, because flows call each other."
  type        = string
  default     = "2m"
}

variable "drain_timeout" {
  description = "How long an apply waits for the runs of a flow, as a Go duration."
  type        = string
  default     = "30m"
}

variable "microsoft_flows" {
  description = "The cloud flows of Microsoft's solution, by name, or by id where several have the name. Editions differ: take the names from Power Automate."
  type        = set(string)
  default = [
    "Partner Center Webhook Registration (Insider Preview)",
    "[Customize] Create or Get Details from Salesforce",
    "Create Co-sell Referral - Salesforce to Partner Center (Insider Preview)",
    "Partner Center Microsoft Co-sell Referral Updates to Salesforce (Insider Preview)",
    "Partner Center to Salesforce (Insider Preview)",
    "Salesforce to Partner Center (Insider Preview)",
    "Salesforce Opportunity to Partner Center (Insider Preview)",
    "Salesforce Microsoft Solutions to Partner Center (Insider Preview)",
    "Salesforce Leads to Partner Center (Insider Preview)",
  ]
}

variable "microsoft_variables" {
  description = "The settings that are taken over: the variable here, to the schema name of Microsoft's environment variable."
  type        = map(string)
  default = {
    active_stage_name                      = "msft_activestagename"
    on_hold_stage_name                     = "msft_onholdstagename"
    customer_account_country_code_field    = "msft_customeraccountcountrycode"
    deal_value_field                       = "msft_dealvaluefield"
    deal_value_currency_code_field         = "msft_dealcurrencycodefield"
    display_check_mark_in_opportunity_name = "msft_displaycheckmarkinname"
    sync_co_sell_opportunities_only        = "msft_synccosellopportunitiesonly"
  }
}

variable "environment_variables" {
  description = "Settings that differ from Microsoft's, or have no counterpart there, by name (see cosell_environment_variable)."
  type        = map(string)
  default     = {}
}

# --- what Microsoft's package made in Salesforce -----------------------------------------------------------------------
# Fields and objects that are there are used under their names, and neither declared nor changed: what the agent writes into them is what the
# flows find when one goes back. Roles that are not named get fields of the kit's own.

variable "microsoft_fields" {
  description = "Full name of each existing field by role; take them from Setup, Object Manager."
  type        = map(string)
  default = {
    sync_with_partner_center = "Sync_with_Partner_Center__c"
    how_can_microsoft_help   = "How_can_Microsoft_help__c"
    referral_identifier      = "Referral_Identifier__c"
    referral_link            = "Referral_Link__c"
    audit                    = "Audit__c"

    solution_opportunity = "Opportunity__c"
    solution_identifier  = "Solution_Identifier__c"
  }
}

variable "microsoft_objects" {
  description = "Name of each existing object by role: the solutions of an opportunity, and solution_detail where there is a catalogue of them. Their fields are the roles solution_… of microsoft_fields."
  type        = map(string)
  default     = { solution = "Microsoft_Solution__c" }
}

# --- this environment -------------------------------------------------------------------------------------------------

variable "name" {
  description = "Name of the connector: lower-case letters, digits and hyphens. It owns the agent's records, so it never changes."
  type        = string
  default     = "contoso-salesforce"
}

variable "deletion_protection" {
  description = "Whether destroying what the kit makes, and the data in it, is refused."
  type        = bool
  default     = true
}

variable "default_currency" {
  description = "ISO 4217 code for organisations with a single currency; null where opportunities have a currency of their own."
  type        = string
  default     = null
}

variable "leads" {
  description = "Whether leads are exchanged, too."
  type        = bool
  default     = false
}

variable "poll_interval" {
  description = "How often the agent asks for changes that no event announces, as a Go duration."
  type        = string
  default     = "10s"
}

variable "sync_delay" {
  description = "How long after its last edit an opportunity is shared for the first time."
  type        = string
  default     = "20s"
}

# --- the agent's accounts ---------------------------------------------------------------------------------------------
# Secrets are references: "env:NAME" is read from the agent's environment, "file:/path" from its file system.

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
