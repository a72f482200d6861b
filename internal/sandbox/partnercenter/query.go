package partnercenter

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// pageSize is the documented number of items on a page.
const pageSize = 100

// listQuery is a parsed list request. Its text form travels in the $skiptoken.
type listQuery struct {
	filter    condition
	engages   bool   // the filter names engagementId
	orderBy   string // createdDateTime or updatedDateTime
	descend   bool
	selected  []string // property names; nil for all
	top       int      // items still wanted; -1 for all
	skip      int
	withCount bool
	after     *position
	raw       map[string]string // the options as first given, for the next page's token
}

// position is the item that a page ended with. Paging continues after its sort key, as a service over a database does.
type position struct {
	Key string `json:"k"`
	ID  string `json:"i"`
}

type skipToken struct {
	Options map[string]string `json:"o"`
	Top     int               `json:"t"`
	After   position          `json:"a"`
}

var listOptions = []string{"$expand", "$filter", "$select", "$orderby", "$top", "$skip", "$count", "$skiptoken"}

// parseQuery reads the options of a list request. Whatever is not understood is refused.
func parseQuery(rawQuery string, rules filterRules, refuseLargeTop bool) (*listQuery, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, fmt.Errorf("the query cannot be parsed: %w", err)
	}
	options := map[string]string{}
	for name, given := range values {
		if !slices.Contains(listOptions, name) {
			return nil, fmt.Errorf("the query option %q is not supported", name)
		}
		if len(given) > 1 {
			return nil, fmt.Errorf("the query option %q is given %d times", name, len(given))
		}
		options[name] = given[0]
	}
	token, continued := options["$skiptoken"]
	if !continued {
		return optionsQuery(options, rules, refuseLargeTop)
	}
	delete(options, "$skiptoken")
	return continueQuery(token, options, rules)
}

// continueQuery restores the query that a $skiptoken carries. Options beside the token must be those of the first page.
func continueQuery(token string, beside map[string]string, rules filterRules) (*listQuery, error) {
	var carried skipToken
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(data, &carried)
	}
	if err != nil || carried.After.ID == "" {
		return nil, fmt.Errorf("the $skiptoken is not one that this service issued")
	}
	for name, value := range beside {
		if carried.Options[name] != value {
			return nil, fmt.Errorf("the query option %q differs from the first page's", name)
		}
	}
	q, err := optionsQuery(carried.Options, rules, false)
	if err != nil {
		return nil, err
	}
	q.top, q.skip, q.after = carried.Top, 0, &carried.After
	return q, nil
}

func optionsQuery(options map[string]string, rules filterRules, refuseLargeTop bool) (*listQuery, error) {
	q := &listQuery{orderBy: "createdDateTime", top: -1, raw: options}
	for _, name := range listOptions {
		value, given := options[name]
		if !given {
			continue
		}
		if err := q.set(name, value, rules, refuseLargeTop); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func (q *listQuery) set(name, value string, rules filterRules, refuseLargeTop bool) (err error) {
	switch name {
	case "$filter":
		if q.filter, err = parseFilter(value, rules); err != nil {
			return fmt.Errorf("$filter: %w", err)
		}
		q.engages = names(q.filter, "engagementId")
	case "$orderby":
		return q.setOrder(value)
	case "$select":
		for property := range strings.SplitSeq(value, ",") {
			property = strings.TrimSpace(property)
			if !referralHas(property) {
				return fmt.Errorf("$select: could not find a property named %q on the type Referral", property)
			}
			q.selected = append(q.selected, property)
		}
	case "$top":
		if q.top, err = natural(name, value); err != nil {
			return err
		}
		if refuseLargeTop && q.top > pageSize {
			return fmt.Errorf("$top: the limit of %d is exceeded by %d", pageSize, q.top)
		}
	case "$skip":
		q.skip, err = natural(name, value)
		return err
	case "$count":
		if q.withCount = value == "true"; !q.withCount && value != "false" {
			return fmt.Errorf("$count: %q is neither true nor false", value)
		}
	case "$expand":
		return fmt.Errorf("$expand: could not find a navigation property named %q on the type Referral", value)
	}
	return nil
}

func (q *listQuery) setOrder(value string) error {
	words := strings.Fields(value)
	if len(words) == 0 || len(words) > 2 || (words[0] != "createdDateTime" && words[0] != "updatedDateTime") {
		return fmt.Errorf("$orderby: only createdDateTime and updatedDateTime, asc or desc, are supported, not %q", value)
	}
	q.orderBy = words[0]
	if len(words) == 2 {
		if q.descend = words[1] == "desc"; !q.descend && words[1] != "asc" {
			return fmt.Errorf("$orderby: the direction %q is neither asc nor desc", words[1])
		}
	}
	return nil
}

func natural(name, value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s: %q is not a number of items", name, value)
	}
	return n, nil
}

// names says whether a condition compares the property.
func names(c condition, property string) bool {
	switch c := c.(type) {
	case conjunction:
		return names(c.left, property) || names(c.right, property)
	case comparison:
		return c.path[0] == property
	}
	return false
}

// page cuts one page out of the matching records, and returns the token of the next page, empty if there is none.
func (q *listQuery) page(matching []*record) (page []*record, next string) {
	slices.SortStableFunc(matching, func(a, b *record) int {
		order := comparePositions(q.position(a), q.position(b))
		if q.descend {
			return -order
		}
		return order
	})
	if q.after != nil {
		matching = slices.DeleteFunc(matching, func(r *record) bool {
			order := comparePositions(q.position(r), *q.after)
			return order == 0 || (order < 0) != q.descend
		})
	}
	matching = matching[min(q.skip, len(matching)):]
	wanted := len(matching)
	if q.top >= 0 {
		wanted = min(wanted, q.top)
	}
	if wanted <= pageSize {
		return matching[:wanted], ""
	}
	page = matching[:pageSize]
	token := skipToken{Options: q.raw, Top: -1, After: q.position(page[pageSize-1])}
	if q.top >= 0 {
		token.Top = q.top - pageSize
	}
	data, err := json.Marshal(token)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return page, base64.RawURLEncoding.EncodeToString(data)
}

func (q *listQuery) position(r *record) position {
	moment := r.referral.CreatedDateTime
	if q.orderBy == "updatedDateTime" {
		moment = r.referral.UpdatedDateTime
	}
	// A fixed number of digits makes the text order the time order.
	return position{Key: moment.UTC().Format("2006-01-02T15:04:05.0000000"), ID: r.referral.ID}
}

func comparePositions(a, b position) int {
	if order := strings.Compare(a.Key, b.Key); order != 0 {
		return order
	}
	return strings.Compare(a.ID, b.ID)
}
