# Everything that an older installation may have made in the organisation. In this directory:
#
#   terraform query                                  # what is there
#   terraform query -generate-config-out=adopted.tf  # the same as resources and imports
#
# Take out of adopted.tf what is not the connector's, then plan and apply: nothing is changed.

list "cosell_salesforce_custom_object" "all" {
  provider         = cosell
  include_resource = true
}

list "cosell_salesforce_custom_field" "opportunity" {
  provider         = cosell
  include_resource = true

  config {
    object = "Opportunity"
  }
}

# The object of the solutions, by the name that it has in this organisation.
list "cosell_salesforce_custom_field" "solution" {
  provider         = cosell
  include_resource = true

  config {
    object = "MS_Solution__c"
  }
}
