package mapping

import (
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

const solutionsPath = "details.requirements.solutions"

// AddSolutions sets the flags of a record's solutions among its values.
func AddSolutions(values deal.Values, solutions []deal.Solution) {
	for _, s := range solutions {
		values[deal.SolutionField(s.ID)] = deal.True
	}
}

// SolutionsOf lists the solutions of a referral, each once.
func SolutionsOf(referral map[string]any) []deal.Solution {
	var list []deal.Solution
	seen := map[string]bool{}
	for _, entry := range entriesAt(referral, solutionsPath) {
		id, _ := entry["id"].(string)
		name, _ := entry["name"].(string)
		if id = strings.TrimSpace(id); id != "" && !seen[deal.SolutionField(id)] {
			seen[deal.SolutionField(id)] = true
			list = append(list, deal.Solution{ID: id, Name: strings.TrimSpace(name)})
		}
	}
	return list
}

// entriesAt gives the objects of a list in a referral.
func entriesAt(referral map[string]any, path string) []map[string]any {
	raw, _ := lookup(referral, path).([]any)
	entries := make([]map[string]any, 0, len(raw))
	for _, one := range raw {
		if entry, ok := one.(map[string]any); ok {
			entries = append(entries, entry)
		}
	}
	return entries
}

// SolutionsOp gives the replacement of a referral's list of solutions; ok is false when no solution is added or removed. The
// entries that stay are sent back as they were read, prices and all. sold names what is added.
func SolutionsOp(referral map[string]any, changes deal.Values, sold []deal.Solution) (op Op, ok bool) {
	list := []any{}
	for _, entry := range entriesAt(referral, solutionsPath) {
		id, _ := entry["id"].(string)
		if value, changed := changes[deal.SolutionField(id)]; changed && value != deal.True {
			ok = true
			continue
		}
		list = append(list, entry)
	}
	added := map[string]bool{}
	for _, s := range sold {
		field := deal.SolutionField(s.ID)
		if changes[field] == deal.True && !added[field] {
			list, added[field], ok = append(list, solution(s)), true, true
		}
	}
	return Op{pointer(solutionsPath), list}, ok
}
