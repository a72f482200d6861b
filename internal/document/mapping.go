package document

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/expression"
)

// Further rules for a field that both sides changed to different values, beside [ConflictCRM] and [ConflictPartnerCenter].
const (
	ConflictPreferCRM           = "prefer_crm_unless_blank"            // the CRM's value, or Partner Center's where the CRM has none
	ConflictPreferPartnerCenter = "prefer_partner_center_unless_blank" // the same, the other way round
	ConflictManual              = "manual"                             // neither: the field waits for a person, everything else goes on
	ConflictWriteOnce           = "write_once"                         // a side that has a value keeps it for good
	ConflictLatch               = "latch"                              // the same, said of a tick: set on either side, it is set on both for good
	ConflictLastWriter          = "last_writer"                        // the side whose record was changed last wins
)

// ConflictOff takes a field out of the mapping. It stands in declarations only: in a document the row is absent.
const ConflictOff = "off"

// Indispensable are the fields that cannot be off: without them no deal is shared, received or recognised.
var Indispensable = []string{
	"name", "deal_value", "currency", "close_date", "status", "help", "visible", "customer_name", "customer_street", "customer_city", "customer_country",
	"referral_id", "referral_link",
}

// ConflictRules lists what a mapping row's conflict may be.
var ConflictRules = []string{ConflictCRM, ConflictPartnerCenter, ConflictPreferCRM, ConflictPreferPartnerCenter, ConflictManual, ConflictWriteOnce, ConflictLatch, ConflictLastWriter}

// What an empty source does to the other side's value on update.
const (
	NullClear = "clear"
	NullKeep  = "keep"
)

// Mapping is one row of the field mapping: a field of the deal, where each side keeps it, how its value is turned into the other
// side's, and who wins a conflict. The optional parts are absent in a document that does not need them.
type Mapping struct {
	Field         string   `json:"field"`
	PartnerCenter string   `json:"partner_center" jsonschema:"description=Dotted path in the referral; empty where an inbound constant or expression needs none."`
	CRM           Name     `json:"crm" jsonschema:"description=Field of the opportunity; a dotted path reaches a related record. Empty where an outbound constant or expression needs none."`
	Direction     string   `json:"direction" jsonschema:"enum=inbound,enum=outbound,enum=both"`
	On            []string `json:"on" jsonschema:"description=create and/or update."`
	Conflict      string   `json:"conflict" jsonschema:"enum=crm,enum=partner_center,enum=prefer_crm_unless_blank,enum=prefer_partner_center_unless_blank,enum=manual,enum=write_once,enum=latch,enum=last_writer"`

	Constant           string  `json:"constant,omitempty" jsonschema:"description=The value that is written; there is no source then."`
	Default            string  `json:"default,omitempty" jsonschema:"description=What is written when the result would be empty."`
	Values             []Value `json:"values,omitempty" jsonschema:"description=Which value of the CRM equals which of Partner Center."`
	Null               string  `json:"null,omitempty" jsonschema:"enum=clear,enum=keep,description=What an empty source does on update: clear (also when absent) or keep the other side's value."`
	InboundExpression  string  `json:"inbound_expression,omitempty" jsonschema:"maxLength=4096,description=CEL over referral and value; gives the value of the CRM."`
	OutboundExpression string  `json:"outbound_expression,omitempty" jsonschema:"maxLength=4096,description=CEL over record and value; gives Partner Center's value."`
}

// Fault is something wrong with a mapping row. Attribute is the part it is about, by its name in the document; "" is the row.
type Fault struct {
	Attribute string
	Reason    string
}

var (
	dealField  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	dottedPath = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*$`)
	// A new account's field, or the external id of a record that it refers to.
	accountField = regexp.MustCompile(`^Account\.([A-Za-z0-9_]+__r\.)?[A-Za-z0-9_]+$`)
)

// fixed fields have rules of their own for reading and writing; merged ones for conflicts and empty values.
var (
	fixed  = []string{"status", "help", "visible", "referral_id", "referral_link"}
	merged = append([]string{"deal_value", "currency", "close_reason"}, fixed...)
	// reserved are parts of a deal that no row carries.
	reserved = []string{"solutions", "contacts", "team", "microsoft_status", "microsoft_reason", "audit", "sync_status"}
)

// patchable are the properties of a referral that can be changed after it was created (certified connector's OpenAPI). Lists
// are left out: they are no fields of a mapping.
var patchable = []string{
	"campaignId", "consent.consentToShareReferralWithMicrosoftSellers", "details.closingDateTime", "details.currency", "details.dealValue",
	"details.notes", "referralProgram", "salesStage", "status", "substatus", "statusReason",
}

// kept are the properties that the agent writes by itself; a row with one of them, or with what is under it, would write against it.
var kept = []string{
	"externalReferenceId", "engagementId", "qualification", "type", "target", "team", "customerProfile.team", "details.requirements",
	"consent.consentToContact", "consent.consentToToShareInfoWithOthers", "id", "eTag", "organizationId", "createdDateTime", "updatedDateTime", "links",
}

// AttributesPath is where a referral keeps typed attributes. With a type after it, such as SolutionArea, it means the id of the attribute
// of that type; these can be given when a referral is created.
const AttributesPath = "details.requirements.additionalRequirements.attributes"

// NotesField stands in the place of a row's CRM field for the opportunity's note of the title "Co-sell notes", which takes Notes that are
// switched on in the organisation.
const NotesField = "ContentNote"

// keptRoles are the roles of the fields that the agent, or the seller for the agent, writes.
var keptRoles = []string{FieldSync, FieldSyncStatus, FieldAudit, FieldReferralKey}

func within(path string, of []string) bool {
	return slices.ContainsFunc(of, func(part string) bool { return path == part || strings.HasPrefix(path, part+".") })
}

// IsInbound reports whether the row writes to the CRM.
func (m Mapping) IsInbound() bool { return m.Direction == Inbound || m.Direction == Both }

// IsOutbound reports whether the row writes to Partner Center.
func (m Mapping) IsOutbound() bool { return m.Direction == Outbound || m.Direction == Both }

// Applies reports whether the row applies on create or on update.
func (m Mapping) Applies(moment string) bool { return slices.Contains(m.On, moment) }

// Transforms reports whether the row does more than carry a value.
func (m Mapping) Transforms() bool {
	return m.Constant != "" || m.Default != "" || len(m.Values) > 0 || m.InboundExpression != "" || m.OutboundExpression != ""
}

// RecordPaths lists the fields that the row needs of the CRM's record, as dotted paths.
func (m Mapping) RecordPaths() []Name {
	var paths []Name
	if m.CRM != "" && m.CRM != NotesField {
		paths = append(paths, m.CRM)
	}
	if m.OutboundExpression != "" {
		if e, err := expression.Compile(expression.OfRecord, m.OutboundExpression); err == nil {
			paths = append(paths, e.Paths()...)
		}
	}
	return paths
}

// rowCheck gathers the faults of one row.
type rowCheck struct {
	row    Mapping
	faults []Fault
}

func (c *rowCheck) fault(attribute, format string, args ...any) {
	c.faults = append(c.faults, Fault{attribute, fmt.Sprintf(format, args...)})
}

func (c *rowCheck) oneOf(attribute, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.fault(attribute, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
}

// Faults tells everything that is wrong with a row by itself.
func (m Mapping) Faults() []Fault {
	c := &rowCheck{row: m}
	if !dealField.MatchString(m.Field) {
		c.fault("", "%q is not made of lower-case letters, digits and underscores, beginning with a letter (at most 64)", m.Field)
	}
	if slices.Contains(reserved, m.Field) {
		c.fault("", "%s is a part of the deal that is no row of the mapping; choose another name", m.Field)
	}
	c.oneOf("direction", m.Direction, Inbound, Outbound, Both)
	c.oneOf("conflict", m.Conflict, ConflictRules...)
	for _, moment := range m.On {
		c.oneOf("on", moment, OnCreate, OnUpdate)
	}
	c.places()
	c.merge()
	c.constant()
	c.values()
	c.expressions()
	return c.faults
}

// places checks where the two sides keep the field.
func (c *rowCheck) places() {
	m := c.row
	computedInbound := m.Direction == Inbound && (m.Constant != "" || m.InboundExpression != "")
	computedOutbound := m.Direction == Outbound && (m.Constant != "" || m.OutboundExpression != "")
	for _, place := range []struct {
		attribute, path, what string
		needless              bool
	}{
		{"partner_center", m.PartnerCenter, "a property of the referral", computedInbound},
		{"crm", m.CRM, "a field of the CRM", computedOutbound},
	} {
		switch {
		case place.path == "" && !place.needless:
			c.fault(place.attribute, "it is missing; only a constant or an expression that is the source needs no path to %s", place.what)
		case place.path != "" && !dottedPath.MatchString(place.path):
			c.fault(place.attribute, "%q is not a path to %s: names of letters, digits and underscores with dots between them", place.path, place.what)
		}
	}
	if m.IsOutbound() && within(m.PartnerCenter, kept) && !strings.HasPrefix(m.PartnerCenter, AttributesPath+".") {
		c.fault("partner_center", "%s is written by the agent itself; use direction inbound, or another property", m.PartnerCenter)
	} else if m.IsOutbound() && m.Applies(OnUpdate) && m.PartnerCenter != "" && !slices.Contains(fixed, m.Field) && !slices.Contains(patchable, m.PartnerCenter) {
		c.fault("partner_center", "Partner Center does not let %s be changed once a referral exists; leave update out of on, or use direction inbound. "+
			"These can be changed: %s", m.PartnerCenter, strings.Join(patchable, ", "))
	}
	related := strings.Contains(m.CRM, ".")
	switch {
	case !related || !m.IsInbound():
	case !accountField.MatchString(m.CRM):
		c.fault("crm", "%s is a field of a related record that the agent never writes; use direction outbound", m.CRM)
	case m.Applies(OnUpdate):
		c.fault("on", "the account is shared by other deals, so %s is written only when the account is new; leave update out of on, or use direction outbound", m.CRM)
	}
}

// merge checks what happens to changes.
func (c *rowCheck) merge() {
	m := c.row
	if m.Null != "" {
		c.oneOf("null", m.Null, NullClear, NullKeep)
	}
	if needsBoth := []string{ConflictPreferCRM, ConflictPreferPartnerCenter, ConflictManual, ConflictLastWriter}; m.Direction != Both && slices.Contains(needsBoth, m.Conflict) {
		c.fault("conflict", "%s decides between two sides that write; use direction both, or %s or %s", m.Conflict, ConflictCRM, ConflictPartnerCenter)
	}
	if !slices.Contains(merged, m.Field) {
		if m.Null != "" && m.Default != "" {
			c.fault("null", "with a default the source is never empty; leave one of them out")
		}
		return
	}
	if m.Null != "" {
		c.fault("null", "%s has a rule of its own for empty values", m.Field)
	}
	amount := m.Field == "deal_value" && m.Conflict == ConflictLastWriter // the currency goes with it
	if m.Conflict != ConflictCRM && m.Conflict != ConflictPartnerCenter && !amount {
		c.fault("conflict", "%s is merged by a rule of its own; use %s or %s", m.Field, ConflictCRM, ConflictPartnerCenter)
	}
	if slices.Contains(fixed, m.Field) && m.Transforms() {
		c.fault("", "%s is read and written by rules of its own; constant, default, values and expressions do not apply to it", m.Field)
	}
}

func (c *rowCheck) constant() {
	m := c.row
	if m.Constant == "" {
		return
	}
	if m.Direction == Both {
		c.fault("constant", "it is written to one side only; use direction inbound or outbound")
	}
	if m.Default != "" || len(m.Values) > 0 || m.InboundExpression != "" || m.OutboundExpression != "" || m.Null != "" {
		c.fault("constant", "it takes no source; leave default, values, null and expressions out")
	}
	if m.Field == "name" || slices.Contains(merged, m.Field) {
		c.fault("constant", "%s cannot be the same for every deal", m.Field)
	}
}

func (c *rowCheck) values() {
	m := c.row
	if len(m.Values) == 0 {
		return
	}
	if m.InboundExpression != "" || m.OutboundExpression != "" {
		c.fault("values", "use values or expressions, not both")
	}
	if m.Field == "deal_value" || m.Field == "close_date" {
		c.fault("values", "%s is no list of fixed values", m.Field)
	}
	crm, center := map[string]bool{}, map[string]bool{}
	for _, v := range m.Values {
		switch {
		case strings.TrimSpace(v.CRM) != v.CRM || strings.TrimSpace(v.PartnerCenter) != v.PartnerCenter || v.CRM == "" || v.PartnerCenter == "":
			c.fault("values", "%q and %q: a value is neither empty nor has white space around it", v.CRM, v.PartnerCenter)
		case m.IsOutbound() && crm[v.CRM]:
			c.fault("values", "the CRM's %q would have two values in Partner Center", v.CRM)
		case m.Direction == Inbound && center[v.PartnerCenter]:
			c.fault("values", "Partner Center's %q would have two values in the CRM", v.PartnerCenter)
		}
		crm[v.CRM], center[v.PartnerCenter] = true, true
	}
}

func (c *rowCheck) expressions() {
	m := c.row
	if m.InboundExpression != "" && m.Direction == Outbound {
		c.fault("inbound_expression", "the row does not write to the CRM; use direction inbound or both, or outbound_expression")
	}
	if m.OutboundExpression != "" && m.Direction == Inbound {
		c.fault("outbound_expression", "the row does not write to Partner Center; use direction outbound or both, or inbound_expression")
	}
	if m.Direction == Both && (m.InboundExpression == "") != (m.OutboundExpression == "") {
		missing := "outbound_expression"
		if m.InboundExpression == "" {
			missing = "inbound_expression"
		}
		c.fault(missing, "a row of direction both needs an expression for each way, and each must undo the other; or use one direction")
	}
	c.expression("inbound_expression", expression.OfReferral, m.InboundExpression)
	c.expression("outbound_expression", expression.OfRecord, m.OutboundExpression)
}

func (c *rowCheck) expression(attribute string, side expression.Side, source string) {
	if source == "" {
		return
	}
	compiled, err := expression.Compile(side, source)
	switch {
	case err != nil:
		c.fault(attribute, "%s", err)
	case c.row.Direction == Both && len(compiled.Paths()) > 0:
		c.fault(attribute, "in a row of direction both it may use value only, but it reads %s.%s: another field's change would look like a change of this one",
			side.Root(), compiled.Paths()[0])
	}
}

// mappingFaults tells what is wrong with the rows, each by itself and all together.
func (d Document) mappingFaults() []error {
	var faults []error
	seen, written := map[string]bool{}, map[string]string{}
	for i, row := range d.Mappings {
		where := fmt.Sprintf("mappings[%d] (%s)", i, row.Field)
		if seen[row.Field] {
			faults = append(faults, fmt.Errorf("%s: the field is mapped twice", where))
		}
		seen[row.Field] = true
		for _, fault := range row.Faults() {
			if fault.Attribute != "" {
				faults = append(faults, fmt.Errorf("%s.%s: %s", where, fault.Attribute, fault.Reason))
			} else {
				faults = append(faults, fmt.Errorf("%s: %s", where, fault.Reason))
			}
		}
		for _, role := range keptRoles {
			if row.IsInbound() && row.CRM != "" && row.CRM == d.CRM.Fields[role] {
				faults = append(faults, fmt.Errorf("%s.crm: %s is the field of role %s, which no row writes", where, row.CRM, role))
			}
		}
		for _, target := range row.targets() {
			if other, twice := written[target]; twice {
				faults = append(faults, fmt.Errorf("%s: %s writes %s too", where, other, target))
			}
			written[target] = row.Field
		}
	}
	return faults
}

// targets names what the row writes.
func (m Mapping) targets() []string {
	var targets []string
	if m.IsInbound() && m.CRM != "" {
		targets = append(targets, "the CRM's "+m.CRM)
	}
	if m.IsOutbound() && m.PartnerCenter != "" {
		targets = append(targets, "Partner Center's "+m.PartnerCenter)
	}
	return targets
}
