import {
  to = cosell_solution_detail.all["SOL-00001-AAA"]
  id = "salesforce/SOL-00001-AAA"
}
