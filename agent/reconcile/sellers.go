package reconcile

import (
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// nameSellers completes the news that Microsoft accepted with whom Microsoft's referral names, for the seller's eyes. The partner's
// own people, who were named when help was requested, may still stand among them.
func (r *run) nameSellers(result *deal.Result) {
	if r.counterpart == nil {
		return
	}
	own := append(mapping.TeamOf(r.referral.Tree), r.record.Team...)
	var sellers []string
	for _, person := range mapping.TeamOf(r.counterpart.Tree) {
		if slices.ContainsFunc(own, func(p deal.Person) bool { return strings.EqualFold(p.Email, person.Email) }) {
			continue
		}
		name := strings.TrimSpace(person.FirstName + " " + person.LastName)
		if person.Email != "" {
			name = strings.TrimSpace(name + " <" + person.Email + ">")
		}
		if name != "" {
			sellers = append(sellers, name)
		}
	}
	for i, note := range result.Notes {
		if note.Code == problem.MicrosoftAccepted && len(sellers) > 0 {
			said := problem.Say(problem.MicrosoftsTeam, strings.Join(sellers, ", "))
			result.Notes[i].Detail, result.Notes[i].Said = said.String(), said
		}
	}
}
