# What is promoted: everything that staging and production have in common. A change is made here, applied in staging, tried there,
# and applied in production, where its plan shows the same change and nothing else.

locals {
  stages = {
    on_hold = "Prospecting"
    active  = "Qualification"
  }
  default_currency = "USD"

  # Whether leads are exchanged, too.
  leads = false

  # Definitions of fields that differ from the kit's: see the kit's variable fields.
  fields = {}

  # Rows of the default field mapping that differ: see cosell_field_mapping.
  field_mappings = {}

  # Flows that are off in both environments.
  disabled_flows = []
}
