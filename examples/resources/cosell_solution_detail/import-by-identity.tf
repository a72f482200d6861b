import {
  to = cosell_solution_detail.all["SOL-00001-AAA"]
  identity = {
    crm         = "salesforce"
    solution_id = "SOL-00001-AAA"
  }
}
