resource "cosell_dataverse_column" "audit" {
  table       = "opportunity"
  name        = "cosell_Audit"
  label       = "Audit"
  type        = "memo"
  max_length  = 100000
  description = "Filled by the agent; do not edit."
}

# An alternate key: no two opportunities have the same value.
resource "cosell_dataverse_column" "key" {
  table      = "opportunity"
  name       = "cosell_ReferralKey"
  label      = "Co-sell Referral Key"
  type       = "text"
  max_length = 100
  unique     = true
}

resource "cosell_dataverse_column" "help" {
  table = "opportunity"
  name  = "cosell_HowCanMicrosoftHelp"
  label = "How can Microsoft help?"
  type  = "choice"

  options = [
    { label = "Customer technical architecture" },
    { label = "Proof of concept or demo" },
    { label = "General or other" },
  ]
}

resource "cosell_dataverse_column" "opportunity" {
  table        = "cosell_MicrosoftSolution"
  name         = "cosell_OpportunityId"
  label        = "Opportunity"
  type         = "lookup"
  target_table = "opportunity"
  on_delete    = "cascade"
}
