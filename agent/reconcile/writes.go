package reconcile

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/agent/referral"
	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// writes are the exact bytes of one merge's writes.
type writes struct {
	patches [][]byte // one per status step; the first carries the other fields too
	record  []byte
	report  *string
	told    *string
	audit   []store.AuditEntry
}

func (r *run) writes(ctx context.Context, current deal.Pair, result *deal.Result) (writes, error) {
	var w writes
	var err error
	if w.patches, err = r.patches(current, *result); err != nil {
		return w, err
	}
	w.audit = auditEntries(current, *result)
	fields, err := r.settings.Plan.ToRecord(result.ToCRM)
	if err != nil {
		return w, unreadable(problem.OpportunityRefused, "referral "+r.referral.ID, err)
	}
	changes := crm.Changes{Fields: fields, Book: r.bookkeeping(result, &w)}
	if changes.Book.SyncStatus != nil {
		r.mark(changes.Fields, *changes.Book.SyncStatus)
	}
	if err := r.soldChanges(ctx, *result, &changes); err != nil {
		return w, err
	}
	if err := r.contactChanges(ctx, *result, &changes); err != nil {
		return w, err
	}
	if !changes.None() {
		w.record, err = r.crm.EncodeUpdate(changes)
	}
	return w, err
}

// decisions are the entries of the history that say why, changes those that say what.
func (w writes) decisions() []store.AuditEntry {
	return slices.DeleteFunc(slices.Clone(w.audit), func(e store.AuditEntry) bool { return e.Rule == "" })
}

func (w writes) changes() []store.AuditEntry {
	return slices.DeleteFunc(slices.Clone(w.audit), func(e store.AuditEntry) bool { return e.Rule != "" })
}

func (w writes) none() bool { return len(w.patches) == 0 && w.record == nil }

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

// contactChanges gives the contacts whom Partner Center added their roles, and takes those whom it removed off the record.
func (r *run) contactChanges(ctx context.Context, result deal.Result, changes *crm.Changes) error {
	var added []deal.Person
	for _, person := range mapping.ContactsOf(r.referral.Tree) {
		if result.ToCRM[deal.ContactField(person.Email)] != "" {
			added = append(added, person)
		}
	}
	for _, row := range r.record.Contacts {
		if value, changed := result.ToCRM[deal.ContactField(row.Email)]; changed && value == "" {
			changes.RemoveContacts = append(changes.RemoveContacts, row.RowID)
		}
	}
	if len(added) == 0 {
		return nil
	}
	found, err := r.crm.Contacts(ctx, r.record.AccountID, added)
	if err != nil {
		return err
	}
	for i := range found {
		found[i].Primary = i == 0 && len(r.record.Contacts) == 0
		found[i].HasRole = slices.ContainsFunc(r.record.Contacts, func(row crm.ContactRow) bool { return strings.EqualFold(row.Email, found[i].Email) })
	}
	changes.AddContacts, changes.AccountID = found, r.record.AccountID
	return nil
}

// patches gives one patch per status step, the first with everything else. Our reference goes with whatever is sent first.
func (r *run) patches(current deal.Pair, result deal.Result) ([][]byte, error) {
	ops := r.settings.Plan.Patch(result.ToReferral)
	if op, changed := mapping.SolutionsOp(r.referral.Tree, result.ToReferral, r.record.Sold()); changed {
		ops = append(ops, op)
	}
	ops = append(ops, mapping.PeopleOps(r.referral.Tree, result.ToReferral, r.record.People(), r.record.Team)...)
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
