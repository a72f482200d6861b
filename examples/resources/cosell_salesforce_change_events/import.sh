# The id is the channel.
terraform import cosell_salesforce_change_events.this ChangeEvents
