resource "cosell_dataverse_change_events" "agent" {
  name   = "cosell-agent"
  tables = ["opportunity", "lead", "connection", "cosell_MicrosoftSolution"]
}
