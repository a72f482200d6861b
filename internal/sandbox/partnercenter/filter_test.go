package partnercenter

import (
	"strings"
	"testing"
	"time"
)

var everything = filterRules{anyField: true, ranges: true}

func sample() map[string]any {
	r := &Referral{
		ID: "0a000000-0000-4000-8000-000000000001", EngagementID: "0a000000-0000-4000-8000-0000000000ee", Name: "O'Hara and sons",
		Status: "Active", Substatus: "Accepted", Type: "Shared", Direction: "Incoming", Favorite: true,
		UpdatedDateTime: stamp(time.Date(2026, 1, 2, 3, 4, 5, 678_900_100, time.UTC)),
		Team:            []Member{{Email: "a@example.com"}, {Email: "b@example.com"}},
		CustomerProfile: CustomerProfile{Address: Address{Country: "NO"}},
		Details:         Details{DealValue: Decimal{"1500"}},
	}
	return document(r)
}

func TestFilterMatches(t *testing.T) {
	doc := sample()
	for filter, want := range map[string]bool{
		"status eq 'Active'":   true,
		"status eq 'active'":   false,
		" status  eq 'Active'": true,
		"(direction eq 'Incoming' and substatus eq 'Accepted')":                   true,
		"((status eq 'Active') and (type eq 'Independent'))":                      false,
		"engagementId eq 0a000000-0000-4000-8000-0000000000ee":                    true,
		"engagementId eq '0A000000-0000-4000-8000-0000000000EE'":                  true,
		"id eq '0a000000-0000-4000-8000-000000000002'":                            false,
		"customerProfile/address/country eq 'NO'":                                 true,
		"team/any(t:t/email eq 'b@example.com')":                                  true,
		"team/any(m: m/email eq 'c@example.com')":                                 false,
		"status eq 'Active' and team/any(t:t/email eq 'a@example.com')":           true,
		"team/any(t:(t/email eq 'a@example.com' and t/email eq 'b@example.com'))": false,
		"updatedDateTime eq 2026-01-02T03:04:05.6789001Z":                         true,
		"updatedDateTime gt 2026-01-02T03:04:05.6789000Z":                         true,
		"updatedDateTime gt 2026-01-02T03:04:05.6789001Z":                         false,
		"updatedDateTime ge 2026-01-02T04:04:05.6789001+01:00":                    true,
		"updatedDateTime lt 2026-01-02T03:04:06Z and status eq 'Active'":          true,
		"updatedDateTime le 2026-01-02T03:04:05Z":                                 false,
		"createdDateTime eq null":                                                 true,
		"createdDateTime gt 2020-01-01T00:00:00Z":                                 false,
		"substatus eq null":                                      false,
		"name eq 'O''Hara and sons'":                             true,
		"favorite eq true":                                       true,
		"details/dealValue eq 1500":                              true,
		"details/dealValue eq -1.5":                              false,
		"externalReferenceId eq null":                            true,
		"name/length eq 'x'":                                     false,
		"customerProfile/team/any(t:t/email eq 'a@example.com')": false,
		strings.Repeat("(", 20) + "status eq 'Active'" + strings.Repeat(")", 20): true,
		"customerProfile eq 5": false,
		"team/any(t:t/firstName eq '') and team/any(other:other/email eq 'x@y.com')": false,
	} {
		c, err := parseFilter(filter, everything)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := c.match(doc); got != want {
			t.Errorf("%s = %v", filter, got)
		}
	}
}

func TestFilterRefuses(t *testing.T) {
	documented := filterRules{ranges: true}
	for filter, rules := range map[string]filterRules{
		"":                             everything,
		"status":                       everything,
		"status eq":                    everything,
		"status eq Active":             everything,
		"status eq 'Active":            everything,
		"status eq 'Active')":          everything,
		"(status eq 'Active'":          everything,
		"status eq 'Active' and":       everything,
		"status eq 'A' or type eq 'B'": everything,
		"not status eq 'Active'":       everything,
		"status ne 'Active'":           everything,
		"status gt 'Active'":           everything,
		"status EQ 'Active'":           everything,
		"status eq 5":                  everything,
		"status eq true":               everything,
		"contains(name,'x')":           everything,
		"engagementId eq 5":            everything,
		"updatedDateTime gt 'x'":       everything,
		"updatedDateTime gt '2026-01-02T03:04:05Z'": everything,
		"updatedDateTime gt 2026-01-02":             everything,
		"updatedDateTime gt null":                   everything,
		"updatedDateTime gt 2026-01-02T03:04:05Z":   {},
		"nothing eq 'x'":                            everything,
		"name eq 'x'":                               documented,
		"details/dealValue eq 5":                    documented,
		"customerProfile/name eq 'x'":               documented,
		"team eq 'x'":                               documented,
		"team/any()":                                documented,
		"team/any(t)":                               documented,
		"team/any(t:email eq 'x')":                  documented,
		"team/any(t:t eq 'x')":                      documented,
		"team/any(t:u/email eq 'x')":                documented,
		"team/any(t:t/phoneNumber eq 'x')":          documented,
		"team/any(t:team/any(u:u/email eq 'x'))":    documented,
		"team/all(t:t/email eq 'x')":                documented,
		"status/any(t:t/email eq 'x')":              documented,
		"team/any(t:t/email eq 'x'":                 documented,
		"team/any('t':t/email eq 'x')":              documented,
		"status eq 'x' type eq 'y'":                 documented,
		"status/ eq 'x'":                            documented,
		"status eq 'x' & type eq 'y'":               documented,
		strings.Repeat("(", 100) + "status eq 'Active'" + strings.Repeat(")", 100): everything,
	} {
		if _, err := parseFilter(filter, rules); err == nil {
			t.Errorf("%q was accepted", filter)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{
		"status eq 'Active' and team/any(t:t/email eq 'x@example.com')", "engagementId eq 0a000000-0000-4000-8000-0000000000ee",
		"(updatedDateTime ge 2026-01-02T03:04:05.678Z)", "name eq 'O''Hara'", "details/dealValue eq -1e5", "((", "''", "a/b/c", "any(t:t)",
	} {
		f.Add(seed, true)
	}
	doc := sample()
	f.Fuzz(func(t *testing.T, filter string, anyField bool) {
		rules := filterRules{anyField: anyField, ranges: true}
		c, err := parseFilter(filter, rules)
		if err != nil {
			return
		}
		matched := c.match(doc)
		c.match(map[string]any{})
		// A conjunction of a condition with itself, in parentheses, is the condition, unless that makes it too deep.
		twice, err := parseFilter("("+filter+") and "+filter, rules)
		if err == nil && twice.match(doc) != matched {
			t.Errorf("%q: %v alone, %v twice", filter, matched, !matched)
		}
	})
}

func TestLists(t *testing.T) {
	w := newWorld(t)
	for i := range 250 {
		kind := "private"
		if i%2 == 0 {
			kind = "partner_led"
		}
		if _, err := w.service.PortalCreate(Deal{Kind: kind, Name: strings.Repeat("x", i)}); err != nil {
			t.Fatal(err)
		}
	}
	w.set(switchNextLink, "complete")
	for query, want := range map[string][]int{
		"":                                       {100, 100, 50},
		"$top=10":                                {10},
		"$top=120":                               {100, 20},
		"$top=0":                                 {0},
		"$skip=200":                              {50},
		"$skip=500":                              {0},
		"$skip=20&$top=150":                      {100, 50},
		"$orderby=createdDateTime desc&$top=101": {100, 1},
		"$orderby=updatedDateTime asc":           {100, 100, 50},
		"$filter=type eq 'Shared'&$orderby=updatedDateTime desc&$select=id,name":   {100, 25},
		"$count=true&$filter=type eq 'Independent' and status eq 'Active'&$skip=1": {100, 24},
	} {
		seen := map[string]bool{}
		r := w.list(query)
		for page, length := range want {
			if page > 0 {
				r = w.do(w.token("refresh_token", ReferralsAudience), "GET", r.text("@odata.nextLink"), nil)
			}
			values, _ := r.at("value").([]any)
			if len(values) != length {
				t.Fatalf("%s: page %d has %d items, want %d: %.300s", query, page, len(values), length, r.raw)
			}
			for i := range values {
				seen[r.text("value", i, "id")] = true
			}
		}
		total := 0
		for _, n := range want {
			total += n
		}
		if r.text("@odata.nextLink") != "" || len(seen) != total {
			t.Errorf("%s: %d different items, next link %q", query, len(seen), r.text("@odata.nextLink"))
		}
	}
	r := w.list("$select=id,name&$orderby=createdDateTime desc&$top=1")
	first, _ := r.at("value", 0).(map[string]any)
	if len(first) != 2 || len(r.text("value", 0, "name")) != 249 || r.at("@odata.count") != 250.0 ||
		!strings.HasSuffix(r.text("@odata.context"), "$metadata#Referrals(id,name)") {
		t.Errorf("selected: %s", r.raw)
	}
	for _, query := range []string{
		"$top=-1", "$top=x", "$skip=x", "$count=yes", "$orderby=name", "$orderby=updatedDateTime down", "$orderby=updatedDateTime,createdDateTime",
		"$select=nothing", "$select=", "$expand=team", "$search=x", "top=5", "$top=1&$top=2", "$filter=name eq 'x'", "$filter=", "$skiptoken=x",
		"$skiptoken=e30", "$format=json", "$orderby=", "$top=%25zz&%zz",
	} {
		if r := w.list(query); r.status != 400 || r.text("error", "code") != "invalidRequest" {
			t.Errorf("%s: %d %.200s", query, r.status, r.raw)
		}
	}
	paged := w.list("$filter=type eq 'Shared'")
	token := paged.text("@odata.nextLink")[strings.Index(paged.text("@odata.nextLink"), "$skiptoken="):]
	if r := w.list(token + "&$filter=type eq 'Shared'"); r.status != 200 {
		t.Errorf("token with the same filter: %s", r.raw)
	}
	if r := w.list(token + "&$filter=type eq 'Independent'"); r.status != 400 {
		t.Errorf("token with another filter: %d", r.status)
	}
}
