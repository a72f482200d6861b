import {
  to = cosell_salesforce_related_list.notes
  id = "Opportunity-Opportunity Layout/RelatedContentNoteList"
}
