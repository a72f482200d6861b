import {
  to = cosell_salesforce_related_list.notes
  identity = {
    object = "Opportunity"
    layout = "Opportunity Layout"
    list   = "RelatedContentNoteList"
  }
}
