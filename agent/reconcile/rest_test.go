package reconcile_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// What must hold when all is quiet.

// faults judges the world at rest, and gives everything that was wrong.
func (w *world) faults() []string {
	w.checkWebhooks()
	w.checkQueue()
	owner := map[string]string{}
	for _, id := range sortedKeys(w.referrals) {
		r := w.referrals[id]
		if r.microsoft || r.hidden {
			continue
		}
		recordID, found := w.recordOf(id)
		w.checkLead(r)
		if !found {
			w.checkAlone(r)
			continue
		}
		if other, twice := owner[recordID]; twice {
			w.breaks(2, "record %s has the referrals %s and %s", recordID, other, id)
		}
		owner[recordID] = id
		w.compare(w.records[recordID], r)
	}
	for _, id := range w.recordIDs {
		w.checkRecord(w.records[id])
	}
	w.checkAccounts()
	engagements := map[string][]*remoteReferral{}
	for _, id := range sortedKeys(w.referrals) {
		engagements[w.referrals[id].engagement] = append(engagements[w.referrals[id].engagement], w.referrals[id])
	}
	for _, engagement := range sortedKeys(engagements) {
		w.checkEngagement(engagements[engagement])
	}
	return w.said()
}

func (w *world) said() []string {
	var texts []string
	for _, v := range w.ledger.broken {
		texts = append(texts, v.String())
	}
	return texts
}

// checkQueue expects that nothing is due: what is left is parked.
func (w *world) checkQueue() {
	ctx := context.Background()
	if due, any, err := w.store.NextDue(ctx); err != nil || any {
		w.breaks(9, "something is due at %v: %v", due, err)
	}
	problems, err := w.store.Problems(ctx, 100)
	if err != nil {
		w.breaks(9, "%v", err)
	}
	for _, p := range problems {
		if !p.Parked {
			w.breaks(9, "deal %s is neither done nor parked: %+v", p.Key, p)
		}
		w.ledger.reach(24)
	}
	if intents, err := w.store.OpenIntents(ctx, ""); err != nil || len(intents) > 0 {
		for _, i := range intents {
			w.breaks(26, "intent %s of deal %s is open", i.ID, i.Key)
		}
	}
}

// checkWebhooks expects that every acknowledged webhook led to a run that began after it.
func (w *world) checkWebhooks() {
	for _, key := range sortedKeys(w.ledger.acknowledged) {
		deal, found, err := w.store.Lookup(context.Background(), key)
		if err != nil || !found || w.ledger.taken[deal] < w.ledger.acknowledged[key] {
			w.breaks(22, "a webhook about %s was acknowledged, and nobody looked at deal %q after it", key, deal)
		}
	}
}

// checkAlone judges a referral that no opportunity names.
func (w *world) checkAlone(r *remoteReferral) {
	deleted := slices.ContainsFunc(w.recordIDs, func(id string) bool { return w.records[id].deleted && strings.EqualFold(w.records[id].key, r.id) })
	if r.tree["status"] != "Closed" && !r.isLead() && !deleted && !(r.lead && !w.keepsLeads()) {
		w.breaks(31, "referral %s (%v, reference %q) has no record", r.id, r.tree["status"], r.reference)
	}
}

func (w *world) checkRecord(r *record) {
	switch {
	case r.copied && r.key != "":
		w.breaks(3, "the copy %s has the key %s", r.id, r.key)
	case r.deleted || r.copied || r.key != "" || w.ledger.poisoned[r.id] || w.waitsForLead(r):
	case len(r.solutions) == 0 || r.fields[w.crm.amount] == nil:
		if r.sync && !strings.Contains(r.audit, string(problem.SolutionMissing)) && !strings.Contains(r.audit, string(problem.DealValueMissing)) {
			w.breaks(18, "record %s lacks something, and nobody says so: %q", r.id, r.audit)
		}
	case r.stage() != w.crm.won && r.stage() != w.crm.lost && r.sync:
		w.breaks(9, "record %s was never shared: %s", r.id, r.audit)
	}
}

func (w *world) checkAccounts() {
	for i, account := range w.accounts {
		for _, other := range w.accounts[:i] {
			if match.Key(account.Name) == match.Key(other.Name) {
				w.breaks(4, "the accounts %s and %s are one customer's", account.Name, other.Name)
			}
		}
	}
}

// checkEngagement expects two referrals of a deal that asked for help, one of any other, and that the seller knows Microsoft's
// answer.
func (w *world) checkEngagement(members []*remoteReferral) {
	var own, microsofts *remoteReferral
	for _, r := range members {
		if r.microsoft && microsofts == nil {
			microsofts = r
		} else if !r.microsoft && own == nil {
			own = r
		} else {
			w.breaks(2, "engagement %s has %d referrals", r.engagement, len(members))
			return
		}
	}
	if own == nil {
		w.breaks(2, "engagement %s has Microsoft's referral only", members[0].engagement)
		return
	}
	id, found := w.recordOf(own.id)
	if !found || own.tree["status"] == "Closed" {
		return
	}
	rec := w.records[id]
	help, _ := rec.fields[w.crm.help].(string)
	identifier := ""
	if microsofts != nil {
		identifier, _ = at(microsofts.tree, "/trackingInfo/microsoftMsxId").(string)
	}
	switch {
	case own.outgoing && help != "" && microsofts == nil && len(rec.contacts) == 0 && strings.Contains(rec.audit, string(problem.ContactMissing)):
		// both sides took away the other one's last contact; the seller was told
	case own.outgoing && help != "" && microsofts == nil:
		w.breaks(9, "%s/%s asks for help, and Microsoft was not asked; audit:\n%s", id, own.id, rec.audit)
	case microsofts == nil:
	case w.plan.Help[strings.ToLower(help)] != at(microsofts.tree, "/inviteContext/assistanceRequestCode"):
		w.breaks(9, "%s/%s asks for %q, Microsoft was asked for %v", id, own.id, help, microsofts.tree["inviteContext"])
	case microsofts.tree["status"] == "Active" && identifier != "" && rec.fields[w.crm.identifier] != identifier:
		w.breaks(9, "%s/%s does not show Microsoft's identifier %v", id, own.id, identifier)
	case microsofts.tree["substatus"] == "Declined" && !rec.cleared && !strings.Contains(rec.audit, microsofts.tree["statusReason"].(string)):
		w.breaks(9, "%s/%s does not tell why Microsoft declined (%v); audit:\n%s", id, own.id, microsofts.tree["statusReason"], rec.audit)
	}
}

func (w *world) compare(rec *record, r *remoteReferral) {
	left, err := w.plan.FromRecord(rec.fields)
	if err != nil {
		w.breaks(9, "record %s: %v", rec.id, err)
		return
	}
	right, err := w.plan.FromReferral(r.view().Tree)
	if err != nil {
		w.breaks(9, "referral %s: %v", r.id, err)
		return
	}
	pair := rec.id + "/" + r.id
	sealed := w.crm.seals && w.crm.closed(rec.stage()) // then its seller can be told nothing any more
	if !sealed && (rec.audit == "" || rec.status != "In sync" && !strings.HasPrefix(rec.status, "Needs attention")) {
		w.breaks(9, "%s: the sync status is %q, the audit %q", pair, rec.status, rec.audit)
	}
	if left[deal.StatusField] != deal.InCRM(right[deal.StatusField]) {
		w.breaks(9, "%s: status %s and %s", pair, left[deal.StatusField], right[deal.StatusField])
	}
	w.ledger.reach(9)
	w.checkMark(rec)
	if mine, _ := rec.fields[w.crm.identifier].(string); strings.Contains(mine, "mine") && !deal.Terminal(right[deal.StatusField]) {
		w.breaks(19, "%s: Microsoft's identifier is %q, which a seller entered", pair, mine)
	}
	if deal.Terminal(right[deal.StatusField]) {
		return // edits after the closing stay where they were made
	}
	if sold := soldBy(rec); !maps.Equal(sold, soldIn(r)) && len(sold) > 0 {
		w.breaks(9, "%s: solutions are %v and %v; audit:\n%s", pair, sold, soldIn(r), rec.audit)
	}
	named, theirs := emails(rec.view().People()), emails(mapping.ContactsOf(r.view().Tree))
	if r.outgoing && w.microsofts(r.engagement) == nil && !slices.Equal(named, theirs) {
		w.breaks(9, "%s: contacts are %v and %v; audit:\n%s", pair, named, theirs, rec.audit)
	}
	for _, field := range []string{deal.Currency, deal.Visible} {
		if left[field] != right[field] {
			w.breaks(9, "%s: %s is %q and %q; audit:\n%s", pair, field, left[field], right[field], rec.audit)
		}
	}
	for _, field := range []string{deal.ReferralLink, deal.ReferralID} {
		if left[field] != right[field] {
			w.breaks(19, "%s: %s is %q and %q; audit:\n%s", pair, field, left[field], right[field], rec.audit)
		}
	}
	for _, field := range []string{deal.DealValue, deal.CloseDate, deal.Notes} {
		w.compareEdits(rec, r, field, left[field], right[field])
	}
}

// compareEdits expects that both sides hold the last edit of one side, and nothing that somebody has seen and replaced.
func (w *world) compareEdits(rec *record, r *remoteReferral, field, left, right string) {
	pair := rec.id + "/" + r.id
	if _, followed := w.ledgered()[field]; !followed {
		return
	}
	ours, theirs := w.ledger.edits[rec.id+" "+field], w.ledger.edits[r.id+" "+field]
	unsendable := field == deal.DealValue && (left == "" || left == "0" || strings.HasPrefix(left, "-"))
	switch {
	case unsendable && strings.Contains(rec.audit, string(problem.ValueWithheld)):
		return
	case left != right:
		w.breaks(9, "%s: %s is %q and %q; audit:\n%s", pair, field, left, right, rec.audit)
		return
	}
	var last []string
	for _, edits := range [][]string{ours, theirs} {
		if len(edits) > 0 {
			last = append(last, edits[0], edits[len(edits)-1])
		}
	}
	if w.ledger.gone[rec.id+" "+field+"="+left] || w.ledger.gone[r.id+" "+field+"="+left] {
		w.breaks(5, "%s: the %s %q had been replaced by somebody who saw it; the first and last edits were %q", pair, field, left, last)
	}
	if !slices.Contains(last, left) {
		w.breaks(5, "%s: %s is %q, the first and last edits were %q", pair, field, left, last)
	}
	w.checkLoser(rec, r, field, left, ours, theirs)
}

// checkLoser expects that a last edit which lost was seen and replaced, or that a decision about it was recorded.
func (w *world) checkLoser(rec *record, r *remoteReferral, field, value string, ours, theirs []string) {
	if w.ledger.torn[rec.id] || w.ledger.torn[r.id] {
		return // it may have been there to be seen
	}
	for _, edits := range [][]string{ours, theirs} {
		if len(edits) < 2 {
			continue
		}
		last := edits[len(edits)-1]
		if last == value || w.ledger.gone[rec.id+" "+field+"="+last] || w.ledger.gone[r.id+" "+field+"="+last] {
			continue
		}
		if field == deal.DealValue && (last == "" || last == "0" || strings.HasPrefix(last, "-")) {
			continue
		}
		if !w.decidedAbout(rec.id, r.id, field) {
			w.breaks(5, "%s/%s: the edit %q of %s lost against %q, and no decision about it is recorded", rec.id, r.id, last, field, value)
		}
	}
}

// decidedAbout reports whether the deal's history tells of a conflict that was decided.
func (w *world) decidedAbout(recordID, referralID, field string) bool {
	for _, key := range []string{store.RecordKey(recordID), store.ReferralKey(referralID)} {
		deal, found, err := w.store.Lookup(context.Background(), key)
		if err != nil || !found {
			continue
		}
		trail, err := w.store.AuditTrail(context.Background(), deal)
		if err != nil {
			return false
		}
		if slices.ContainsFunc(trail, func(e store.AuditEntry) bool { return e.Rule == string(problem.ConflictDecided) && e.Field == field }) {
			return true
		}
	}
	return false
}

// checkMark expects one mark at the most before a name.
func (w *world) checkMark(rec *record) {
	name, _ := rec.fields[w.crm.title].(string)
	if marks := len([]rune(name)) - len([]rune(deal.StripMark(name))); marks > len([]rune(deal.MarkSuccess)) {
		w.breaks(20, "record %s is called %q", rec.id, name)
	}
}

func emails(people []deal.Person) []string {
	var list []string
	for _, p := range people {
		list = append(list, p.Email)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func soldBy(rec *record) map[string]bool {
	sold := map[string]bool{}
	for _, row := range rec.solutions {
		sold[deal.SolutionField(row.ID)] = true
	}
	return sold
}

func soldIn(r *remoteReferral) map[string]bool {
	sold := map[string]bool{}
	for _, s := range mapping.SolutionsOf(r.view().Tree) {
		sold[deal.SolutionField(s.ID)] = true
	}
	return sold
}

// echo lets a quiet world go on for a day. Nothing is written, and nobody looks more often than the feeds.
func (w *world) echo() []string {
	before := w.writes
	w.settle(24 * time.Hour)
	if w.writes > before {
		w.breaks(8, "%d writes in a quiet world", w.writes-before)
	}
	return w.said()
}

// remapsAtRest takes the notes out of the mapping and puts them back, and lets every deal be looked at each time whose notes are equal.
// Nothing is written.
func (w *world) remapsAtRest() {
	w.ledger.reach(35)
	before, plan := w.writes, w.plan
	without := plan
	without.Rows = slices.DeleteFunc(slices.Clone(plan.Rows), func(row mapping.Row) bool { return row.Field == deal.Notes })
	for _, next := range []mapping.Plan{without, plan} {
		w.change(func() { w.plan = next })
		w.settle(time.Second)
		for _, id := range sortedKeys(w.referrals) {
			if record, found := w.recordOf(id); found && text(deal.Notes, w.records[record].fields[w.crm.notes]) == text(deal.Notes, at(w.referrals[id].tree, "/details/notes")) {
				w.announceAgain(w.referrals[id])
			}
		}
		w.settle(2 * time.Minute)
	}
	if w.writes > before {
		w.breaks(35, "a changed mapping led to %d writes", w.writes-before)
	}
}

// promptness expects that the last write came soon after the last trouble: a back-off that is under way then lasts a quarter of an
// hour at the longest.
func (w *world) promptness() {
	if late := w.lastWrite.Sub(w.kindSince); late > 16*time.Minute {
		w.breaks(9, "the last write came %v after the last trouble", late)
	}
}

// judge judges a history that was played.
func (w *world) judge() []string {
	if w.spent {
		return w.said() // it never came to rest
	}
	if len(w.faults()) == 0 && len(w.echo()) == 0 && w.ledger.reached[35] > 0 {
		w.remapsAtRest()
	}
	return w.said()
}

// timeline tells a history in a readable way. What is only looked at, and went well, is left out.
func (w *world) timeline() string {
	var b strings.Builder
	lines := 0
	for i := len(w.journal) - 1; i >= 0 && lines < 4000; i-- {
		lines++
	}
	for _, op := range w.journal[len(w.journal)-lines:] {
		quiet := op.fault == none && op.err == nil && !strings.HasPrefix(op.what, "I")
		read := strings.HasSuffix(op.what, ".get") || strings.HasSuffix(op.what, ".read") || strings.HasSuffix(op.what, ".feed") || op.what == "pc.updated" ||
			op.what == "store.enqueue" || op.what == "crm.catalogue" || op.what == "answer"
		if quiet && read {
			continue
		}
		outcome := "ok"
		switch {
		case op.err != nil:
			outcome = op.err.Error()
		case op.fault != none:
			outcome = op.fault.String()
		}
		detail := op.detail
		if len(detail) > 400 {
			detail = detail[:400] + "…"
		}
		fmt.Fprintf(&b, "%12s  %-12s %-24s %-28s %s  %s\n", op.at.Sub(w.start).Round(time.Millisecond), op.who, op.what, op.on, outcome, detail)
	}
	return b.String()
}

// replay is the command that plays a history again.
func (w *world) replay() string {
	if w.script != nil && len(w.script.strikes) > 0 {
		return fmt.Sprintf("go test ./agent/reconcile -run 'TestEveryEffect/%s/%s$' -strikes %q -v", w.crm.name, strings.ReplaceAll(w.name, " ", "_"), w.script)
	}
	if w.script != nil {
		return fmt.Sprintf("go test ./agent/reconcile -run 'TestEveryEffect/%s/%s$' -v", w.crm.name, strings.ReplaceAll(w.name, " ", "_"))
	}
	return fmt.Sprintf("go test ./agent/reconcile -run 'TestCoreSimulator/%s/%s$' -seed %d -seeds 1 -v%s", w.crm.name, strings.ReplaceAll(w.name, " ", "_"), w.seed, onlyThese(w.only))
}

// onlyThese is the part of the command that leaves a history no other faults than the listed ones.
func onlyThese(only map[dealt]bool) string {
	if only == nil {
		return ""
	}
	list := []string{dealt{}.String()} // an empty list leaves all to chance
	for one := range only {
		if one != (dealt{}) {
			list = append(list, one.String())
		}
	}
	slices.Sort(list[1:])
	return fmt.Sprintf(" -faults %q", strings.Join(list, ","))
}
