resource "cosell_dataverse_subgrid" "solutions" {
  table        = "opportunity"
  form         = "Opportunity"
  name         = "microsoft_solutions"
  label        = "Microsoft Solutions"
  target_table = "cosell_MicrosoftSolution"
  relationship = "cosell_OpportunityId_opportunity_cosell_microsoftsolution"
}
