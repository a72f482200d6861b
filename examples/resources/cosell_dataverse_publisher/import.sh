# The id is the publisher's unique name.
terraform import cosell_dataverse_publisher.this cosell
