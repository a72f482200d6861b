package salesforce

import (
	"fmt"
	"strings"
)

// Snapshot is a copy of an org at one moment, for comparisons before and after.
type Snapshot struct {
	// Metadata holds the definitions that an administrator may have changed, as XML, by type and full name, such as
	// "CustomField Opportunity.Audit__c": custom objects and fields, layouts, settings, value sets, and channel members.
	Metadata map[string]string `json:"metadata"`
	// Rows are the rows by object and id, in the form of Row: the records of people and those of set-up, such as permission sets.
	// Users are left out, because a sign-in changes them.
	Rows map[string]map[string]map[string]any `json:"rows"`
}

// Snapshot copies what the org holds.
func (o *Org) Snapshot() Snapshot {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := Snapshot{Metadata: map[string]string{}, Rows: map[string]map[string]map[string]any{}}
	define := func(kind, name string, c *component) {
		var b strings.Builder
		c.node.write(&b)
		s.Metadata[kind+" "+name] = b.String()
	}
	for _, obj := range o.data.order {
		if obj.definition != nil {
			define("CustomObject", obj.Name, &obj.definition.component)
		}
		for _, f := range obj.fields {
			if f.definition != nil {
				define("CustomField", fmt.Sprintf("%s.%s", obj.Name, f.Name), &f.definition.component)
			}
		}
		if obj.ReadOnly || obj.rows != nil || obj.Name == "User" {
			continue
		}
		for _, rec := range o.live(obj) {
			if s.Rows[obj.Name] == nil {
				s.Rows[obj.Name] = map[string]map[string]any{}
			}
			s.Rows[obj.Name][rec.id] = o.visible(rec)
		}
	}
	for kind, stored := range map[string]map[string]*component{
		"Layout": o.setup.layouts, "Settings": o.setup.settings, "GlobalValueSet": o.setup.valueSets, "PlatformEventChannelMember": o.setup.members,
		"PlatformEventChannel": o.setup.channels,
	} {
		for name, c := range stored {
			define(kind, name, c)
		}
	}
	return s
}
