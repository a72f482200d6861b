# The catalogue of co-sell ready solutions. A file replaces the upload of a spreadsheet; one that a spreadsheet program saved may
# begin with a byte order mark.

locals {
  solution_rows = concat(
    [for solution in var.solutions : solution],
    var.solutions_file == null ? [] : [
      for line in csvdecode(trimprefix(file(var.solutions_file), "\ufeff")) : {
        solution_id = trimspace(line.solution_id)
        name        = trimspace(line.name)
        type        = trimspace(try(line.type, "")) == "" ? null : lower(trimspace(line.type))
        publisher   = trimspace(try(line.publisher, "")) == "" ? null : trimspace(line.publisher)
      }
    ],
  )
}

resource "cosell_solution_detail" "all" {
  for_each = { for solution in local.solution_rows : solution.solution_id => solution }

  crm         = "dynamics365"
  solution_id = each.key
  name        = each.value.name
  type        = each.value.type
  publisher   = each.value.publisher

  object = local.table_names["solution_detail"]
  fields = {
    solution_id = local.column_names["solution_detail_identifier"]
    name        = local.tables["solution_detail"].primary_column.name
    type        = local.column_names["solution_detail_type"]
    publisher   = local.column_names["solution_detail_publisher"]
  }

  deletion_protection = var.deletion_protection
}
