package partnercenter

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Field is a referral property that the service can filter or order by (source: "Get a list of referrals").
type Field string

// Documented fields.
const (
	FieldEngagementID    Field = "engagementId"
	FieldStatus          Field = "status"
	FieldSubstatus       Field = "substatus"
	FieldType            Field = "type"
	FieldQualification   Field = "qualification"
	FieldDirection       Field = "direction"
	FieldCreatedDateTime Field = "createdDateTime"
	FieldUpdatedDateTime Field = "updatedDateTime"
	FieldCountry         Field = "customerProfile/address/country"
)

// Filter is an OData filter expression whose values are quoted. The zero value selects everything.
type Filter struct{ expression string }

// String gives the expression as $filter wants it.
func (f Filter) String() string { return f.expression }

// Eq selects referrals whose field equals a text, GUIDs included.
func Eq(field Field, value string) Filter {
	return Filter{string(field) + " eq " + quote(value)}
}

// Since selects referrals whose date-time field is at or after an instant. The documentation names updatedDateTime as a
// filter field; the literal's form follows OData 4.
func Since(field Field, at time.Time) Filter {
	return Filter{string(field) + " ge " + at.UTC().Format("2006-01-02T15:04:05.999999999Z")}
}

// HasTeamMember selects referrals whose partner team contains an e-mail address.
func HasTeamMember(email string) Filter {
	return Filter{"team/any(t:t/email eq " + quote(email) + ")"}
}

// And selects what all filters select. Empty filters are left out.
func And(filters ...Filter) Filter {
	var parts []string
	for _, f := range filters {
		if f.expression != "" {
			parts = append(parts, f.expression)
		}
	}
	return Filter{strings.Join(parts, " and ")}
}

func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

// Order of a list.
type Order struct {
	Field      Field // FieldCreatedDateTime or FieldUpdatedDateTime
	Descending bool
}

// Query selects referrals. The zero value lists all of them.
type Query struct {
	Filter  Filter
	OrderBy Order
	Top     int // at most this many per page, if above 0; the service's pages hold up to 100
}

// encode writes the options with %20 for spaces, as in the documentation's samples.
func (q Query) encode() string {
	var options []string
	add := func(name, value string) {
		options = append(options, name+"="+strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
	}
	if q.Filter.expression != "" {
		add("$filter", q.Filter.expression)
	}
	if q.OrderBy.Field != "" {
		direction := " asc"
		if q.OrderBy.Descending {
			direction = " desc"
		}
		add("$orderby", string(q.OrderBy.Field)+direction)
	}
	if q.Top > 0 {
		add("$top", strconv.Itoa(q.Top))
	}
	return strings.Join(options, "&")
}
