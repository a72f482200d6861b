# A spreadsheet saved as solutions.csv, a line for each solution, instead of an upload by hand:
#
#   solution_id,name,type,publisher
#   SOL-00001-AAA,Contoso Analytics,own,Contoso
#   SOL-00003-CCC,Contoso Assessment,,

resource "cosell_solution_detail" "all" {
  for_each = { for line in csvdecode(file("${path.module}/solutions.csv")) : line.solution_id => line }

  solution_id = each.key
  name        = each.value.name
  type        = each.value.type != "" ? each.value.type : null # an empty cell is no value
  publisher   = each.value.publisher != "" ? each.value.publisher : null
}

# An object that somebody else's package made has other names.
resource "cosell_solution_detail" "packaged" {
  solution_id = "SOL-00004-DDD"
  name        = "Contoso Migration"

  object = "msft__Solution_Detail__c"
  fields = {
    solution_id = "msft__Solution_Id__c"
    publisher   = "" # it has no such field
  }
}
