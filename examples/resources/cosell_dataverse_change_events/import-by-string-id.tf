import {
  to = cosell_dataverse_change_events.agent
  id = "cosell-agent"
}
