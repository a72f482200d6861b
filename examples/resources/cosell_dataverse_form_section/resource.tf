resource "cosell_dataverse_form_section" "partner_center" {
  table   = "opportunity"
  form    = "Opportunity"
  name    = "microsoft_partner_center"
  label   = "Microsoft Partner Center"
  columns = 2

  fields = [
    { name = "cosell_SyncWithPartnerCenter" },
    { name = "cosell_ReferralId", read_only = true },
    { name = "cosell_ReferralLink", read_only = true },
    { name = "cosell_Audit", read_only = true },
  ]
}
