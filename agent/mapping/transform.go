package mapping

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/expression"
)

// Transform says how a row turns one side's value into the other's. What both sides of the merge hold is in the terms of the side
// that is written: the CRM's in a row that is inbound only, Partner Center's in every other. So a change is a change of what would
// be written, and a record that another field changes is written again only if the result is another.
type Transform struct {
	Constant string            // the result, whatever the source
	Default  string            // the result where there would be none; the CRM's where the row is written there
	ToCRM    map[string]string // the CRM's value by Partner Center's
	ToCenter map[string]string // Partner Center's value by the CRM's
	Inbound  *expression.Expression
	Outbound *expression.Expression

	CRMKind  deal.Kind // of the CRM's field
	CRMScale int       // decimal places of a CRM field that holds decimals; negative: unknown
}

// changes reports whether the value itself becomes another, beyond how a side writes it.
func (t *Transform) changes() bool {
	return t.Constant != "" || t.Default != "" || len(t.ToCRM) > 0 || len(t.ToCenter) > 0 || t.Inbound != nil || t.Outbound != nil
}

// Failure says that a row cannot turn a value.
type Failure struct {
	Field  string
	Source string // where the value stands
	Err    error
}

// Error gives the field, where its value stands, and why.
func (f *Failure) Error() string {
	return fmt.Sprintf("field %s, from %s: %s", f.Field, f.Source, f.Err)
}

// Unwrap gives the reason.
func (f *Failure) Unwrap() error { return f.Err }

// Failed are the rows that cannot turn a value, by field.
type Failed map[string]*Failure

func (f Failed) add(field, source string, err error) { f[field] = &Failure{field, source, err} }

// First gives the failure of the first field by name; nil when there is none.
func (f Failed) First() error {
	for _, field := range slices.Sorted(maps.Keys(f)) {
		return f[field]
	}
	return nil
}

// Reasons tells, by field, where the value stands and why it cannot be turned.
func (f Failed) Reasons() map[string]string {
	reasons := make(map[string]string, len(f))
	for field, failure := range f {
		reasons[field] = failure.Source + ": " + failure.Err.Error()
	}
	return reasons
}

// centerKinds are the properties of a referral that are no text ("referral-resources").
var centerKinds = map[string]deal.Kind{
	"details.dealValue": deal.Decimal, "details.closingDateTime": deal.Date, "favorite": deal.Flag,
	"consent.consentToShareReferralWithMicrosoftSellers": deal.Flag, "consent.consentToContact": deal.Flag,
	"consent.consentToToShareInfoWithOthers": deal.Flag,
}

func (r Row) inboundOnly() bool { return r.Inbound && !r.Outbound }

// kind is how the row's value is normalised and compared.
func (r Row) kind() deal.Kind {
	if r.Transform == nil || deal.Known(r.Field) {
		return deal.KindOf(r.Field)
	}
	if r.inboundOnly() {
		return r.Transform.CRMKind
	}
	if kind, known := centerKinds[r.PartnerCenter]; known || r.Transform.changes() || !r.Inbound {
		return kind
	}
	return r.Transform.CRMKind
}

// normalize gives the canonical text of a value in the terms of the side that is written.
func (r Row) normalize(raw any) (string, error) {
	text, err := deal.NormalizeAs(r.kind(), r.Field, raw)
	if err == nil && r.Transform != nil && r.inboundOnly() {
		text = r.Transform.round(text)
	}
	return text, err
}

// round gives a decimal as the CRM's field keeps it: otherwise what was written would never be what is read.
func (t *Transform) round(text string) string {
	if t.CRMKind != deal.Decimal || t.CRMScale < 0 || text == "" {
		return text
	}
	number, ok := new(big.Rat).SetString(text)
	if !ok {
		return text
	}
	rounded, err := deal.NormalizeAs(deal.Decimal, "", number.FloatString(t.CRMScale))
	if err != nil {
		return text
	}
	return rounded
}

// fromRecord gives what the record says, in the terms of the side that is written.
func (r Row) fromRecord(fields map[string]any) (any, error) {
	raw := fields[r.CRM]
	if name, isText := raw.(string); isText && r.Field == deal.Name {
		raw = deal.StripMark(name)
	}
	if r.Transform == nil || r.inboundOnly() {
		return raw, nil
	}
	return r.outgoing(raw, fields)
}

// fromReferral gives what the referral says, in the terms of the side that is written.
func (r Row) fromReferral(referral map[string]any) (any, error) {
	raw := lookup(referral, r.PartnerCenter)
	if r.Transform == nil || !r.Inbound {
		return raw, nil
	}
	if r.inboundOnly() {
		return r.incoming(raw, referral)
	}
	return r.reversible(raw)
}

// FromSent reads the body of a referral that is about to be created, as far as it can be read. What only Partner Center fills is not
// in it yet, so rows that compute the CRM's value from a whole referral are left out.
func (p Plan) FromSent(body map[string]any) (deal.Values, error) {
	p.Rows = slices.DeleteFunc(slices.Clone(p.Rows), func(r Row) bool { return r.inboundOnly() && r.Transform != nil && r.Transform.Inbound != nil })
	values, _, err := p.TryReferral(body)
	return values, err
}

// Only is the plan with the rows of some fields; what another row makes of a value is then no failure.
func (p Plan) Only(fields ...string) Plan {
	p.Rows = slices.DeleteFunc(slices.Clone(p.Rows), func(r Row) bool { return !slices.Contains(fields, r.Field) })
	return p
}

// with is the plan with one row.
func (p Plan) with(row Row) Plan {
	p.Rows = []Row{row}
	return p
}

func (r Row) source(path string) string {
	switch {
	case path != "":
		return path
	case r.Transform.Constant != "":
		return "its constant"
	default:
		return "its expression"
	}
}

func blank(raw any) bool { return raw == nil || raw == "" }

// outgoing turns the CRM's value into Partner Center's. Fields are the record's by path; nil where no expression needs them.
func (r Row) outgoing(raw any, fields map[string]any) (any, error) {
	t := r.Transform
	result := raw
	var err error
	switch {
	case t.Constant != "":
		return t.Constant, nil
	case t.Outbound != nil:
		result, err = t.Outbound.Evaluate(context.Background(), nested(fields, t.Outbound.Paths()), raw)
	case len(t.ToCenter) > 0:
		result, err = r.translate(raw, t.CRMKind, t.ToCenter, "Partner Center")
	}
	if err == nil && blank(result) && t.Default != "" && !r.Inbound {
		result = t.Default
	}
	return result, err
}

// incoming turns Partner Center's value into the CRM's.
func (r Row) incoming(raw any, referral map[string]any) (any, error) {
	t := r.Transform
	result := raw
	var err error
	switch {
	case t.Constant != "":
		return t.Constant, nil
	case t.Inbound != nil:
		result, err = t.Inbound.Evaluate(context.Background(), referral, raw)
	case len(t.ToCRM) > 0:
		result, err = r.translate(raw, deal.Text, t.ToCRM, "the CRM")
	}
	if err == nil && blank(result) && t.Default != "" {
		result = t.Default
	}
	return result, err
}

// translate looks a value up. One that the map does not name is a failure: the other side would be told something wrong.
func (r Row) translate(raw any, kind deal.Kind, values map[string]string, side string) (any, error) {
	text, err := deal.NormalizeAs(kind, r.Field, raw)
	if err != nil || text == "" {
		return nil, err
	}
	if value, ok := values[text]; ok {
		return value, nil
	}
	return nil, fmt.Errorf("%q has no value in %s; values names %s", text, side, strings.Join(slices.Sorted(maps.Keys(values)), ", "))
}

// reversible gives Partner Center's value of a row that travels both ways, and the value of the default where there is none. It
// fails when the value would come back from the CRM as another one, because the two sides would then change each other for ever.
func (r Row) reversible(raw any) (any, error) {
	t := r.Transform
	if blank(raw) && t.Default != "" {
		return r.outgoing(t.typed(t.Default), nil)
	}
	if !t.changes() || !r.OnUpdate {
		return raw, nil
	}
	there, err := r.normalize(raw)
	if err != nil {
		return nil, err
	}
	inCRM, err := r.crmText(there)
	if err != nil {
		return nil, err
	}
	returned, err := r.outgoing(t.typed(inCRM), nil)
	if err != nil {
		return nil, err
	}
	back, err := r.normalize(returned)
	if err != nil {
		return nil, err
	}
	if back != there {
		return nil, fmt.Errorf("%q becomes %q in the CRM, which becomes %q in Partner Center: each way must undo the other", there, inCRM, back)
	}
	return raw, nil
}

// crmText gives the canonical text of a value as the CRM's field holds it.
func (r Row) crmText(value string) (string, error) {
	t := r.Transform
	if r.inboundOnly() {
		return value, nil
	}
	result, err := r.incoming(plain(r.kind(), value), nil)
	if err != nil {
		return "", err
	}
	text, err := deal.NormalizeAs(t.CRMKind, r.Field, result)
	return t.round(text), err
}

// toRecord gives the value as the CRM's field takes it.
func (r Row) toRecord(value string) (any, error) {
	text, err := r.crmText(value)
	if err != nil {
		return nil, &Failure{r.Field, r.source(r.PartnerCenter), err}
	}
	return r.Transform.typed(text), nil
}

// typed gives canonical text as the CRM's JSON holds it.
func (t *Transform) typed(text string) any { return plain(t.CRMKind, text) }

// plain gives canonical text as JSON holds a value of that kind.
func plain(kind deal.Kind, text string) any {
	switch {
	case kind == deal.Flag:
		return text == deal.True || strings.EqualFold(text, "true")
	case text == "":
		return nil
	case kind == deal.Decimal:
		return json.Number(text)
	default:
		return text
	}
}

// centerValue gives the value as the referral's property takes it.
func (r Row) centerValue(value string) any {
	if r.Transform == nil {
		return referralValue(r.Field, value)
	}
	switch kind := centerKinds[r.PartnerCenter]; {
	case kind == deal.Date && value != "":
		return value + "T00:00:00Z"
	case kind == deal.Text:
		return value
	default:
		return plain(kind, value)
	}
}

// nested gives the named fields of a record as a tree.
func nested(fields map[string]any, paths []string) map[string]any {
	tree := map[string]any{}
	for _, path := range paths { // in order, so that a relationship stands before what is reached through it
		place(tree, path, fields[path])
	}
	return tree
}

// writesRecord reports whether the row writes to the opportunity itself, and not to the account or to nothing at all.
func (r Row) writesRecord() bool { return r.Inbound && r.CRM != "" && !strings.Contains(r.CRM, ".") }
