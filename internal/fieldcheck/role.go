package fieldcheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// referralIDLength is that of a referral's id, a GUID with hyphens ("Referrals API reference").
const referralIDLength = 36

// kept is what the agent keeps in the field of a role.
type kept struct {
	class     Class
	length    int    // of the longest text that is written as it is; 0: what is too long is shortened, or is not written
	reference string // role of the object that a lookup leads to; empty: the field is no lookup
	unique    bool   // the CRM must refuse a second record with the same value
}

var keptInRoles = map[string]kept{
	document.FieldSync:        {class: Flag},
	document.FieldReferralID:  {length: referralIDLength},
	document.FieldReferralKey: {length: referralIDLength, unique: true},
	document.FieldSyncStatus:  {},
	document.FieldAudit:       {},
	document.FieldProducts:    {},

	document.FieldSolutionOpportunity: {reference: document.ObjectOpportunity},
	document.FieldSolutionIdentifier:  {},
	document.FieldSolutionDetail:      {reference: document.ObjectSolutionDetail},
	document.FieldDetailIdentifier:    {},

	document.FieldLeadKey:        {length: referralIDLength, unique: true},
	document.FieldLeadReferralID: {length: referralIDLength},
}

// Role compares the field of a role with what the agent keeps in it: text, true or false, or a lookup of another role's object. A
// field that the mapping alone writes is not its business: see [Row]. In a CRM in which values are unique by other means than the
// field's own, the field is to be given as unique.
func Role(role string, objects map[string]document.Name, field Field) []Finding {
	want, known := keptInRoles[role]
	if !known {
		return nil
	}
	why := ""
	switch {
	case field.Calculated:
		why = "it is a formula, which nobody can write"
	case want.reference != "" && !leadsTo(field, objects[want.reference]):
		why = fmt.Sprintf("it must be a lookup of %s, and is %s", objects[want.reference], described(field))
	case want.reference != "":
	case ClassOf(field) != want.class || field.Type == reference:
		why = fmt.Sprintf("it must hold %s, and is %s", want.class, described(field))
	case field.Length > 0 && field.Length < want.length:
		why = fmt.Sprintf("it takes %d characters, and needs %d", field.Length, want.length)
	case want.unique && !field.Unique:
		why = "it must be unique: that is what keeps a referral from becoming two records"
	}
	if why == "" {
		return nil
	}
	return []Finding{{problem.FieldUnfit, role, why}}
}

const reference = "reference" // the described type of a lookup

func leadsTo(field Field, object string) bool {
	return field.Type == reference && slices.ContainsFunc(field.ReferenceTo, func(to string) bool { return strings.EqualFold(to, object) })
}

func described(field Field) string {
	if field.Type == reference {
		return "a lookup of " + strings.Join(field.ReferenceTo, ", ")
	}
	return "of type " + field.Type
}
