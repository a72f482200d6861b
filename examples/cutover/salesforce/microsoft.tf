# What Microsoft's solution has in its Power Platform environment. Nothing of it is deleted: the flows are turned off and, going back, on
# again, and its settings are read.

# The flows, taken into the state as they are. With drain an apply that turns them off waits until what calls a flow has come to its end, and
# then turns that flow off: no run fails midway, and none still writes when the registration moves.
import {
  for_each = var.microsoft_flows
  to       = cosell_power_automate_flow.microsoft[each.key]
  id       = each.key
}

resource "cosell_power_automate_flow" "microsoft" {
  for_each = var.microsoft_flows

  name    = each.key
  enabled = !var.cut_over
  drain   = { quiet = var.drain_quiet, timeout = var.drain_timeout }
}

# The settings that the solution was given, by the names that they have here.
data "cosell_dataverse_environment_variable" "microsoft" {
  for_each = var.microsoft_variables

  name = each.value
}

# When this way was taken, in the plan that took it: before any flow was turned off. It stays until the way back.
resource "terraform_data" "taken" {
  for_each = toset([var.cut_over ? "there" : "back"])

  input = plantimestamp()

  lifecycle {
    ignore_changes = [input]
  }
}

locals {
  # That all flows are off is read from the resources, and not from the variable: so the registration moves after the last flow is off, and,
  # going back, after the last one is on.
  switched_off = alltrue([for flow in cosell_power_automate_flow.microsoft : !flow.enabled])

  # The agent's first sweep begins before the switch-off, so that what changed in Partner Center meanwhile is seen.
  sweep_from = coalesce(var.sweep_from, one(values(terraform_data.taken)[*].input))

  # Yes/No variables are yes and no in Dataverse. One without a value has its default here, too.
  microsoft_settings = {
    for name, variable in data.cosell_dataverse_environment_variable.microsoft :
    name => variable.type == "boolean" ? title(variable.effective_value) : variable.effective_value
    if variable.effective_value != null
  }
}

# The tenant's webhook registration, taken into the state while it points to Microsoft's flow. It is moved, not made again.
import {
  to = module.kit.cosell_webhook_registration.this[0]
  id = "current"
}
