package salesforce

import (
	"slices"
	"strings"
)

// customObject is the metadata of one object; standard objects have one only after an update.
type customObject struct {
	component
}

func customObjectKind() *metadataKind {
	k := &metadataKind{name: "CustomObject", directory: "objects", suffix: "object"}
	k.names = func(o *Org) []string {
		var names []string
		for _, obj := range o.data.order {
			if !obj.Setup && !obj.ReadOnly {
				names = append(names, obj.Name)
			}
		}
		return names
	}
	k.find = func(o *Org, name string) *component {
		obj := o.data.object(name)
		switch {
		case obj == nil || obj.Setup || obj.ReadOnly:
			return nil
		case obj.definition != nil:
			return &obj.definition.component
		}
		return &component{id: obj.Name, node: branch("metadata"), createdAt: o.schemaChanged, modifiedAt: o.schemaChanged,
			createdBy: o.opts.Provider.UserID, modifiedBy: o.opts.Provider.UserID}
	}
	k.read = func(c *metadataCall, name string) *node {
		if k.find(c.o, name) == nil {
			return nil
		}
		return c.readObject(c.o.data.object(name))
	}
	k.create = func(c *metadataCall, name string, n *node) *metadataError { return c.createObject(name, n) }
	k.update = func(c *metadataCall, name string, n *node) *metadataError { return c.updateObject(name, n) }
	k.remove = func(c *metadataCall, name string) *metadataError { return c.removeObject(name) }
	return k
}

// readObject is the definition with all its fields, as one record.
func (c *metadataCall) readObject(obj *object) *node {
	n := branch("metadata", leaf("fullName", obj.Name), leaf("label", obj.Label), leaf("pluralLabel", obj.Plural))
	if obj.definition != nil {
		n = obj.definition.node.clone()
		n.put("fullName", obj.Name)
	}
	for _, f := range obj.fields {
		switch {
		case f.definition != nil && c.hides(obj, f):
		case f.definition != nil:
			item := f.definition.node.clone()
			item.name = "fields"
			item.put("fullName", f.Name)
			n.children = append(n.children, item)
		case !obj.Custom && f.Type != typeID && f.compute == nil && !f.NotCreateable && c.o.fieldExists(f):
			n.children = append(n.children, branch("fields", leaf("fullName", f.Name), leaf("trackFeedHistory", "false"), leaf("trackHistory", "false")))
		}
	}
	return n.sorted()
}

// objectDefaults are the attributes that the server fills in.
var objectDefaults = map[string]string{
	"allowInChatterGroups": "false", "compactLayoutAssignment": "SYSTEM", "enableActivities": "false", "enableBulkApi": "true", "enableFeeds": "false",
	"enableHistory": "false", "enableLicensing": "false", "enableReports": "false", "enableSearch": "false", "enableSharing": "true",
	"enableStreamingApi": "true", "externalSharingModel": "Private", "visibility": "Public",
}

func (c *metadataCall) createObject(name string, n *node) *metadataError {
	base, isCustom := strings.CutSuffix(name, "__c")
	if !isCustom || !developerName.MatchString(base) {
		return integrity("The Object Name can only contain underscores and alphanumeric characters and ends with __c. (%s)", name)
	}
	if c.o.data.object(name) != nil {
		return refuse(c.o.kit.Switches.Get(switchDuplicateCode), "That object name is already in use: %s", name)
	}
	for _, need := range []string{"label", "pluralLabel", "nameField", "deploymentStatus", "sharingModel"} {
		if child := n.child(need); child == nil || child.isNil {
			return refuse("REQUIRED_FIELD_MISSING", "Must specify '%s' for a CustomObject", need)
		}
	}
	nameField, err := buildNameField(n.child("nameField"))
	if err != nil {
		return err
	}
	obj := newObject(name, n.value("label"), n.value("pluralLabel"), c.nextKeyPrefix(), nameField).withOwner("").withAudit()
	obj.Custom = true
	obj.field("Id").Label = "Record ID"
	obj.definition = &customObject{*c.newComponent("01I", storedObject(n, nil))}
	before := slices.Clone(c.o.data.order)
	c.o.data.add(obj)
	c.tx.onRollback(func() { c.o.data.remove(name); c.o.data.order = before })
	c.tx.touchSchema()
	return c.saveFields(obj, n)
}

// nextKeyPrefix gives a custom object its key prefix: a00, a01, …
func (c *metadataCall) nextKeyPrefix() string {
	n := c.o.setup.prefixes
	c.o.setup.prefixes++
	c.tx.onRollback(func() { c.o.setup.prefixes = n })
	return "a" + string([]byte{idAlphabet[n/62%62], idAlphabet[n%62]})
}

func buildNameField(n *node) (*field, *metadataError) {
	f := text("Name", n.value("label"), 80).isName()
	switch n.value("type") {
	case "Text":
	case "AutoNumber":
		if f.AutoNumber = n.value("displayFormat"); !autoNumberFormat.MatchString(f.AutoNumber) {
			return nil, integrity("Invalid auto number format: %s", f.AutoNumber)
		}
		f.NotCreateable, f.NotUpdateable = true, true
	default:
		return nil, integrity("the type of nameField must be Text or AutoNumber, not %q", n.value("type"))
	}
	if f.Label == "" {
		return nil, refuse("REQUIRED_FIELD_MISSING", "Must specify 'label' for the nameField of a CustomObject")
	}
	return f, nil
}

// storedObject is the definition without its fields, completed with the server's defaults.
func storedObject(n, old *node) *node {
	stored := n.clone()
	stored.typeName = ""
	stored.drop("fields")
	for name, value := range objectDefaults {
		if stored.child(name) == nil {
			stored.put(name, value)
		}
	}
	if stored.child("searchLayouts") == nil {
		stored.children = append(stored.children, branch("searchLayouts"))
	}
	if old != nil && stored.child("nameField") == nil && old.child("nameField") != nil {
		stored.children = append(stored.children, old.child("nameField").clone())
	}
	stored.children = slices.DeleteFunc(stored.children, func(child *node) bool { return child.isNil })
	return stored.sorted()
}

// saveFields creates or updates the fields that an object definition carries.
func (c *metadataCall) saveFields(obj *object, n *node) *metadataError {
	for _, child := range n.all("fields") {
		name := child.value("fullName")
		existing := obj.field(name)
		var err *metadataError
		switch {
		case existing == nil:
			err = c.createField(obj.Name+"."+name, child)
		case existing.definition != nil:
			err = c.updateField(obj.Name+"."+name, child)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *metadataCall) updateObject(name string, n *node) *metadataError {
	obj := c.o.data.object(name)
	if !obj.Custom {
		old := customObjectKind().find(c.o, name)
		c.replaceDefinition(obj, &customObject{*c.changedComponent(old, storedStandard(n))})
		return c.saveFields(obj, n)
	}
	old := obj.definition
	if c.o.kit.Switches.Is(switchMetadataUpdate, "merge") {
		for _, child := range old.node.children {
			if n.child(child.name) == nil {
				n.children = append(n.children, child.clone())
			}
		}
	}
	if n.value("label") == "" || n.value("pluralLabel") == "" || n.value("sharingModel") == "" {
		return refuse("REQUIRED_FIELD_MISSING", "Must specify 'label', 'pluralLabel' and 'sharingModel' for a CustomObject")
	}
	hasMaster := slices.ContainsFunc(obj.fields, func(f *field) bool { return f.MasterDetail })
	if hasMaster && n.value("sharingModel") != "ControlledByParent" {
		return integrity("Cannot set sharingModel to %s on a CustomObject with a MasterDetail relationship field", n.value("sharingModel"))
	}
	label, plural := obj.Label, obj.Plural
	obj.Label, obj.Plural = n.value("label"), n.value("pluralLabel")
	c.tx.onRollback(func() { obj.Label, obj.Plural = label, plural })
	c.replaceDefinition(obj, &customObject{*c.changedComponent(&old.component, storedObject(n, old.node))})
	return c.saveFields(obj, n)
}

// storedStandard keeps what an update says about a standard object, without its fields.
func storedStandard(n *node) *node {
	stored := n.clone()
	stored.typeName = ""
	stored.drop("fields")
	return stored.sorted()
}

func (c *metadataCall) replaceDefinition(obj *object, next *customObject) {
	old := obj.definition
	obj.definition = next
	c.tx.onRollback(func() { obj.definition = old })
	c.tx.touchSchema()
}

// removeObject deletes an object with its fields, rows, permissions and the lookups that point to it.
func (c *metadataCall) removeObject(name string) *metadataError {
	obj := c.o.data.object(name)
	if !obj.Custom {
		return refuse("DELETE_FAILED", "the standard object %s cannot be deleted", obj.Name)
	}
	for _, rel := range c.o.data.children(obj) {
		if rel.child == obj {
			continue
		}
		if rel.field.MasterDetail {
			return refuse("DEPENDENCY_EXISTS", "This custom object is referenced by the master-detail field %s.%s.", rel.child.Name, rel.field.Name)
		}
		if err := c.removeField(rel.child.Name + "." + rel.field.Name); err != nil {
			return err
		}
	}
	for _, f := range slices.Clone(obj.fields) {
		if f.definition != nil {
			if err := c.removeField(obj.Name + "." + f.Name); err != nil {
				return err
			}
		}
	}
	for _, rec := range c.o.scan(obj) {
		c.tx.erase(rec)
	}
	for _, rec := range c.o.scan(c.o.data.object("ObjectPermissions")) {
		if strings.EqualFold(rec.str("SobjectType"), obj.Name) {
			c.tx.erase(rec)
		}
	}
	before := slices.Clone(c.o.data.order)
	c.o.data.remove(obj.Name)
	c.tx.onRollback(func() { c.o.data.add(obj); c.o.data.order = before })
	c.tx.touchSchema()
	return nil
}
