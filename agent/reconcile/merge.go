package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// What the Sync Status field says.
const (
	statusInSync    = "In sync"
	statusAttention = "Needs attention: see Audit"
)

// precision is the resolution of the CRM's time stamps and precondition, with a margin for the clocks. A record that was read
// within the second of its last change is not written: another change in that second would go unnoticed.
const precision = 1200 * time.Millisecond

// unsettled reports whether the record was read too soon after its last change, and when it can be read again.
func (r *run) unsettled() (time.Time, bool) {
	settled := r.record.ModifiedAt.Add(precision)
	return settled, r.readAt.Before(settled)
}

// merge makes both sides equal.
func (r *run) merge(ctx context.Context) (store.Outcome, error) {
	if !r.record.Sync {
		return store.Done{}, nil // the seller does not want it shared, or paused it; switching it on is an event
	}
	if r.outOfScope() {
		return store.Done{}, nil
	}
	if err := r.readCounterpart(ctx); err != nil {
		return nil, err
	}
	current, err := r.current()
	if err != nil {
		return nil, err
	}
	memory := memoryOf(r.deal)
	result := deal.Merge(memory, current, r.rules, r.holds())
	r.restoreAudit(&result)
	if result.Held {
		r.show(memory, current)
	}
	writes, err := r.writes(ctx, current, result)
	if err != nil {
		return nil, err
	}
	if writes.none() {
		return r.rest(ctx, memory, result)
	}
	if settled, early := r.unsettled(); early && writes.record != nil {
		return store.Retry{At: settled}, nil
	}
	if err := r.begin(ctx, result, writes); err != nil {
		return nil, err
	}
	if err := r.patch(ctx, writes); err != nil {
		return nil, err
	}
	if writes.record != nil {
		if err := r.crm.Update(ctx, r.record.ID, r.record.Version, writes.record); err != nil {
			return nil, asRecordRefusal(r.record.ID, err)
		}
	}
	return r.complete(ctx, result, writes)
}

func asRecordRefusal(id string, err error) error {
	if errors.Is(err, crm.ErrChanged) || errors.Is(err, crm.ErrNotFound) || wire.IsAmbiguous(err) || problem.ClassOf(err) != problem.NeedsPerson {
		return err
	}
	return problem.Wrap(problem.OpportunityRefused, "opportunity "+id, err)
}

func (r *run) current() (deal.Pair, error) {
	record, err := r.settings.Plan.FromRecord(r.record.Fields)
	if err != nil {
		return deal.Pair{}, problem.Wrap(problem.OpportunityRefused, "opportunity "+r.record.ID, err)
	}
	mapping.AddSolutions(record, r.record.Sold())
	if base := memoryOf(r.deal).Base; base != nil {
		record[deal.MicrosoftStatus] = base.CRM[deal.MicrosoftStatus]
	}
	values, err := r.settings.Plan.FromReferral(r.referral.Tree)
	if err == nil && r.counterpart != nil {
		err = r.settings.Plan.AddCounterpart(values, r.counterpart.Tree)
	}
	if err != nil {
		return deal.Pair{}, problem.Wrap(problem.ReferralRefused, "referral "+r.referral.ID, err)
	}
	return deal.Pair{CRM: record, Referral: values}, nil
}

// show logs what would be sent to Partner Center if no flow, and no shadow mode, held it. Names of fields only: values are a
// customer's.
func (r *run) show(memory deal.Memory, current deal.Pair) {
	by, blocked := r.settings.Blocked[PatchReferral]
	if !blocked {
		return
	}
	open := r.holds()
	open.HoldOutbound = false
	if would := deal.Merge(memory, current, r.rules, open); len(would.ToReferral)+len(would.Transitions) > 0 {
		r.log.Info("would change the referral", "held_by", by, "fields", slices.Sorted(maps.Keys(would.ToReferral)), "steps", would.Transitions)
	}
}

func (r *run) holds() deal.Options {
	held := func(effect Effect) bool {
		_, blocked := r.settings.Blocked[effect]
		return blocked
	}
	options := deal.Options{
		HoldOutbound: held(PatchReferral), HoldInbound: held(UpdateOpportunity), HoldSolutions: held(PatchSolutions), HoldHelp: held(CreateCounterpart),
		FixedCurrency: r.settings.Plan.FixedCurrency, MostSolutions: crm.MostSolutions, Ours: r.deal.Link.Origin == store.OriginCRM,
		NoContact: len(r.record.Contacts) == 0 || !r.record.Contacts[0].Complete(),
	}
	switch {
	case r.deal.Link.CounterpartID != "":
		options.Engagement = deal.Asked
	case !r.referral.Outgoing:
		options.Engagement = deal.FromMicrosoft
	}
	return options
}

// writes are the exact bytes of one merge's writes.
type writes struct {
	patches [][]byte // one per status step; the first carries the other fields too
	record  []byte
	report  *string
	told    *string
	audit   []store.AuditEntry
}

func (w writes) none() bool { return len(w.patches) == 0 && w.record == nil }

func (r *run) writes(ctx context.Context, current deal.Pair, result deal.Result) (writes, error) {
	var w writes
	var err error
	if w.patches, err = r.patches(current, result); err != nil {
		return w, err
	}
	w.audit = auditEntries(current, result)
	changes := crm.Changes{Fields: r.settings.Plan.ToRecord(result.ToCRM), Book: r.bookkeeping(result, &w)}
	if changes.Book.SyncStatus != nil {
		r.mark(changes.Fields, *changes.Book.SyncStatus)
	}
	if err := r.soldChanges(ctx, result, &changes); err != nil {
		return w, err
	}
	if !changes.None() {
		w.record, err = r.crm.EncodeUpdate(changes)
	}
	return w, err
}

// soldChanges adds the rows of solutions that Partner Center added, and removes those that it removed.
func (r *run) soldChanges(ctx context.Context, result deal.Result, changes *crm.Changes) error {
	var added []deal.Solution
	for _, solution := range mapping.SolutionsOf(r.referral.Tree) {
		if result.ToCRM[deal.SolutionField(solution.ID)] == deal.True {
			added = append(added, solution)
		}
	}
	for _, row := range r.record.Solutions {
		if value, changed := result.ToCRM[deal.SolutionField(row.ID)]; changed && value != deal.True {
			changes.Remove = append(changes.Remove, row.RowID)
		}
	}
	if len(added) == 0 {
		return nil
	}
	var err error
	changes.Add, err = r.crm.Catalogue(ctx, added)
	return err
}

// patches gives one patch per status step, the first with everything else. Our reference goes with whatever is sent first.
func (r *run) patches(current deal.Pair, result deal.Result) ([][]byte, error) {
	ops := r.settings.Plan.Patch(result.ToReferral)
	if op, changed := mapping.SolutionsOp(r.referral.Tree, result.ToReferral, r.record.Sold()); changed {
		ops = append(ops, op)
	}
	if op, changed := mapping.ContactsOp(r.referral.Tree, r.record.Contacts); changed && result.AskHelp {
		ops = append(ops, op)
	}
	steps := result.Transitions
	if len(ops) == 0 && len(steps) == 0 {
		return nil, nil
	}
	if r.referral.ExternalReference != r.record.ID {
		ops = append(ops, mapping.Op{Path: "/externalReferenceId", Value: r.record.ID})
	}
	reason := result.ToReferral[deal.CloseReason]
	if reason == "" {
		reason = current.Referral[deal.CloseReason]
	}
	var patches [][]byte
	for i := 0; i == 0 || i < len(steps); i++ {
		if i < len(steps) {
			ops = append(mapping.StatusOps(steps[i], reason), ops...)
		}
		replacements := make([]referral.Replace, 0, len(ops))
		for _, op := range ops {
			replacements = append(replacements, referral.Replace(op))
		}
		patch, err := referral.EncodePatch(replacements)
		if err != nil {
			return nil, err
		}
		patches, ops = append(patches, patch), nil
	}
	return patches, nil
}

// bookkeeping decides what the seller is told. A record is not written for good news alone, except the first and the end of
// a problem. A note that waits is told once, however many merges say it.
func (r *run) bookkeeping(result deal.Result, w *writes) crm.Bookkeeping {
	var book crm.Bookkeeping
	var lines, waiting []string
	if !strings.EqualFold(r.record.Key, r.referral.ID) {
		id := strings.ToLower(r.referral.ID)
		book.Key = &id
		lines = append(lines, "Shared with Partner Center as referral "+r.referral.ID+".")
	} else if fields := slices.Sorted(maps.Keys(result.ToCRM)); len(fields) > 0 {
		lines = append(lines, "Partner Center changed "+strings.ReplaceAll(strings.Join(fields, ", "), "_", " ")+".")
	}
	for _, note := range result.Notes {
		text := problem.New(note.Code, strings.ReplaceAll(note.Field, "_", " "), note.Detail).Error()
		if note.Waits {
			waiting = append(waiting, text)
		} else {
			lines = append(lines, text)
		}
	}
	report, status := strings.Join(waiting, " "), statusInSync
	switch {
	case report == "" && r.deal.Report != "":
		lines = append(lines, "The problem is solved.")
	case report != "":
		status = statusAttention
		if report != r.deal.Report {
			lines = append(lines, report)
		}
	}
	if _, blocked := r.settings.Blocked[UpdateOpportunity]; r.record.SyncStatus != status && !blocked {
		book.SyncStatus = &status // a person edited it
	}
	if len(lines) == 0 {
		return book
	}
	audit := r.auditLine(strings.Join(lines, " "))
	book.Audit, book.SyncStatus, w.report, w.told = &audit, &status, &report, told(audit)
	return book
}

// mark shows the sync status before the record's name.
func (r *run) mark(fields map[string]any, status string) {
	mark := deal.MarkSuccess
	if status == statusAttention {
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

// recognised is how many characters of a line must be there for the line to count as there.
const recognised = 60

// restoreAudit puts back what somebody took out of the Audit field, and says so. What was restored last is not restored again:
// something else writes the field, and two writers would answer each other for ever.
func (r *run) restoreAudit(result *deal.Result) {
	newest, _, _ := strings.Cut(r.deal.Told, "\n")
	line := []rune(newest)
	start := string(line[:min(len(line), recognised)])
	if strings.Contains(r.record.Audit, start) || strings.Contains(newest, problem.New(problem.ReadOnlyRestored, deal.Audit, "").Error()) {
		return
	}
	if _, blocked := r.settings.Blocked[UpdateOpportunity]; blocked {
		return
	}
	r.record.Audit = r.deal.Told
	result.Notes = append(result.Notes, deal.Note{Code: problem.ReadOnlyRestored, Field: deal.Audit})
}

// auditLine puts a line before the record's history. Newest first: a field that is too short loses the oldest.
func (r *run) auditLine(text string) string {
	line := r.now().UTC().Format("2006-01-02 15:04") + " - " + text
	if r.record == nil || r.record.Audit == "" {
		return line
	}
	return line + "\n" + r.record.Audit
}

func auditEntries(current deal.Pair, result deal.Result) []store.AuditEntry {
	var entries []store.AuditEntry
	for _, field := range slices.Sorted(maps.Keys(result.ToCRM)) {
		entries = append(entries, store.AuditEntry{Actor: "pc", Direction: "inbound", Field: field, Old: current.CRM[field], New: result.ToCRM[field]})
	}
	for _, field := range slices.Sorted(maps.Keys(result.ToReferral)) {
		entries = append(entries, store.AuditEntry{Actor: "crm", Direction: "outbound", Field: field, Old: current.Referral[field], New: result.ToReferral[field]})
	}
	for _, step := range result.Transitions {
		entries = append(entries, store.AuditEntry{Actor: "crm", Direction: "outbound", Field: deal.StatusField, Old: current.Referral[deal.StatusField], New: step})
	}
	for _, note := range result.Notes {
		entries = append(entries, store.AuditEntry{Actor: "agent", Field: note.Field, Rule: string(note.Code), Detail: note.Detail})
	}
	return entries
}

// begin remembers the attempt and journals its bytes before the first is sent.
func (r *run) begin(ctx context.Context, result deal.Result, w writes) error {
	change := store.Change{Pending: packAttempt(result.Attempt), Settle: r.superseded()}
	add := func(kind string, n int, payload []byte, correlation string) {
		change.Open = append(change.Open, store.Intent{
			ID: fmt.Sprintf("%s:%s:%d:%d", kind, r.claim.Key, r.claim.Fence, n), Kind: kind, Payload: payload, Correlation: correlation,
			State: store.IntentSent, SentAt: r.now(),
		})
	}
	for n, patch := range w.patches {
		add(intentPatch, n, patch, r.referral.ID)
	}
	if w.record != nil {
		add(intentUpdate, 0, w.record, r.record.ID)
	}
	if err := r.commit(ctx, change); err != nil {
		return err
	}
	r.deal.Intents = change.Open
	return nil
}

// superseded settles the updates that earlier runs left open.
func (r *run) superseded() []store.Settlement { return r.settleUpdates(store.IntentSuperseded) }

func (r *run) settleUpdates(state string) []store.Settlement {
	var settlements []store.Settlement
	for _, intent := range r.deal.Intents {
		if intent.Kind == intentPatch || intent.Kind == intentUpdate {
			settlements = append(settlements, store.Settlement{ID: intent.ID, State: state})
		}
	}
	return settlements
}

// patch sends the patches. Right before it, the seller's wish to share is read again unless it was read just now.
func (r *run) patch(ctx context.Context, w writes) error {
	for _, patch := range w.patches {
		if err := r.stillWanted(ctx); err != nil {
			return err
		}
		patched, err := r.center.Patch(ctx, r.referral.ID, r.referral.ETag, patch)
		if err != nil {
			if errors.Is(err, referral.ErrChanged) || errors.Is(err, referral.ErrNotFound) {
				return err
			}
			return asRefusal(err)
		}
		r.referral = &patched
	}
	return nil
}

// complete makes the attempt the new base: every write of it arrived.
func (r *run) complete(ctx context.Context, result deal.Result, w writes) (store.Outcome, error) {
	change := store.Change{
		Base: packBase(result.Attempt.Intended), Settle: r.settleUpdates(store.IntentDone), Audit: w.audit, Report: w.report, Told: w.told, Link: r.phase(result),
	}
	if err := r.commit(ctx, change); err != nil {
		return nil, err
	}
	r.log.Info("made equal", "to_crm", slices.Sorted(maps.Keys(result.ToCRM)), "to_partner_center", slices.Sorted(maps.Keys(result.ToReferral)), "steps", result.Transitions)
	return r.next(ctx, result)
}

// rest ends a run in which nothing had to be written.
func (r *run) rest(ctx context.Context, memory deal.Memory, result deal.Result) (store.Outcome, error) {
	change := store.Change{Settle: r.settleUpdates(store.IntentDone), Link: r.phase(result)}
	if memory.Base == nil || len(memory.Pending) > 0 || !maps.Equal(packBase(*memory.Base), packBase(result.Attempt.Intended)) {
		change.Base = packBase(result.Attempt.Intended)
	}
	if change.Base != nil || len(change.Settle) > 0 || change.Link != nil {
		if err := r.commit(ctx, change); err != nil {
			return nil, err
		}
	}
	return r.next(ctx, result)
}

// phase notes that the deal came to its end; nil when nothing changes.
func (r *run) phase(result deal.Result) *store.Link {
	if !deal.Terminal(result.Attempt.Intended.Referral[deal.StatusField]) || r.deal.Link.Phase == store.PhaseClosed {
		return nil
	}
	link := r.deal.Link
	link.Phase = store.PhaseClosed
	return &link
}

// next tells what the deal waits for. A shared deal that asks for help goes on to the second referral.
func (r *run) next(ctx context.Context, result deal.Result) (store.Outcome, error) {
	if result.AskHelp {
		if outcome, err := r.requestHelp(ctx, result.Attempt.Intended.CRM[deal.Help]); outcome != nil || err != nil {
			return outcome, err
		}
	}
	if result.More {
		return r.again(briefly, nil), nil
	}
	if result.Held {
		for _, effect := range []Effect{PatchReferral, UpdateOpportunity, PatchSolutions, CreateCounterpart} {
			if flow, blocked := r.settings.Blocked[effect]; blocked {
				return store.Gate{Flow: flow}, nil
			}
		}
	}
	return store.Done{}, nil
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
	audit, status := r.auditLine(text), statusAttention
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
	fields := maps.Clone(r.record.Fields)
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
