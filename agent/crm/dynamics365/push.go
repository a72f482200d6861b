package dynamics365

import (
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// Announced says what a delivery of a webhook step means. An update carries only the columns that were written, so an opportunity that
// it does not show to be synchronised is worth looking at if it is known. What leads to its opportunity by a question only is Missed:
// change tracking answers it.
func (n Names) Announced(event dataverse.Event) crm.Announcements {
	column := func(name string) any { return event.Values[strings.ToLower(name)] }
	hit := crm.Hit{ID: event.RowID, At: event.At}
	stripped := event.Values == nil && event.Message != deleteMessage
	switch strings.ToLower(event.Table) {
	case strings.ToLower(n.Opportunity):
		if stripped || column(n.Sync) == true || text(column(n.Key)) != "" {
			return crm.Announcements{Hits: []crm.Hit{hit}}
		}
		return crm.Announcements{Perhaps: []crm.Hit{hit}}
	case strings.ToLower(n.Leads.Table):
		hit.ID = leadPrefix + hit.ID
		if stripped || text(column(n.Leads.Key)) != "" {
			return crm.Announcements{Hits: []crm.Hit{hit}}
		}
		return crm.Announcements{Perhaps: []crm.Hit{hit}}
	case strings.ToLower(n.Solution):
		if hit.ID = text(column(n.SolutionOpportunity)); hit.ID != "" {
			return crm.Announcements{Perhaps: []crm.Hit{hit}}
		}
	}
	return crm.Announcements{Missed: true}
}

// deleteMessage is what Dataverse calls the removal of a row. It carries a reference and no values.
const deleteMessage = "Delete"
