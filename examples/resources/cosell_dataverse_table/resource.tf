resource "cosell_dataverse_table" "solution" {
  name         = "cosell_MicrosoftSolution"
  label        = "Microsoft Solution"
  plural_label = "Microsoft Solutions"
  solution     = "cosell"

  primary_column = {
    name               = "cosell_Name"
    label              = "Name"
    auto_number_format = "{DATETIMEUTC:yyyy-MM-dd}-{SEQNUM:5}"
  }
}
