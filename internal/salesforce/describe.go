package salesforce

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
)

// Describe is an object as the user sees it (source: "sObject Describe"). Fields that no permission set grants are
// missing: metadata, not describe, tells whether a field exists.
type Describe struct {
	Name               string              `json:"name"`
	Label              string              `json:"label"`
	KeyPrefix          string              `json:"keyPrefix"`
	Custom             bool                `json:"custom"`
	Createable         bool                `json:"createable"`
	Updateable         bool                `json:"updateable"`
	Queryable          bool                `json:"queryable"`
	Fields             []FieldDescribe     `json:"fields"`
	ChildRelationships []ChildRelationship `json:"childRelationships"`
}

// Field finds a field by its API name; ok is false when it does not exist or is hidden.
func (d *Describe) Field(name string) (FieldDescribe, bool) {
	for _, field := range d.Fields {
		if field.Name == name {
			return field, true
		}
	}
	return FieldDescribe{}, false
}

// FieldDescribe is a field as the user sees it.
type FieldDescribe struct {
	Name               string          `json:"name"`
	Label              string          `json:"label"`
	Type               string          `json:"type"` // e.g. string, boolean, currency, picklist, reference, textarea
	Length             int             `json:"length"`
	Precision          int             `json:"precision"`
	Scale              int             `json:"scale"`
	Custom             bool            `json:"custom"`
	Createable         bool            `json:"createable"`
	Updateable         bool            `json:"updateable"`
	Nillable           bool            `json:"nillable"`
	DefaultedOnCreate  bool            `json:"defaultedOnCreate"`
	Calculated         bool            `json:"calculated"`
	AutoNumber         bool            `json:"autoNumber"`
	ExternalID         bool            `json:"externalId"`
	IDLookup           bool            `json:"idLookup"`
	Unique             bool            `json:"unique"`
	RestrictedPicklist bool            `json:"restrictedPicklist"`
	PicklistValues     []PicklistValue `json:"picklistValues"`
	ReferenceTo        []string        `json:"referenceTo"`
	RelationshipName   string          `json:"relationshipName"`
}

// PicklistValue is one value: Value is what the API reads and writes.
type PicklistValue struct {
	Value        string `json:"value"`
	Label        string `json:"label"`
	Active       bool   `json:"active"`
	DefaultValue bool   `json:"defaultValue"`
}

// ChildRelationship is an object that looks up to the described one.
type ChildRelationship struct {
	ChildSObject     string `json:"childSObject"`
	Field            string `json:"field"`
	RelationshipName string `json:"relationshipName"`
	CascadeDelete    bool   `json:"cascadeDelete"`
}

// Describe reads an object's description, which is large: keep it. [IsNotFound] holds when the object does not exist or
// is hidden from the user.
func (o Objects) Describe(ctx context.Context, object string) (*Describe, error) {
	path, err := o.path(object)
	if err != nil {
		return nil, err
	}
	var description Describe
	if err := o.client.get(ctx, "describe "+object, path+"/describe", &description); err != nil {
		return nil, err
	}
	return &description, nil
}

// ObjectSummary is an entry of [Objects.DescribeGlobal].
type ObjectSummary struct {
	Name       string `json:"name"`
	Label      string `json:"label"`
	KeyPrefix  string `json:"keyPrefix"`
	Custom     bool   `json:"custom"`
	Createable bool   `json:"createable"`
	Queryable  bool   `json:"queryable"`
}

// DescribeGlobal lists the objects that the user sees.
func (o Objects) DescribeGlobal(ctx context.Context) ([]ObjectSummary, error) {
	var answer struct {
		Objects []ObjectSummary `json:"sobjects"`
	}
	err := o.client.get(ctx, "list objects", o.prefix+"/sobjects", &answer)
	return answer.Objects, err
}

// Limit of the org, e.g. DailyApiRequests over a rolling 24 hours.
type Limit struct {
	Max       int64 `json:"Max"`
	Remaining int64 `json:"Remaining"`
}

// Limits reads the org's limits by name, accurate within five minutes (source: "Limits"). It needs the permission View
// Setup and Configuration.
func (c *Client) Limits(ctx context.Context) (map[string]Limit, error) {
	limits := map[string]Limit{}
	err := c.get(ctx, "read limits", "/limits", &limits)
	return limits, err
}

// Usage of the org's daily API requests, all applications together.
type Usage struct{ Used, Allowed int64 }

var usagePattern = regexp.MustCompile(`(?:^|[\s,;])api-usage=(\d{1,18})/(\d{1,18})`)

// ParseUsage reads a Sforce-Limit-Info header, e.g. "api-usage=18/15000, per-app-api-usage=17/250(appName=x)".
func ParseUsage(header string) (Usage, bool) {
	match := usagePattern.FindStringSubmatch(header)
	if match == nil {
		return Usage{}, false
	}
	used, _ := strconv.ParseInt(match[1], 10, 64)    // the pattern admits digits only
	allowed, _ := strconv.ParseInt(match[2], 10, 64) // the same
	return Usage{Used: used, Allowed: allowed}, true
}

// usage keeps what the last answer said.
type usage struct {
	mu    sync.Mutex
	last  Usage
	known bool
}

func (u *usage) note(header http.Header) {
	seen, ok := ParseUsage(header.Get("Sforce-Limit-Info"))
	if !ok {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last, u.known = seen, true
}

// Usage gives the API usage that the last REST answer reported; known is false before the first.
func (c *Client) Usage() (last Usage, known bool) {
	c.usage.mu.Lock()
	defer c.usage.mu.Unlock()
	return c.usage.last, c.usage.known
}

// String gives used and allowed requests.
func (u Usage) String() string { return fmt.Sprintf("%d/%d", u.Used, u.Allowed) }
