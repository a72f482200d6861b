import {
  to = cosell_dataverse_publisher.this
  id = "cosell"
}
