import {
  to = cosell_dataverse_change_events.agent
  identity = {
    name = "cosell-agent"
  }
}
