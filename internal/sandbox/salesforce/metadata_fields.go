package salesforce

import (
	"slices"
	"strconv"
	"strings"
)

// customField is the metadata of one custom field.
type customField struct {
	component
}

func (d *customField) text(name string) string { return d.node.value(name) }

// valueSetName is the global value set that a picklist draws on, if any.
func (d *customField) valueSetName() string {
	if set := d.node.child("valueSet"); set != nil {
		return set.value("valueSetName")
	}
	return ""
}

// fieldRule says which attributes a field type takes beyond those of all types, and which of them it needs.
type fieldRule struct {
	kind             fieldType
	allowed, needs   string
	unique, external bool
}

var fieldRules = map[string]fieldRule{
	"Text":                {kind: typeString, allowed: "defaultValue required caseSensitive", needs: "length", unique: true, external: true},
	"TextArea":            {kind: typeTextArea, allowed: "defaultValue required"},
	"LongTextArea":        {kind: typeTextArea, allowed: "defaultValue", needs: "length visibleLines"},
	"Html":                {kind: typeTextArea, needs: "length visibleLines"},
	"Url":                 {kind: typeURL, allowed: "defaultValue required"},
	"Email":               {kind: typeEmail, allowed: "defaultValue required caseSensitive", unique: true, external: true},
	"Phone":               {kind: typePhone, allowed: "defaultValue required"},
	"Checkbox":            {kind: typeBoolean, needs: "defaultValue"},
	"Date":                {kind: typeDate, allowed: "defaultValue required"},
	"DateTime":            {kind: typeDateTime, allowed: "defaultValue required"},
	"Number":              {kind: typeDouble, allowed: "defaultValue required", needs: "precision scale", unique: true, external: true},
	"Currency":            {kind: typeCurrency, allowed: "defaultValue required", needs: "precision scale"},
	"Percent":             {kind: typePercent, allowed: "defaultValue required", needs: "precision scale"},
	"Picklist":            {kind: typePicklist, allowed: "required", needs: "valueSet"},
	"MultiselectPicklist": {kind: typeMulti, allowed: "required", needs: "valueSet visibleLines"},
	"Lookup":              {kind: typeReference, allowed: "required deleteConstraint relationshipLabel relationshipName lookupFilter", needs: "referenceTo"},
	"MasterDetail": {kind: typeReference, allowed: "relationshipLabel relationshipOrder reparentableMasterDetail writeRequiresMasterRead lookupFilter",
		needs: "referenceTo relationshipName"},
	"AutoNumber": {kind: typeString, allowed: "startingNumber", needs: "displayFormat", external: true},
}

const commonAttributes = "fullName businessOwnerGroup businessOwnerUser businessStatus complianceGroup deprecated description externalId inlineHelpText label " +
	"securityClassification trackFeedHistory trackHistory trackTrending type unique"

func customFieldKind() *metadataKind {
	k := &metadataKind{name: "CustomField", directory: "objects", suffix: "object"}
	k.names = func(o *Org) []string {
		var names []string
		for _, obj := range o.data.order {
			for _, f := range obj.fields {
				if f.definition != nil {
					names = append(names, obj.Name+"."+f.Name)
				}
			}
		}
		return names
	}
	k.find = func(o *Org, name string) *component {
		if _, f := o.fieldNamed(name); f != nil && f.definition != nil {
			return &f.definition.component
		}
		return nil
	}
	k.read = func(c *metadataCall, name string) *node {
		obj, f := c.o.fieldNamed(name)
		if f == nil || f.definition == nil || c.hides(obj, f) {
			return nil
		}
		n := f.definition.node.clone()
		n.put("fullName", obj.Name+"."+f.Name)
		return n
	}
	k.create = func(c *metadataCall, name string, n *node) *metadataError { return c.createField(name, n) }
	k.update = func(c *metadataCall, name string, n *node) *metadataError { return c.updateField(name, n) }
	k.remove = func(c *metadataCall, name string) *metadataError { return c.removeField(name) }
	return k
}

// fieldNamed finds Object.Field; without a dot nothing is found.
func (o *Org) fieldNamed(fullName string) (*object, *field) {
	objectName, fieldName, _ := strings.Cut(fullName, ".")
	obj := o.data.object(objectName)
	if obj == nil {
		return nil, nil
	}
	return obj, obj.field(fieldName)
}

// hides says whether readMetadata leaves a field out because the caller has no access to it.
func (c *metadataCall) hides(obj *object, f *field) bool {
	return c.o.kit.Switches.Is(switchHiddenFieldRead, "empty") && !c.o.accessOf(c.who).seesField(obj, f)
}

func (c *metadataCall) createField(fullName string, n *node) *metadataError {
	objectName, name, _ := strings.Cut(fullName, ".")
	obj := c.o.data.object(objectName)
	if obj == nil || obj.Setup || obj.ReadOnly {
		return refuse("INVALID_CROSS_REFERENCE_KEY", "In field: fullName - no CustomObject named %s found", objectName)
	}
	base, isCustom := strings.CutSuffix(name, "__c")
	if !isCustom || !developerName.MatchString(base) {
		return integrity("The Custom Field Name can only contain underscores and alphanumeric characters and ends with __c. (%s)", name)
	}
	kept := c.o.setup.recycled[strings.ToLower(fullName)] && c.o.kit.Switches.Is(switchDeletedName, "kept")
	if obj.field(name) != nil || kept {
		return refuse(c.o.kit.Switches.Get(switchDuplicateCode), "There is already a field named %s on %s.", base, obj.Label)
	}
	if limit := c.o.customFieldLimit(); c.o.customFields(obj) >= limit {
		return refuse("CUSTOM_ENTITY_OR_FIELD_LIMIT", "%s has reached its limit of %d custom fields.", obj.Label, limit)
	}
	f, err := c.o.buildField(obj, name, n)
	if err != nil {
		return err
	}
	if err := c.checkRelationship(obj, f); err != nil {
		return err
	}
	f.definition = &customField{*c.newComponent("00N", c.storedField(n))}
	c.replaceFields(obj, func() { obj.add(f) })
	return nil
}

// storedField is the definition as readMetadata will return it.
func (c *metadataCall) storedField(n *node) *node {
	stored := n.clone()
	stored.typeName = ""
	rule := fieldRules[n.value("type")]
	defaults := map[string]string{"externalId": "false"}
	if rule.unique {
		defaults["unique"] = "false"
	}
	if strings.Contains(rule.allowed, "required") {
		defaults["required"] = "false"
	}
	for name, value := range defaults {
		if stored.child(name) == nil {
			stored.put(name, value)
		}
	}
	if strings.HasPrefix(n.value("fullName"), "Opportunity.") || !strings.Contains(n.value("fullName"), ".") {
		for _, name := range []string{"trackFeedHistory", "trackHistory"} {
			if stored.child(name) == nil {
				stored.put(name, "false")
			}
		}
	}
	if n.value("type") == "Lookup" && stored.child("deleteConstraint") == nil {
		stored.put("deleteConstraint", "SetNull")
	}
	stored.children = slices.DeleteFunc(stored.children, func(child *node) bool { return child.isNil })
	return stored.sorted()
}

// replaceFields changes the columns of an object and remembers the former list.
func (c *metadataCall) replaceFields(obj *object, change func()) {
	fields, index := slices.Clone(obj.fields), obj.index
	obj.index = map[string]*field{}
	for key, f := range index {
		obj.index[key] = f
	}
	change()
	c.tx.onRollback(func() { obj.fields, obj.index = fields, index })
	c.tx.touchSchema()
}

// buildField checks a definition and makes the column from it.
func (o *Org) buildField(obj *object, name string, n *node) (*field, *metadataError) {
	typeName := n.value("type")
	if typeName == "" {
		return nil, integrity("Must specify a field type")
	}
	rule, known := fieldRules[typeName]
	if !known || n.child("formula") != nil {
		return nil, integrity("fields of type %s and formula fields are not available in this org", typeName)
	}
	if n.value("label") == "" {
		return nil, refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [MasterLabel]")
	}
	if err := checkAttributes(typeName, rule, n); err != nil {
		return nil, err
	}
	f := &field{Name: name, Label: n.value("label"), Type: rule.kind, Custom: true, Required: n.value("required") == "true",
		Unique: n.value("unique") == "true", ExternalID: n.value("externalId") == "true", CaseSensitive: n.value("caseSensitive") == "true"}
	if f.Type == typeString || f.Type == typeTextArea || f.Type == typeURL || f.Type == typePicklist {
		f.Length = maxStringLength
	}
	steps := []func(*object, *field, *node) *metadataError{o.applySize, o.applyDefault, o.applyValues, o.applyReference}
	for _, step := range steps {
		if err := step(obj, f, n); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func checkAttributes(typeName string, rule fieldRule, n *node) *metadataError {
	allowed := strings.Fields(commonAttributes + " " + rule.allowed + " " + rule.needs)
	for _, c := range n.children {
		if !c.isNil && !slices.Contains(allowed, c.name) {
			return integrity("Can not specify '%s' for a CustomField of type %s", c.name, typeName)
		}
	}
	for need := range strings.FieldsSeq(rule.needs) {
		if c := n.child(need); c == nil || c.isNil {
			return integrity("Must specify '%s' for a CustomField of type %s", need, typeName)
		}
	}
	if n.value("externalId") == "true" && !rule.external {
		return integrity("Can not specify 'externalId' for a CustomField of type %s", typeName)
	}
	if n.value("unique") == "true" && !rule.unique {
		return integrity("Can not specify 'unique' for a CustomField of type %s", typeName)
	}
	return nil
}

func (o *Org) applySize(_ *object, f *field, n *node) *metadataError {
	number := func(name string) int {
		v, _ := strconv.Atoi(n.value(name))
		return v
	}
	switch typeName := n.value("type"); typeName {
	case "Text":
		if f.Length = number("length"); f.Length < 1 || f.Length > maxStringLength {
			return integrity("Text field length must be between 1 and 255; %d is not", f.Length)
		}
	case "LongTextArea", "Html":
		f.NotFilterable = true
		if f.Length = number("length"); f.Length < 256 || f.Length > 131072 {
			return integrity("Long text area length must be between 256 and 131072; %d is not", f.Length)
		}
		if lines := number("visibleLines"); lines < 2 || lines > 50 {
			return integrity("Visible lines must be between 2 and 50; %d is not", lines)
		}
	case "MultiselectPicklist":
		f.Length, f.NotFilterable = 4099, true
		if lines := number("visibleLines"); lines < 3 || lines > 10 {
			return integrity("Visible lines must be between 3 and 10; %d is not", lines)
		}
	case "Number", "Currency", "Percent":
		f.Precision, f.Scale = number("precision"), number("scale")
		if f.Precision < 1 || f.Precision > 18 || f.Scale < 0 || f.Scale > f.Precision {
			return integrity("precision must be between 1 and 18 and scale must not exceed it; %d and %d are not", f.Precision, f.Scale)
		}
	case "Email":
		f.Length = 80
	case "Phone":
		f.Length = 40
	case "AutoNumber":
		f.Length = 30
		if f.AutoNumber = n.value("displayFormat"); !autoNumberFormat.MatchString(f.AutoNumber) {
			return integrity("Invalid auto number format: %s", f.AutoNumber)
		}
	}
	return nil
}

func (o *Org) applyDefault(_ *object, f *field, n *node) *metadataError {
	text := n.value("defaultValue")
	switch {
	case f.Type == typeBoolean:
		if text != "true" && text != "false" {
			return integrity("Default Value of a checkbox must be true or false; %q is not", text)
		}
		f.Default = text == "true"
	case text == "":
	case f.Type == typeDouble || f.Type == typeCurrency || f.Type == typePercent:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return integrity("default values are literals in this org; %q is not a number", text)
		}
		f.Default = v
	default:
		literal, isLiteral := strings.CutPrefix(text, `"`)
		literal, closed := strings.CutSuffix(literal, `"`)
		if !isLiteral || !closed || f.Type == typeDate || f.Type == typeDateTime {
			return integrity("default values are quoted literals in this org; %q is not", text)
		}
		f.Default = literal
	}
	return nil
}

func (o *Org) applyValues(_ *object, f *field, n *node) *metadataError {
	set := n.child("valueSet")
	if set == nil {
		return nil
	}
	f.Restricted = set.value("restricted") == "true"
	definition, global := set.child("valueSetDefinition"), set.value("valueSetName")
	switch {
	case (definition == nil) == (global == ""):
		return integrity("Must specify either 'valueSetDefinition' or 'valueSetName' in the valueSet of a picklist")
	case set.child("controllingField") != nil || len(set.all("valueSettings")) > 0:
		return integrity("dependent picklists are not available in this org")
	case global != "":
		if o.setup.valueSets[global] == nil {
			return refuse("INVALID_CROSS_REFERENCE_KEY", "In field: valueSetName - no GlobalValueSet named %s found", global)
		}
		f.Restricted = true
		f.values = func(o *Org) []picklistValue {
			if comp := o.setup.valueSets[global]; comp != nil {
				return readValues(comp.node, "customValue")
			}
			return nil
		}
		return nil
	}
	if err := completeValues(definition, "value"); err != nil {
		return err
	}
	if definition.child("sorted") == nil {
		definition.put("sorted", "false")
	}
	definition.sorted()
	f.Picklist = readValues(definition, "value")
	return nil
}

func (o *Org) applyReference(obj *object, f *field, n *node) *metadataError {
	if f.Type != typeReference {
		return nil
	}
	parent := o.data.object(n.value("referenceTo"))
	if parent == nil {
		return refuse("INVALID_CROSS_REFERENCE_KEY", "In field: referenceTo - no CustomObject named %s found", n.value("referenceTo"))
	}
	f.Length, f.ReferenceTo = 18, []string{parent.Name}
	f.Relationship = strings.TrimSuffix(f.Name, "__c") + "__r"
	if name := n.value("relationshipName"); name != "" {
		if !developerName.MatchString(name) {
			return integrity("The Child Relationship Name can only contain underscores and alphanumeric characters. (%s)", name)
		}
		f.ChildRelationship = name + "__r"
	}
	if n.value("type") == "MasterDetail" {
		return o.applyMasterDetail(obj, f)
	}
	f.OnDelete = setNull
	if rule := n.value("deleteConstraint"); rule != "" {
		f.OnDelete = onDelete(rule)
	}
	if f.Required && f.OnDelete == setNull {
		return integrity("field integrity exception: unknown (must specify either cascade delete or restrict delete for required lookup foreign key)")
	}
	return nil
}

func (o *Org) applyMasterDetail(obj *object, f *field) *metadataError {
	if !obj.Custom {
		return integrity("Can not create a master-detail field on the standard object %s", obj.Name)
	}
	if slices.ContainsFunc(o.live(obj), func(rec *record) bool { return rec.values[f.Name] == nil }) {
		return integrity("Cannot make a master-detail field on %s, which has records without a parent; create a lookup, fill it, then convert it", obj.Name)
	}
	f.Required, f.MasterDetail, f.OnDelete, f.NotUpdateable = true, true, cascade, true
	if obj.definition == nil || obj.definition.node.value("sharingModel") == "ControlledByParent" {
		return nil
	}
	if o.kit.Switches.Is(switchDetailSharing, "required") {
		return integrity("Cannot set sharingModel to %s on a CustomObject with a MasterDetail relationship field", obj.definition.node.value("sharingModel"))
	}
	return nil
}

// checkRelationship refuses a child relationship name that the parent already has.
func (c *metadataCall) checkRelationship(obj *object, f *field) *metadataError {
	if f.ChildRelationship == "" {
		return nil
	}
	parent := c.o.data.object(f.ReferenceTo[0])
	for _, rel := range c.o.data.children(parent) {
		if strings.EqualFold(rel.name, f.ChildRelationship) && (rel.child != obj || !strings.EqualFold(rel.field.Name, f.Name)) {
			return refuse("DUPLICATE_DEVELOPER_NAME", "There is already a Child Relationship named %s on %s.", strings.TrimSuffix(f.ChildRelationship, "__r"), parent.Label)
		}
	}
	if f.MasterDetail && obj.definition != nil && obj.definition.node.value("sharingModel") != "ControlledByParent" {
		next := obj.definition.node.clone()
		next.put("sharingModel", "ControlledByParent")
		c.replaceDefinition(obj, &customObject{*c.changedComponent(&obj.definition.component, next)})
	}
	return nil
}

func (c *metadataCall) updateField(fullName string, n *node) *metadataError {
	obj, old := c.o.fieldNamed(fullName)
	if c.o.kit.Switches.Is(switchMetadataUpdate, "merge") {
		for _, child := range old.definition.node.children {
			if n.child(child.name) == nil {
				n.children = append(n.children, child.clone())
			}
		}
	}
	before, after := old.definition.text("type"), n.value("type")
	if after != "" && !convertible(before, after) {
		return integrity("Cannot change field type from %s to %s", before, after)
	}
	f, err := c.o.rebuildField(obj, old, n)
	if err != nil {
		return err
	}
	if err := c.checkRelationship(obj, f); err != nil {
		return err
	}
	f.definition = &customField{*c.changedComponent(&old.definition.component, c.storedField(n))}
	c.replaceFields(obj, func() { obj.replace(f) })
	if old.MasterDetail {
		c.released(obj)
	}
	return nil
}

// rebuildField is buildField for a field that exists. A relationship that is a master-detail one keeps its parent's object.
func (o *Org) rebuildField(obj *object, old *field, n *node) (*field, *metadataError) {
	f, err := o.buildField(obj, old.Name, n)
	if err != nil {
		return nil, err
	}
	if (old.MasterDetail || f.MasterDetail) && f.ReferenceTo[0] != old.ReferenceTo[0] {
		return nil, integrity("Cannot change the related object of a master-detail field")
	}
	return f, nil
}

// convertible lists the changes of type that keep the stored data. Roll-up summaries, which would keep a master-detail
// field from becoming a lookup, are not available in this org.
func convertible(before, after string) bool {
	families := []string{
		"Text TextArea LongTextArea Html Url Email Phone Picklist", "Number Currency Percent", "Picklist MultiselectPicklist", "Text AutoNumber",
		"Lookup MasterDetail",
	}
	for _, family := range families {
		members := strings.Fields(family)
		if slices.Contains(members, before) && slices.Contains(members, after) {
			return true
		}
	}
	return before == after
}

// released gives an object that lost its last master-detail field a sharing model of its own: Public Read/Write (source:
// Salesforce Help, "Considerations for Object Relationships").
func (c *metadataCall) released(obj *object) {
	detail := slices.ContainsFunc(obj.fields, func(f *field) bool { return f.MasterDetail })
	if detail || obj.definition == nil || obj.definition.node.value("sharingModel") != "ControlledByParent" {
		return
	}
	next := obj.definition.node.clone()
	next.put("sharingModel", "ReadWrite")
	c.replaceDefinition(obj, &customObject{*c.changedComponent(&obj.definition.component, next)})
}

// removeField deletes softly: the name goes to the bin, the data and all that refers to the field go.
func (c *metadataCall) removeField(fullName string) *metadataError {
	obj, f := c.o.fieldNamed(fullName)
	full := obj.Name + "." + f.Name
	if f.NameField {
		return refuse("DELETE_FAILED", "the name field cannot be deleted")
	}
	for _, rec := range c.o.scan(obj) {
		if rec.values[f.Name] != nil {
			next := rec.clone()
			next.set(f.Name, nil)
			c.tx.put(next)
		}
	}
	for _, rec := range c.o.scan(c.o.data.object("FieldPermissions")) {
		if strings.EqualFold(rec.str("Field"), full) {
			c.tx.erase(rec)
		}
	}
	c.dropFromLayouts(obj, f)
	c.recycle(full)
	c.replaceFields(obj, func() { obj.remove(f.Name) })
	return nil
}

func (c *metadataCall) recycle(fullName string) {
	key := strings.ToLower(fullName)
	before := c.o.setup.recycled[key]
	c.o.setup.recycled[key] = true
	c.tx.onRollback(func() { c.o.setup.recycled[key] = before })
}
