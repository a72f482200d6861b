data "cosell_solutions" "sold" {}

resource "cosell_solution_detail" "sold" {
  for_each = data.cosell_solutions.sold.solutions

  crm         = "salesforce"
  solution_id = each.key
  name        = each.value.name
}
