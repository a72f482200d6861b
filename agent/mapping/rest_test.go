package mapping

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

// Whatever people type on both sides, and whatever rules a mapping has, the two sides come to rest: at most a correction follows the
// merge, and then nothing is written any more. A mapping that cannot turn a value fails and writes nothing.
func TestMappedDealsComeToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := transforming()
		for i := range p.Rows {
			if p.Rows[i].Transform == nil {
				continue
			}
			p.Rows[i].Winner = rapid.SampledFrom([]deal.Side{deal.CRM, deal.PartnerCenter}).Draw(t, "winner")
			p.Rows[i].Ways = deal.Ways{
				UnlessBlank: rapid.Bool().Draw(t, "unless blank"), Manual: rapid.Bool().Draw(t, "manual"), Once: rapid.Bool().Draw(t, "once"),
				KeepWhenBlank: rapid.Bool().Draw(t, "keep"),
			}
		}
		s := &sides{t: t, plan: p, record: map[string]any{"StageName": "Qualification"}, referral: map[string]any{"status": "Active", "substatus": "Accepted"}}
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			s.edit()
			const mostMerges = 3 // the write, a correction of what a side rounds or defaults, and rest
			merges := 0
			for ; s.merge(); merges++ {
				if merges == mostMerges {
					t.Fatalf("the sides do not come to rest: record %v, referral %v, mapping %+v", s.record, s.referral, s.last)
				}
			}
		}
	})
}

// sides are a record and a referral that are kept equal.
type sides struct {
	t                *rapid.T
	plan             Plan
	record, referral map[string]any
	memory           deal.Memory
	last             deal.Result
}

// edit lets people change what they like.
func (s *sides) edit() {
	pick := func(tree map[string]any, path string, values ...any) {
		if rapid.Bool().Draw(s.t, "edit "+path) {
			value := rapid.SampledFrom(values).Draw(s.t, path)
			if strings.Contains(path, ".") && !strings.HasPrefix(path, "Account") {
				place(tree, path, value)
			} else {
				tree[path] = value
			}
		}
	}
	pick(s.record, "Segment__c", "Enterprise", "Small business", "Start-up", nil)
	pick(s.record, "Reference__c", "P-1", "P-22", nil)
	pick(s.record, "More__c", 1.5, 2.0, 0.01, nil)
	pick(s.record, "Region__c", "Asia", "Europe", nil)
	pick(s.record, "Type", "Renewal", nil)
	pick(s.record, "Size__c", "Tiny", "Large")
	pick(s.record, "Tenth__c", 0.3, nil)
	pick(s.record, "Account.Owner.Email", "A@example.com", nil)
	pick(s.referral, "salesStage", "ent", "smb", nil)
	pick(s.referral, "externalReferenceId", "7", "8", nil)
	pick(s.referral, "details.more", "1.50", "2.005", nil)
	pick(s.referral, "details.region", "Africa", nil)
	pick(s.referral, "details.dealValue", 500.0, 1234.56)
	pick(s.referral, "campaignId", "theirs", nil)
}

// merge makes the sides equal and tells whether it wrote anything.
func (s *sides) merge() bool {
	s.t.Helper()
	record, err := s.plan.FromRecord(s.record)
	if err != nil {
		s.t.Fatal(err)
	}
	referral, err := s.plan.FromReferral(throughJSON(s.t, s.referral))
	if err != nil {
		s.t.Fatal(err)
	}
	s.last = deal.Merge(s.memory, deal.Pair{CRM: record, Referral: referral}, s.plan.Rules(), deal.Options{})
	fields, err := s.plan.ToRecord(s.last.ToCRM)
	if err != nil {
		s.t.Fatal(err)
	}
	for field, value := range throughJSON(s.t, fields) {
		if number, decimal := value.(float64); decimal {
			value = float64(int64(number*100+sign(number)*0.5)) / 100 // as a field with two decimal places keeps it
		}
		s.record[field] = value
	}
	ops := s.plan.Patch(s.last.ToReferral)
	for _, op := range ops {
		place(s.referral, dotted(op.Path), op.Value)
	}
	agreed := s.last.Attempt.Intended
	s.memory = deal.Memory{Base: &agreed}
	return len(fields)+len(ops) > 0
}

func sign(number float64) float64 {
	if number < 0 {
		return -1
	}
	return 1
}
