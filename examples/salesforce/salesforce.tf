# What sellers see: a section of fields on the opportunity that says whether, and how, a deal is shared with Microsoft.

locals {
  opportunity_fields = {
    sync_with_partner_center = {
      name = "Sync_with_Partner_Center__c", label = "Sync with Partner Center", type = "checkbox"
      help = "Tick to share this opportunity. Referrals that arrive from Partner Center have it ticked."
    }
    how_can_microsoft_help = {
      name = "How_can_Microsoft_help__c", label = "How can Microsoft help?", type = "picklist"
      help = "Choose a value to ask Microsoft for help (co-sell); this needs a customer contact. Leave empty to share your own deal."
    }
    referral_visible_to_microsoft = {
      name = "Referral_Visible_to_Microsoft__c", label = "Referral visible to Microsoft", type = "checkbox"
      help = "Lets Microsoft's sellers see the deal. Once visible it cannot be hidden again."
    }
    close_reason = {
      name = "Close_Reason__c", label = "Close reason", type = "text", length = 255
      help = "Why the deal was declined or lost."
    }
    referral_identifier = {
      name = "Referral_Identifier__c", label = "Referral identifier", type = "text", length = 100, external_id = true
      help = "Filled by the agent; do not edit."
    }
    referral_link = {
      name = "Referral_Link__c", label = "Referral link", type = "url"
      help = "Opens the referral in Partner Center. Filled by the agent; do not edit."
    }
    microsoft_crm_identifier = {
      name = "Microsoft_CRM_Identifier__c", label = "Microsoft CRM identifier", type = "text", length = 255
      help = "Filled when Microsoft accepts the co-sell deal; do not edit."
    }
    referral_program = {
      name = "Referral_Program__c", label = "Referral program", type = "text", length = 255
      help = "Filled by the agent; do not edit."
    }
    sync_status = {
      name = "Sync_Status__c", label = "Sync status", type = "text", length = 255
      help = "How the last synchronisation went. Filled by the agent; do not edit."
    }
    audit = {
      name = "Audit__c", label = "Audit", type = "long_text_area", length = 32768
      help = "What is missing, and what was changed. Filled by the agent; do not edit."
    }
    # A key of our own: an identifier field that an older installation left behind may not be unique.
    referral_key = {
      name = "Cosell_Referral_Key__c", label = "Co-sell referral key", type = "text", length = 255, external_id = true, unique = true
      help = "Keeps a referral from being created twice. Filled by the agent; do not edit."
    }
  }

  # The wording is matched with Partner Center's codes by the agent document's help table.
  help_values = [
    "Workload specific value proposition",
    "Customer technical architecture",
    "Proof of concept or demo",
    "Quotes or licensing",
    "Post sales customer success",
    "General or other",
  ]
}

resource "cosell_salesforce_custom_field" "opportunity" {
  for_each = local.opportunity_fields

  object      = "Opportunity"
  name        = each.value.name
  label       = each.value.label
  type        = each.value.type
  help_text   = each.value.help
  length      = try(each.value.length, null)
  external_id = try(each.value.external_id, null)
  unique      = try(each.value.unique, null)

  picklist = each.value.type != "picklist" ? null : {
    values = [for value in local.help_values : { name = value }]
  }

  deletion_protection = var.deletion_protection
}

# The solutions that a deal is about. At least one is needed before an opportunity is shared.

resource "cosell_salesforce_custom_object" "solution" {
  name         = "Microsoft_Solution__c"
  label        = "Microsoft Solution"
  plural_label = "Microsoft Solutions"

  name_field = {
    label = "Solution name"
    type  = "text"
  }

  deletion_protection = var.deletion_protection
}

resource "cosell_salesforce_custom_field" "solution_opportunity" {
  object = cosell_salesforce_custom_object.solution.name
  name   = "Opportunity__c"
  label  = "Opportunity"
  type   = "lookup"

  lookup = {
    object             = "Opportunity"
    relationship_name  = "Microsoft_Solutions"
    relationship_label = "Microsoft Solutions"
  }

  deletion_protection = var.deletion_protection
}

resource "cosell_salesforce_custom_field" "solution_identifier" {
  object    = cosell_salesforce_custom_object.solution.name
  name      = "Solution_Identifier__c"
  label     = "Solution identifier"
  type      = "text"
  length    = 100
  help_text = "The co-sell ready solution's identifier in Partner Center, such as SOL-1234-ABCD."

  deletion_protection = var.deletion_protection
}

# A new field is invisible, to administrators too, until a permission set grants it.

resource "cosell_salesforce_permission_set" "agent" {
  name        = "Cosell_Agent"
  label       = "Co-sell agent"
  description = "What the agent needs to keep opportunities and Partner Center referrals equal."

  objects = {
    Opportunity                                     = ["read", "create", "edit", "view_all"]
    Account                                         = ["read", "create", "edit", "view_all"]
    Contact                                         = ["read", "create", "edit", "view_all"]
    (cosell_salesforce_custom_object.solution.name) = ["read", "create", "edit", "delete", "view_all"]
  }

  fields = merge(
    { for field in cosell_salesforce_custom_field.opportunity : field.full_name => "edit" },
    {
      (cosell_salesforce_custom_field.solution_opportunity.full_name) = "edit"
      (cosell_salesforce_custom_field.solution_identifier.full_name)  = "edit"
    },
  )

  assignees = [var.agent_salesforce_username]
}
