# The publisher, whose prefix begins the names of everything that is made here, and the solution that holds it all.

resource "cosell_dataverse_publisher" "this" {
  count = var.publisher.use == "managed" ? 1 : 0

  name                = var.publisher.name
  display_name        = var.publisher.display_name
  prefix              = var.publisher.prefix
  option_value_prefix = var.publisher.option_value_prefix
}

resource "cosell_dataverse_solution" "this" {
  count = var.solution.use == "managed" ? 1 : 0

  name         = var.solution.name
  display_name = var.solution.display_name
  version      = var.solution.version
  publisher    = var.publisher.use == "managed" ? cosell_dataverse_publisher.this[0].name : var.publisher.name
}

locals {
  prefix   = var.publisher.prefix
  solution = var.solution.use == "managed" ? cosell_dataverse_solution.this[0].name : var.solution.name
}
