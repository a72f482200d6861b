# What an older installation made in the organisation, one block for each object and field. In this directory:
#
#   terraform plan -generate-config-out=adopted.tf  # writes the resources
#   terraform apply                                 # takes them over: nothing is changed
#
# With Terraform 1.14 or newer, a query writes both: see the directory beside this one.

import {
  to = cosell_salesforce_custom_object.solution
  id = "MS_Solution__c"
}

import {
  to = cosell_salesforce_custom_field.solution_opportunity
  id = "MS_Solution__c.Deal__c"
}

import {
  to = cosell_salesforce_custom_field.solution_identifier
  id = "MS_Solution__c.Solution_Id__c"
}

import {
  to = cosell_salesforce_custom_field.sync_with_partner_center
  id = "Opportunity.Share_with_Microsoft__c"
}

import {
  to = cosell_salesforce_custom_field.how_can_microsoft_help
  id = "Opportunity.How_can_Microsoft_help__c"
}

import {
  to = cosell_salesforce_custom_field.referral_visible_to_microsoft
  id = "Opportunity.Referral_visible_to_MS_sellers__c"
}

import {
  to = cosell_salesforce_custom_field.referral_identifier
  id = "Opportunity.Referral_Identfier__c"
}

import {
  to = cosell_salesforce_custom_field.referral_link
  id = "Opportunity.Referral_Link__c"
}

import {
  to = cosell_salesforce_custom_field.microsoft_crm_identifier
  id = "Opportunity.MS_CRM_Id__c"
}

import {
  to = cosell_salesforce_custom_field.audit
  id = "Opportunity.Audit__c"
}
