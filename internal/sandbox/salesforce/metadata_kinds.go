package salesforce

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// component is one piece of metadata: its definition and who changed it when.
type component struct {
	id                    string
	node                  *node
	createdBy, modifiedBy string
	createdAt, modifiedAt time.Time
}

// setup is the metadata of the org that is not part of its object schema.
type setup struct {
	layouts   map[string]*component // by Object-Layout Name
	settings  map[string]*component // by type name
	valueSets map[string]*component // by developer name
	members   map[string]*component // change event channel members by developer name
	channels  map[string]*component // custom event channels by full name
	recycled  map[string]bool       // Object.Field__c of deleted fields, kept for 15 days
	prefixes  int                   // custom object key prefixes given out
	requests  map[string]*component // package installations and removals by id
	installed *component            // the installed package; nil: none is
}

func newSetup() *setup {
	return &setup{layouts: map[string]*component{}, settings: map[string]*component{}, valueSets: map[string]*component{}, members: map[string]*component{}, channels: map[string]*component{}, requests: map[string]*component{}, recycled: map[string]bool{}}
}

// metadataKind is one metadata type that the org serves.
type metadataKind struct {
	name, directory, suffix string
	names                   func(o *Org) []string
	find                    func(o *Org, name string) *component
	read                    func(c *metadataCall, name string) *node
	create, update          func(c *metadataCall, name string, n *node) *metadataError
	remove                  func(c *metadataCall, name string) *metadataError
}

var metadataKinds []*metadataKind

func init() { // the kinds refer to functions that look kinds up
	metadataKinds = []*metadataKind{customFieldKind(), customObjectKind(), layoutKind(), settingsKind("OpportunitySettings"),
		settingsKind("EnhancedNotesSettings"), valueSetKind()}
}

func kindOf(name string) *metadataKind {
	for _, kind := range metadataKinds {
		if kind.name == name {
			return kind
		}
	}
	return nil
}

// xmlName is how describeMetadata names the type: all settings are one type there.
func (k *metadataKind) xmlName() string {
	if strings.HasSuffix(k.name, "Settings") {
		return "Settings"
	}
	return k.name
}

func (k *metadataKind) fileName(name string) string {
	switch {
	case k.name == "CustomField":
		object, _, _ := strings.Cut(name, ".")
		return object + ".object"
	case strings.HasSuffix(k.name, "Settings"):
		return strings.TrimSuffix(k.name, "Settings") + "." + k.suffix
	}
	return name + "." + k.suffix
}

// storedName turns the full name of a request into the key of the store.
func (k *metadataKind) storedName(o *Org, name string) string {
	switch {
	case k.name == "Layout":
		return decodeLayoutName(name)
	case strings.HasSuffix(k.name, "Settings"):
		if name == k.settingsName(o) {
			return k.name
		}
		return "unknown settings " + name
	}
	return name
}

// shownName is the reverse of storedName.
func (k *metadataKind) shownName(o *Org, name string) string {
	switch {
	case k.name == "Layout" && o.kit.Switches.Is(switchLayoutName, "percent"):
		return encodeLayoutName(name)
	case strings.HasSuffix(k.name, "Settings"):
		return k.settingsName(o)
	}
	return name
}

func (k *metadataKind) settingsName(o *Org) string {
	if o.kit.Switches.Is(switchSettingsName, "short") {
		return strings.TrimSuffix(k.name, "Settings")
	}
	return k.name
}

// newComponent stamps a definition; trees in the store are never changed afterwards.
func (c *metadataCall) newComponent(prefix string, n *node) *component {
	now := c.o.now()
	return &component{id: c.tx.nextID(prefix), node: n, createdBy: c.who.userID, modifiedBy: c.who.userID, createdAt: now, modifiedAt: now}
}

func (c *metadataCall) changedComponent(old *component, n *node) *component {
	next := *old
	next.node, next.modifiedBy, next.modifiedAt = n, c.who.userID, c.o.now()
	return &next
}

// store puts a component into a map of the setup; nil removes it.
func (t *tx) store(in map[string]*component, name string, comp *component) {
	old := in[name]
	t.onRollback(func() {
		if old == nil {
			delete(in, name)
			return
		}
		in[name] = old
	})
	if comp == nil {
		delete(in, name)
		return
	}
	in[name] = comp
}

// touchSchema notes that a describe has changed.
func (t *tx) touchSchema() {
	old := t.o.schemaChanged
	t.o.schemaChanged = t.o.now()
	t.onRollback(func() { t.o.schemaChanged = old })
}

func settingsKind(typeName string) *metadataKind {
	k := &metadataKind{name: typeName, directory: "settings", suffix: "settings"}
	k.names = func(*Org) []string { return []string{typeName} }
	k.find = func(o *Org, name string) *component {
		if name != typeName {
			return nil
		}
		return o.settingsOf(typeName)
	}
	k.read = func(c *metadataCall, name string) *node {
		if name != typeName {
			return nil
		}
		n := c.o.settingsOf(typeName).node.clone()
		n.put("fullName", k.settingsName(c.o))
		return n.sorted()
	}
	k.create = func(_ *metadataCall, _ string, n *node) *metadataError {
		return refuse("DUPLICATE_VALUE", "settings named %s exist already; update them", n.value("fullName"))
	}
	k.update = func(c *metadataCall, name string, n *node) *metadataError { return c.updateSettings(name, n) }
	return k
}

// settingsDefaults are the switches of a new org: everything off.
var settingsDefaults = map[string][]string{
	"OpportunitySettings": {"autoActivateNewReminders", "doesEnableTypeAheadForAddProducts", "enableFindSimilarOpportunities",
		"enableOpportunityFieldHistoryTracking", "enableOpportunityTeam", "enableUpdateReminders", "promptToAddProducts"},
	"EnhancedNotesSettings": {"enableEnhancedNotes", "enableTasksOnEnhancedNotes"},
}

func (o *Org) settingsOf(typeName string) *component {
	if comp := o.setup.settings[typeName]; comp != nil {
		return comp
	}
	n := branch("metadata")
	for _, name := range settingsDefaults[typeName] {
		n.children = append(n.children, leaf(name, "false"))
	}
	return &component{node: n, createdAt: o.schemaChanged, modifiedAt: o.schemaChanged, createdBy: o.opts.Provider.UserID, modifiedBy: o.opts.Provider.UserID}
}

func (c *metadataCall) updateSettings(name string, n *node) *metadataError {
	old := c.o.settingsOf(name)
	next := old.node.clone()
	if c.o.kit.Switches.Is(switchSettingsUpdate, "replace") {
		for _, setting := range next.children {
			setting.text = "false"
		}
	}
	for _, setting := range n.children {
		if setting.name == "fullName" || setting.isNil {
			continue
		}
		next.drop(setting.name)
		next.children = append(next.children, setting)
	}
	wasOn, isOn := old.node.value("enableOpportunityTeam") == "true", next.value("enableOpportunityTeam") == "true"
	if wasOn && !isOn {
		if c.o.kit.Switches.Is(switchDisableTeams, "refused") {
			return integrity("Opportunity Teams can't be disabled while it is referenced")
		}
		c.dropRelatedList("RelatedOpportunitySalesTeam")
	}
	c.tx.store(c.o.setup.settings, name, c.changedComponent(old, next.sorted()))
	return nil
}

func (o *Org) opportunityTeams() bool {
	return o.settingsOf("OpportunitySettings").node.value("enableOpportunityTeam") == "true"
}

func valueSetKind() *metadataKind {
	k := &metadataKind{name: "GlobalValueSet", directory: "globalValueSets", suffix: "globalValueSet"}
	k.names = func(o *Org) []string { return slices.Sorted(maps.Keys(o.setup.valueSets)) }
	k.find = func(o *Org, name string) *component { return o.setup.valueSets[name] }
	k.read = func(c *metadataCall, name string) *node {
		if comp := c.o.setup.valueSets[name]; comp != nil {
			return comp.node
		}
		return nil
	}
	k.create = func(c *metadataCall, name string, n *node) *metadataError {
		if c.o.setup.valueSets[name] != nil {
			return refuse(c.o.kit.Switches.Get(switchDuplicateCode), "There is already a GlobalValueSet named %s.", name)
		}
		return c.saveValueSet(name, n, nil)
	}
	k.update = func(c *metadataCall, name string, n *node) *metadataError {
		return c.saveValueSet(name, n, c.o.setup.valueSets[name])
	}
	k.remove = func(c *metadataCall, name string) *metadataError {
		for _, obj := range c.o.data.order {
			for _, f := range obj.fields {
				if f.definition != nil && f.definition.valueSetName() == name {
					return refuse("DEPENDENCY_EXISTS", "This global value set is referenced by %s.%s.", obj.Name, f.Name)
				}
			}
		}
		c.tx.store(c.o.setup.valueSets, name, nil)
		c.tx.touchSchema()
		return nil
	}
	return k
}

func (c *metadataCall) saveValueSet(name string, n *node, old *component) *metadataError {
	if !developerName.MatchString(strings.TrimSuffix(name, "__gvs")) {
		return integrity("The Global Value Set Name can only contain underscores and alphanumeric characters. (%s)", name)
	}
	if n.value("masterLabel") == "" {
		return refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [MasterLabel]")
	}
	if err := completeValues(n, "customValue"); err != nil {
		return err
	}
	if n.child("sorted") == nil {
		n.put("sorted", "false")
	}
	if old == nil {
		c.tx.store(c.o.setup.valueSets, name, c.newComponent("0Nt", n.sorted()))
	} else {
		if c.o.kit.Switches.Is(switchValueRemoval, "deactivated") {
			keepRemoved(old.node, n, "customValue")
		}
		c.tx.store(c.o.setup.valueSets, name, c.changedComponent(old, n.sorted()))
	}
	c.tx.touchSchema()
	return nil
}

// keepRemoved keeps values that an update leaves out, as inactive.
func keepRemoved(old, next *node, element string) {
	for _, value := range old.all(element) {
		if !slices.ContainsFunc(next.all(element), func(v *node) bool { return v.value("fullName") == value.value("fullName") }) {
			kept := value.clone()
			kept.put("isActive", "false")
			next.children = append(next.children, kept.sorted())
		}
	}
}

// completeValues checks a list of picklist values and fills in what the server fills in.
func completeValues(n *node, element string) *metadataError {
	seen := map[string]bool{}
	for _, v := range n.all(element) {
		name := v.value("fullName")
		if name == "" {
			return refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [fullName]")
		}
		if seen[strings.ToLower(name)] {
			return refuse("DUPLICATE_VALUE", "Duplicate picklist value: %s", name)
		}
		seen[strings.ToLower(name)] = true
		if v.child("label") == nil {
			v.put("label", name)
		}
		if v.child("default") == nil {
			v.put("default", "false")
		}
		v.sorted()
	}
	return nil
}

func readValues(n *node, element string) []picklistValue {
	var list []picklistValue
	for _, v := range n.all(element) {
		list = append(list, picklistValue{Value: v.value("fullName"), Label: v.value("label"), Default: v.value("default") == "true",
			Inactive: v.value("isActive") == "false"})
	}
	return list
}
