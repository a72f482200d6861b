list "cosell_solution_detail" "all" {
  provider         = cosell
  include_resource = true
}
