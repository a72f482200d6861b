resource "cosell_dataverse_publisher" "this" {
  name                = "cosell"
  display_name        = "Co-sell"
  prefix              = "cosell"
  option_value_prefix = 80424
}
