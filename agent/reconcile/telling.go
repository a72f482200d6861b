package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// What the Sync Status field says.
const (
	statusInSync    = problem.InSync
	statusAttention = problem.NeedsAttention
)

// say gives a phrase in the connector's language.
func (r *run) say(phrase problem.Phrase, values ...any) string {
	return r.settings.Language.Say(problem.Say(phrase, values...))
}

// noted gives a note in the connector's language.
func (r *run) noted(note deal.Note) string {
	language := r.settings.Language
	p := problem.New(note.Code, "", note.Detail)
	if p.Said = note.Said; note.Field != "" {
		p.Object = language.Field(note.Field)
	}
	return language.Problem(p)
}

// bookkeeping decides what the seller is told. A record is not written for good news alone, except the first and the end of
// a problem. A note that waits is told once, however many merges say it.
func (r *run) bookkeeping(result *deal.Result, w *writes) crm.Bookkeeping {
	var book crm.Bookkeeping
	var lines, waiting []string
	switch bound := strings.EqualFold(r.record.Key, r.referral.ID); {
	case !bound:
		id := strings.ToLower(r.referral.ID)
		book.Key = &id
		lines = append(lines, r.say(problem.Shared, r.referral.ID))
	case len(result.ToCRM) > 0:
		lines = append(lines, r.say(problem.CenterChanged, r.settings.Language.Fields(slices.Sorted(maps.Keys(result.ToCRM)))))
	case r.untold():
		if _, blocked := r.settings.Blocked[UpdateOpportunity]; blocked {
			result.Held = true
		} else {
			lines = append(lines, r.origin())
		}
	}
	for _, note := range result.Notes {
		text := r.noted(note)
		if note.Waits {
			waiting = append(waiting, text)
		} else {
			lines = append(lines, text)
		}
	}
	report, status := r.settings.Language.Join(waiting), statusInSync
	switch {
	case report == "" && r.deal.Report != "" && result.AskHelp:
		report, status = r.deal.Report, statusAttention // whether it is solved, Microsoft's referral will tell, which is asked for next
	case report == "" && r.deal.Report != "":
		lines = append(lines, r.say(problem.Solved))
	case report != "":
		status = statusAttention
		if report != r.deal.Report {
			lines = append(lines, report)
		}
	}
	shown := r.say(status)
	if r.record.SyncStatus != shown { // a person edited it, or it was written in another language
		if _, blocked := r.settings.Blocked[UpdateOpportunity]; blocked {
			result.Held = true
		} else {
			book.SyncStatus = &shown
		}
	}
	if len(lines) == 0 {
		return book
	}
	audit := r.auditLine(r.settings.Language.Join(lines))
	book.Audit, book.SyncStatus, w.report, w.told = &audit, &shown, &report, told(audit)
	return book
}

// untold reports whether the record says nothing, and nobody knows what it was told: the answer to the first write was lost, and a
// person cleared the field before it was read again.
func (r *run) untold() bool {
	return r.record.Audit == "" && r.deal.Told == "" && len(r.deal.Pending) > 0
}

// origin is the first line of a deal's history.
func (r *run) origin() string {
	if r.deal.Link.Origin == store.OriginCRM {
		return r.say(problem.Shared, r.referral.ID)
	}
	return r.tellReceived()
}

// mark shows the sync status before the record's name.
func (r *run) mark(fields map[string]any, status string) {
	mark := deal.MarkSuccess
	if status == r.say(statusAttention) {
		mark = deal.MarkFailure
	}
	if field, name, ok := r.settings.Plan.Mark(r.record.Fields, mark); ok {
		fields[field] = name
	}
}

// remembered is how many characters of the Audit field are kept, to restore it with.
const remembered = 4000

// told gives what is remembered of an Audit text: its newest lines, whole ones.
func told(audit string) *string {
	kept := []rune(audit)
	if len(kept) <= remembered {
		return &audit
	}
	short := string(kept[:remembered])
	if end := strings.LastIndexByte(short, '\n'); end > 0 {
		short = short[:end]
	}
	return &short
}

// recall remembers what the Audit field says when the run that wrote it did not come to remember it itself: a write whose answer
// was lost. A field that lacks what it was told before has been edited, and is restored.
func (r *run) recall(change *store.Change, torn bool) {
	newest, _, _ := strings.Cut(r.deal.Told, "\n")
	if change.Told == nil && r.record.Audit != "" && (r.deal.Told == "" || torn && strings.Contains(r.record.Audit, newest)) {
		change.Told = told(r.record.Audit)
	}
}

// recognised is how many characters of a line must be there for the line to count as there.
const recognised = 60

// restoreAudit puts back what somebody took out of the Audit field, and says so. What was restored last is no reason to write again:
// something else writes the field, and two writers would answer each other for ever. It stands below whatever is told next.
func (r *run) restoreAudit(result *deal.Result) {
	newest, _, _ := strings.Cut(r.deal.Told, "\n")
	line := []rune(newest)
	start := string(line[:min(len(line), recognised)])
	if strings.Contains(r.record.Audit, start) {
		return
	}
	if restored(newest) {
		r.record.Audit = r.deal.Told
		return
	}
	if _, blocked := r.settings.Blocked[UpdateOpportunity]; blocked {
		result.Held = true
		return
	}
	r.record.Audit = r.deal.Told
	result.Notes = append(result.Notes, deal.Note{Code: problem.ReadOnlyRestored, Field: deal.Audit})
}

// restored reports whether an Audit line says, in whatever language the connector had then, that Audit itself was restored.
func restored(line string) bool {
	return slices.ContainsFunc(problem.Languages(), func(l problem.Language) bool {
		return strings.Contains(line, l.Problem(problem.New(problem.ReadOnlyRestored, l.Field(deal.Audit), "")))
	})
}

// auditLine puts a line before the record's history. Newest first: a field that is too short loses the oldest.
func (r *run) auditLine(text string) string {
	line := r.now().UTC().Format("2006-01-02 15:04") + " - " + text
	if r.record == nil || r.record.Audit == "" {
		return line
	}
	return line + "\n" + r.record.Audit
}

// report writes a problem to the record's Audit and Sync Status, once for each state of the deal: the texts of remote systems
// differ from call to call, and every write to a record is an event that leads to another run.
func (r *run) report(ctx context.Context, codes, text string) error {
	if r.record == nil || !r.record.Sync {
		return nil
	}
	reported := codes + " " + r.fingerprint()
	if r.deal.Report == reported {
		return nil
	}
	if _, early := r.unsettled(); early {
		return fmt.Errorf("opportunity %s was changed this very second: %w", r.record.ID, crm.ErrChanged)
	}
	audit, status := r.auditLine(text), r.say(statusAttention)
	fields := map[string]any{}
	r.mark(fields, status)
	payload, err := r.crm.EncodeUpdate(crm.Changes{Fields: fields, Book: crm.Bookkeeping{SyncStatus: &status, Audit: &audit}})
	if err != nil {
		return err
	}
	if err := r.crm.Update(ctx, r.record.ID, r.record.Version, payload); err != nil {
		return err
	}
	return r.commit(ctx, store.Change{Report: &reported, Told: told(audit)})
}

// fingerprint identifies everything of the deal that a person can change.
func (r *run) fingerprint() string {
	fields := map[string]any{}
	for _, row := range r.settings.Plan.Rows {
		fields[row.CRM] = r.record.Fields[row.CRM] // not what the agent itself writes: Sync Status and Audit
	}
	if name, unmarked, ok := (mapping.Plan{Rows: r.settings.Plan.Rows}).Mark(fields, ""); ok {
		fields[name] = unmarked // our own mark is no change of the deal
	}
	state := map[string]any{"fields": fields, "contacts": r.record.Contacts, "team": r.record.Team, "solutions": r.record.Sold()}
	if r.referral != nil {
		state["referral"] = r.referral.ETag
	}
	encoded, err := json.Marshal(state)
	if err != nil {
		return err.Error()
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:8])
}
