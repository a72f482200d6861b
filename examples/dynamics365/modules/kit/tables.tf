# The solutions that a deal is about, and the catalogue that they are chosen from. At least one solution is needed before an
# opportunity is shared.

locals {
  kit_tables = {
    solution = {
      name           = "${local.prefix}_MicrosoftSolution"
      label          = "Microsoft Solution"
      plural_label   = "Microsoft Solutions"
      ownership      = "user"
      primary_column = { name = "${local.prefix}_Name", label = "Name", auto_number_format = "{DATETIMEUTC:yyyy-MM-dd}-{SEQNUM:5}" }
    }
    solution_detail = {
      name           = "${local.prefix}_SolutionDetail"
      label          = "Microsoft Solution Detail"
      plural_label   = "Microsoft Solution Details"
      ownership      = "organization"
      primary_column = { name = "${local.prefix}_Name", label = "Solution name", max_length = 300 }
    }
  }

  tables = {
    for role, kit in local.kit_tables : role => merge(
      kit,
      { use = "managed" },
      { for attribute, value in try(var.tables[role], {}) : attribute => value if value != null },
    )
  }

  # Names by role. Those of tables that are made here come from their resources, so that whoever uses a name waits for them.
  table_names = merge(
    { for role, table in local.tables : role => table.name },
    { for role, table in cosell_dataverse_table.all : role => table.name },
  )
}

resource "cosell_dataverse_table" "all" {
  for_each = { for role, table in local.tables : role => table if table.use == "managed" }

  name           = each.value.name
  label          = each.value.label
  plural_label   = each.value.plural_label
  description    = try(each.value.description, null)
  ownership      = each.value.ownership
  primary_column = each.value.primary_column
  solution       = local.solution

  deletion_protection = var.deletion_protection
}

# The agent asks for what changed, and is told of it where push is given: of the deals, of their solutions, of the connections between deals and contacts, and of leads.

resource "cosell_dataverse_change_events" "agent" {
  name    = var.name
  tables  = concat(["opportunity", "connection", local.table_names["solution"]], var.leads ? ["lead"] : [])
  webhook = var.push == null ? null : { url = var.push.url, header_name = var.push.header_name }
}
