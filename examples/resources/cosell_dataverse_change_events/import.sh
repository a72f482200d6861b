# The id is the name of the service endpoint. Only sets of tables with a webhook can be imported: the others have nothing to be found by.
terraform import cosell_dataverse_change_events.agent cosell-agent
