import {
  to = cosell_dataverse_publisher.this
  identity = {
    name = "cosell"
  }
}
