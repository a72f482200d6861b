resource "cosell_dataverse_solution" "this" {
  name         = "cosell"
  display_name = "Co-sell with Microsoft Partner Center"
  publisher    = "cosell"
}
