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
    "Webhook Registration (Insider Preview)",
    "[Customize] Create or Get Details from Dynamics 365",
    "Create Co-sell Referral - Dynamics 365 to Partner Center (Insider Preview)",
    "Partner Center to Dynamics 365 - Helper (Insider Preview)",
    "Partner Center Microsoft Co-sell Referral Updates to Dynamics 365 (Insider Preview)",
    "Partner Center to Dynamics 365 (Insider Preview)",
    "Dynamics 365 to Partner Center (Insider Preview)",
    "Dynamics 365 Opportunity to Partner Center (Insider Preview)",
    "Dynamics 365 Microsoft Solution to Partner Center (Insider Preview)",
    "Dynamics 365 Leads to Partner Center (Insider Preview)",
    "Auto-heal of Microsoft Partner Center sychronization details",
  ]
}

variable "microsoft_variables" {
  description = "The settings that are taken over: the variable here, to the schema name of Microsoft's environment variable."
  type        = map(string)
  default = {
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

# --- what Microsoft's solution made in Dynamics 365 --------------------------------------------------------------------
# Columns and tables that are there are used under their names, and neither declared nor changed: what the agent writes into them is what the
# flows find when one goes back. Roles that are not named get columns of the kit's own.

variable "microsoft_columns" {
  description = "Schema name of each existing column by role. Microsoft does not publish them: look them up with data.cosell_dataverse_table."
  type        = map(string)
  default = {
    sync_with_partner_center      = "msft_SyncWithPartnerCenter"
    referral_identifier           = "msft_ReferralIdentifier"
    referral_link                 = "msft_ReferralLink"
    referral_program              = "msft_ReferralProgram"
    microsoft_crm_identifier      = "msft_MicrosoftCRMIdentifier"
    referral_visible_to_microsoft = "msft_ReferralVisibility"
    how_can_microsoft_help        = "msft_HowCanMicrosoftHelp"
    audit                         = "msft_Audit"

    solution_opportunity = "msft_Opportunity"
    solution_detail      = "msft_MicrosoftSolutionDetail"

    solution_detail_identifier = "msft_SolutionIdentifier"
    solution_detail_type       = "msft_Type"
    solution_detail_publisher  = "msft_PublisherName"
  }
}

variable "microsoft_tables" {
  description = "Schema name of each existing table by role: the solutions of an opportunity, and the catalogue that they are chosen from. Their columns are the roles solution_… of microsoft_columns."
  type        = map(string)
  default = {
    solution        = "msft_MicrosoftSolution"
    solution_detail = "msft_MicrosoftSolutionDetail"
  }
}

variable "stages" {
  description = "Status reasons of opportunities that equal the stages of a deal, by label or number; each has a default."
  type = object({
    on_hold = optional(string)
    active  = optional(string)
    won     = optional(string)
    lost    = optional(string)
  })
  default = {}
}

# --- this environment -------------------------------------------------------------------------------------------------

variable "name" {
  description = "Name of the connector: lower-case letters, digits and hyphens. It owns the agent's records, so it never changes."
  type        = string
  default     = "contoso-dynamics365"
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
