# The id is <object>-<layout>/<list>.
terraform import cosell_salesforce_related_list.notes 'Opportunity-Opportunity Layout/RelatedContentNoteList'
