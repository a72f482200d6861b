// Package mapping carries values between a deal, a referral and a CRM record, by a declared table. It is pure, and it
// knows no API name: paths of the referral and fields of the CRM are data.
package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

// Row declares where both sides keep one field of a deal.
type Row struct {
	Field         string
	PartnerCenter string // dotted path in the referral, e.g. details.dealValue
	CRM           string // field of the opportunity; a dotted path reaches a related record, e.g. Account.Name
	Inbound       bool
	Outbound      bool
	OnCreate      bool
	OnUpdate      bool
	Winner        deal.Side
	deal.Ways
	Transform *Transform // nil: the value is carried as it is
}

// Stages says how pipeline stages name a deal's status. Closed lists the organisation's closed stages and whether they
// mean won; every other stage but OnHold is active.
type Stages struct {
	OnHold, Active, Won, Lost string
	Closed                    map[string]bool
}

// Plan is a whole mapping.
type Plan struct {
	Rows   []Row
	Stages Stages
	// Help gives the assistance request code by the CRM's picklist value, lower-cased; HelpValues the value by the code, as the
	// CRM spells it.
	Help, HelpValues map[string]string
	// FixedCurrency is the currency of an organisation whose opportunities have no currency field; empty otherwise.
	FixedCurrency string
	// LongestName is how many characters a record's name takes; 0: any number.
	LongestName int
	// Marks says that a mark before the record's name shows success or failure.
	Marks bool
}

// Rules gives the merge rules of linked deals: rows that apply on create only become fields that nobody writes any more. The
// sets of solutions and people, and what Microsoft answers, have no row of their own.
func (p Plan) Rules() []deal.Rule {
	rules := []deal.Rule{
		{Field: deal.Solutions, Inbound: true, Outbound: true}, {Field: deal.Contacts, Inbound: true, Outbound: true}, {Field: deal.Team, Outbound: true},
		{Field: deal.MicrosoftStatus, Inbound: true},
	}
	for _, row := range p.Rows {
		rules = append(rules, deal.Rule{
			Field: row.Field, Inbound: row.Inbound && row.OnUpdate, Outbound: row.Outbound && row.OnUpdate, Winner: row.Winner, Ways: row.Ways,
		})
	}
	return rules
}

// Fields lists the CRM fields that must be read, in the table's order.
func (p Plan) Fields() []string {
	var fields []string
	for _, row := range p.Rows {
		if row.CRM != "" {
			fields = append(fields, row.CRM)
		}
	}
	return fields
}

// FromRecord reads a CRM record, given as values by field path. It fails when any row does; see [Plan.TryRecord].
func (p Plan) FromRecord(fields map[string]any) (deal.Values, error) {
	values, failed, err := p.TryRecord(fields)
	return values, errors.Join(err, failed.First())
}

// TryRecord reads a CRM record as far as it can be read: a row that cannot turn its value has no value and is among the failed. It
// fails when the status cannot be read, without which nothing can be decided.
func (p Plan) TryRecord(fields map[string]any) (values deal.Values, failed Failed, err error) {
	values, failed = deal.Values{}, Failed{}
	for _, row := range p.Rows {
		text, err := p.recordValue(row, fields)
		switch {
		case err == nil:
			values[row.Field] = text
		case row.Field == deal.StatusField:
			return nil, nil, fmt.Errorf("CRM field %s: %w", row.CRM, err)
		default:
			failed.add(row.Field, row.source(row.CRM), err)
		}
	}
	if p.FixedCurrency != "" {
		values[deal.Currency] = p.FixedCurrency
		delete(failed, deal.Currency)
	}
	return values, failed, nil
}

// recordValue gives the canonical text of what a record says in one row.
func (p Plan) recordValue(row Row, fields map[string]any) (string, error) {
	raw, err := row.fromRecord(fields)
	if err != nil {
		return "", err
	}
	switch row.Field {
	case deal.StatusField:
		return p.statusOfStage(raw)
	case deal.Help:
		return p.helpCode(raw)
	default:
		return row.normalize(raw)
	}
}

func (p Plan) statusOfStage(raw any) (deal.Status, error) {
	stage, _ := raw.(string)
	if won, closed := p.Stages.Closed[stage]; closed && won {
		return deal.Won, nil
	} else if closed {
		return deal.Lost, nil
	}
	switch stage {
	case "":
		return "", fmt.Errorf("the stage is empty")
	case p.Stages.OnHold:
		return deal.New, nil
	default:
		return deal.Active, nil
	}
}

func (p Plan) helpCode(raw any) (string, error) {
	text, err := deal.Normalize(deal.Help, raw)
	if err != nil || text == "" {
		return "", err
	}
	if code, ok := p.Help[strings.ToLower(text)]; ok {
		return code, nil
	}
	return deal.UnknownHelp, nil
}

// referralPortal is where a person opens a referral in Partner Center.
const referralPortal = "https://partner.microsoft.com/dashboard/v2/referrals/details/"

// FromReferral reads a referral, given as decoded JSON. It fails when any row does; see [Plan.TryReferral].
func (p Plan) FromReferral(referral map[string]any) (deal.Values, error) {
	values, failed, err := p.TryReferral(referral)
	return values, errors.Join(err, failed.First())
}

// TryReferral is [Plan.TryRecord] for a referral.
func (p Plan) TryReferral(referral map[string]any) (values deal.Values, failed Failed, err error) {
	values, failed = deal.Values{}, Failed{}
	for _, row := range p.Rows {
		text, err := p.referralText(row, referral)
		switch {
		case err == nil:
			values[row.Field] = text
		case row.Field == deal.StatusField:
			return nil, nil, fmt.Errorf("referral property %s: %w", row.PartnerCenter, err)
		default:
			failed.add(row.Field, row.source(row.PartnerCenter), err)
		}
	}
	AddSolutions(values, SolutionsOf(referral))
	deal.AddPeople(values, deal.ContactField, PeopleOf(referral, contactsPath))
	deal.AddPeople(values, deal.MemberField, PeopleOf(referral, teamPath))
	return values, failed, nil
}

// referralText gives the canonical text of what a referral says in one row.
func (p Plan) referralText(row Row, referral map[string]any) (string, error) {
	raw, err := row.fromReferral(referral)
	if err != nil {
		return "", err
	}
	switch row.Field {
	case deal.StatusField:
		return statusOfReferral(referral)
	case deal.ReferralLink:
		id, _ := raw.(string)
		return referralPortal + strings.ToLower(id), nil
	case deal.CloseReason:
		return closeReason(raw, referral)
	case deal.Help:
		code, _ := raw.(string)
		if _, shown := p.HelpValues[code]; shown {
			return code, nil
		}
		return "", nil
	case deal.CustomerState:
		if raw == nil || raw == "" {
			raw = lookup(referral, strings.TrimSuffix(row.PartnerCenter, "state")+"region")
		}
	}
	return row.normalize(raw)
}

// AddCounterpart completes a referral's values with what only Microsoft's own referral of the engagement says: its answer,
// its identifier of the deal, and what it was asked for. Rows that cannot turn what it says are among the failed.
func (p Plan) AddCounterpart(values deal.Values, counterpart map[string]any) (failed Failed, err error) {
	status, err := statusOfReferral(counterpart)
	if err != nil {
		return nil, fmt.Errorf("the referral of Microsoft: %w", err)
	}
	values[deal.MicrosoftStatus] = status
	if values[deal.MicrosoftReason], err = deal.Normalize(deal.MicrosoftReason, lookup(counterpart, "statusReason")); err != nil {
		return nil, fmt.Errorf("the referral of Microsoft: %w", err)
	}
	theirs, failed, err := p.Only(deal.MicrosoftCRMID, deal.Help).TryReferral(counterpart)
	if err != nil {
		return nil, fmt.Errorf("the referral of Microsoft: %w", err)
	}
	if values[deal.MicrosoftCRMID] == "" {
		values[deal.MicrosoftCRMID] = theirs[deal.MicrosoftCRMID]
	}
	if theirs[deal.Help] != "" {
		values[deal.Help] = theirs[deal.Help] // what Microsoft was asked for in the end
	}
	return failed, nil
}

// Mark gives the CRM field of the name and the name with a mark ([deal.MarkSuccess] or [deal.MarkFailure]); ok is false when
// the record's name is so already. A name that the mark would make too long goes without, and where marks are switched off an
// old one is taken away.
func (p Plan) Mark(fields map[string]any, mark string) (field, name string, ok bool) {
	for _, row := range p.Rows {
		if row.Field == deal.Name {
			field = row.CRM
		}
	}
	current, _ := fields[field].(string)
	name = deal.StripMark(current)
	if p.Marks && name != "" && (p.LongestName == 0 || len([]rune(mark+name)) <= p.LongestName) {
		name = mark + name
	}
	return field, name, name != current && field != "" && current != ""
}

// Fit gives the values of a new record as it can hold them: only those that are written on create, a status that the CRM knows,
// a name that is not too long.
func (p Plan) Fit(values deal.Values) deal.Values {
	fitted := values.Clone()
	for _, row := range p.Rows {
		if !row.Inbound || !row.OnCreate {
			delete(fitted, row.Field)
		}
	}
	fitted[deal.StatusField] = deal.InCRM(values[deal.StatusField])
	if name := []rune(fitted[deal.Name]); p.LongestName > 0 && len(name) > p.LongestName {
		fitted[deal.Name] = strings.TrimSpace(string(name[:p.LongestName]))
	}
	return fitted
}

// statusOfReferral reads status and substatus (the state table of "referral-resources").
func statusOfReferral(referral map[string]any) (deal.Status, error) {
	status, _ := referral["status"].(string)
	substatus, _ := referral["substatus"].(string)
	switch status {
	case "New":
		return deal.New, nil
	case "Active":
		return deal.Active, nil
	case "Closed":
		switch substatus {
		case "Won", "Lost", "Declined", "Expired", "Error":
			return strings.ToLower(substatus), nil
		}
	}
	return "", fmt.Errorf("status %q with substatus %q is unknown", status, substatus)
}

// closeReason names expiry and error where Partner Center gives no reason of its own.
func closeReason(raw any, referral map[string]any) (string, error) {
	reason, err := deal.Normalize(deal.CloseReason, raw)
	if substatus, _ := referral["substatus"].(string); reason == "" && (substatus == "Expired" || substatus == "Error") {
		reason = substatus
	}
	return reason, err
}

// ToRecord gives the CRM fields that hold the values. Rows that do not write to the CRM, those of related records, and an
// organisation's fixed currency are left out. Empty values clear the field. It fails with a [Failure].
func (p Plan) ToRecord(values deal.Values) (map[string]any, error) {
	fields := map[string]any{}
	for _, row := range p.Rows {
		value, ok := values[row.Field]
		if !ok || !row.writesRecord() || row.Field == deal.Currency && p.FixedCurrency != "" {
			continue
		}
		if row.Field == deal.Help {
			if value, ok = p.HelpValues[value]; !ok {
				continue // a code that the CRM has no value for
			}
		}
		var err error
		if fields[row.CRM], err = p.crmValue(row, value); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// ToRelated gives the fields of one related record, e.g. of the account for "Account", without the prefix. It fails with a
// [Failure].
func (p Plan) ToRelated(record string, values deal.Values) (map[string]any, error) {
	fields := map[string]any{}
	for _, row := range p.Rows {
		name, ok := strings.CutPrefix(row.CRM, record+".")
		if !ok || !row.Inbound || values[row.Field] == "" {
			continue
		}
		var err error
		if fields[name], err = p.crmValue(row, values[row.Field]); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

func (p Plan) crmValue(row Row, value string) (any, error) {
	switch {
	case row.Field == deal.StatusField:
		return p.stageOf(value), nil
	case row.Transform != nil:
		return row.toRecord(value)
	default:
		return plain(deal.KindOf(row.Field), value), nil
	}
}

func (p Plan) stageOf(status deal.Status) string {
	switch deal.InCRM(status) {
	case deal.New:
		return p.Stages.OnHold
	case deal.Won:
		return p.Stages.Won
	case deal.Lost:
		return p.Stages.Lost
	default:
		return p.Stages.Active
	}
}

// Op is one replacement in a referral. Path is a JSON Pointer.
type Op struct {
	Path  string
	Value any
}

// Patch gives the replacements for a referral, except status steps (see [StatusOps]), solutions (see [SolutionsOp]) and help,
// which Partner Center learns with a referral of its own. The order is the table's.
func (p Plan) Patch(values deal.Values) []Op {
	var ops []Op
	for _, row := range p.Rows {
		value, ok := values[row.Field]
		if !ok || row.Field == deal.StatusField || row.Field == deal.CloseReason || row.Field == deal.Help || row.PartnerCenter == "" {
			continue
		}
		ops = append(ops, Op{pointer(row.PartnerCenter), row.centerValue(value)})
	}
	return ops
}

// StatusOps gives the replacements of one status step; a reason goes with a closing that is not a win.
func StatusOps(status deal.Status, reason string) []Op {
	ops := func(status, substatus string) []Op { return []Op{{"/status", status}, {"/substatus", substatus}} }
	switch status {
	case deal.Active:
		return ops("Active", "Accepted")
	case deal.Won:
		return ops("Closed", "Won")
	default:
		closing := ops("Closed", strings.ToUpper(status[:1])+status[1:])
		if reason != "" {
			closing = append(closing, Op{"/statusReason", reason})
		}
		return closing
	}
}

func pointer(path string) string { return "/" + strings.ReplaceAll(path, ".", "/") }

func referralValue(field, value string) any {
	switch deal.KindOf(field) {
	case deal.Flag:
		return value == deal.True
	case deal.Decimal:
		return json.Number(value)
	case deal.Date:
		if value == "" {
			return nil
		}
		return value + "T00:00:00Z"
	default:
		return value
	}
}

// attributesPath is where a referral keeps typed attributes, a list of {type, id} ("referral-resources"). A path with a type after it
// means the id of the attribute of that type.
const attributesPath = "details.requirements.additionalRequirements.attributes"

// attribute gives the type of attribute that a path means; ok is false for every other path.
func attribute(path string) (kind string, ok bool) {
	return strings.CutPrefix(path, attributesPath+".")
}

// lookup follows a dotted path; nil when it leads nowhere.
func lookup(tree map[string]any, path string) any {
	if kind, ok := attribute(path); ok {
		return attributeID(tree, kind)
	}
	var node any = tree
	for _, step := range strings.Split(path, ".") {
		branch, ok := node.(map[string]any)
		if !ok {
			return nil
		}
		node = branch[step]
	}
	return node
}

func attributeID(tree map[string]any, kind string) any {
	list, _ := lookup(tree, attributesPath).([]any)
	for _, entry := range list {
		if attribute, ok := entry.(map[string]any); ok && attribute["type"] == kind {
			return attribute["id"]
		}
	}
	return nil
}

// place sets the value at a dotted path, making the objects on the way.
func place(tree map[string]any, path string, value any) {
	if kind, ok := attribute(path); ok {
		list, _ := lookup(tree, attributesPath).([]any)
		place(tree, attributesPath, append(list, map[string]any{"type": kind, "id": value}))
		return
	}
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		branch, ok := tree[step].(map[string]any)
		if !ok {
			branch = map[string]any{}
			tree[step] = branch
		}
		tree = branch
	}
	tree[steps[len(steps)-1]] = value
}
