package salesforce

import (
	"slices"
	"strings"
)

// fieldType is the type of a field in the words of describe ("soapType" follows from it).
type fieldType string

const (
	typeID          fieldType = "id"
	typeString      fieldType = "string"
	typeTextArea    fieldType = "textarea"
	typeBase64      fieldType = "base64"
	typePicklist    fieldType = "picklist"
	typeMulti       fieldType = "multipicklist"
	typeBoolean     fieldType = "boolean"
	typeInt         fieldType = "int"
	typeDouble      fieldType = "double"
	typeCurrency    fieldType = "currency"
	typePercent     fieldType = "percent"
	typeDate        fieldType = "date"
	typeDateTime    fieldType = "datetime"
	typeReference   fieldType = "reference"
	typeURL         fieldType = "url"
	typeEmail       fieldType = "email"
	typePhone       fieldType = "phone"
	typeAddress     fieldType = "address"
	typeComplex     fieldType = "complexvalue" // Metadata and FullName columns of the Tooling API
	maxStringLength           = 255
)

// onDelete says what becomes of a row when the row that it refers to is deleted.
type onDelete string

const (
	setNull  onDelete = "SetNull"
	cascade  onDelete = "Cascade"
	restrict onDelete = "Restrict"
)

type picklistValue struct {
	Value, Label string
	Default      bool
	Inactive     bool
}

// field is one column of an object, standard or custom.
type field struct {
	Name, Label       string
	Type              fieldType
	Length            int
	Precision, Scale  int
	Required          bool
	Custom            bool
	Unique            bool
	CaseSensitive     bool
	ExternalID        bool
	NameField         bool
	AutoNumber        string // display format; empty for ordinary fields
	Picklist          []picklistValue
	Restricted        bool
	ReferenceTo       []string
	Relationship      string // parent path, e.g. Account or Opportunity__r
	ChildRelationship string // how the parent names its children, e.g. Opportunities
	OnDelete          onDelete
	MasterDetail      bool
	Default           any
	NotCreateable     bool
	NotUpdateable     bool
	NotFilterable     bool
	Hidden            func(o *Org) bool                   // true when an org feature that the field needs is off
	compute           func(o *Org, rec *record) any       // derived on read, stored nowhere
	definition        *customField                        // the metadata of a custom field
	values            func(o *Org) (list []picklistValue) // picklists whose values live elsewhere
}

func (f *field) picklist(o *Org) []picklistValue {
	if f.values != nil {
		return f.values(o)
	}
	return f.Picklist
}

// object is one sObject type: its columns and its rules.
type object struct {
	Name, Label, Plural string
	KeyPrefix           string
	Custom              bool
	Setup               bool // rows are written by administrators only
	ReadOnly            bool // rows cannot be written through the API at all
	NoRecycleBin        bool // deleted rows are gone, not soft-deleted
	Hidden              func(o *Org) bool
	fields              []*field
	index               map[string]*field
	rows                func(o *Org) []*record // rows computed from other state instead of stored
	beforeSave          func(o *Org, w *write) *apiError
	afterSave           func(o *Org, w *write)
	definition          *customObject
}

func newObject(name, label, plural, prefix string, fields ...*field) *object {
	obj := &object{Name: name, Label: label, Plural: plural, KeyPrefix: prefix, index: map[string]*field{}}
	obj.add(&field{Name: "Id", Label: label + " ID", Type: typeID, Length: 18, NotCreateable: true, NotUpdateable: true})
	for _, f := range fields {
		obj.add(f)
	}
	return obj
}

func (obj *object) add(f *field) {
	obj.fields = append(obj.fields, f)
	obj.index[strings.ToLower(f.Name)] = f
}

func (obj *object) remove(name string) {
	delete(obj.index, strings.ToLower(name))
	obj.fields = slices.DeleteFunc(obj.fields, func(f *field) bool { return strings.EqualFold(f.Name, name) })
}

func (obj *object) replace(f *field) {
	obj.index[strings.ToLower(f.Name)] = f
	for i, old := range obj.fields {
		if strings.EqualFold(old.Name, f.Name) {
			obj.fields[i] = f
		}
	}
}

// field finds a column by its API name, without regard to case, whether or not the caller may see it.
func (obj *object) field(name string) *field { return obj.index[strings.ToLower(name)] }

// nameField is the column that labels a row.
func (obj *object) nameField() *field {
	for _, f := range obj.fields {
		if f.NameField {
			return f
		}
	}
	return obj.fields[0]
}

// withAudit adds the columns that the platform maintains on every row.
func (obj *object) withAudit() *object {
	user := func(name, label, rel string) *field {
		return &field{Name: name, Label: label, Type: typeReference, Length: 18, ReferenceTo: []string{"User"},
			Relationship: rel, NotCreateable: true, NotUpdateable: true}
	}
	stamp := func(name, label string) *field {
		return &field{Name: name, Label: label, Type: typeDateTime, NotCreateable: true, NotUpdateable: true}
	}
	obj.add(&field{Name: "IsDeleted", Label: "Deleted", Type: typeBoolean, Default: false, NotCreateable: true, NotUpdateable: true})
	obj.add(stamp("CreatedDate", "Created Date"))
	obj.add(user("CreatedById", "Created By ID", "CreatedBy"))
	obj.add(stamp("LastModifiedDate", "Last Modified Date"))
	obj.add(user("LastModifiedById", "Last Modified By ID", "LastModifiedBy"))
	obj.add(stamp("SystemModstamp", "System Modstamp"))
	return obj
}

func (obj *object) withOwner(child string) *object {
	obj.add(&field{Name: "OwnerId", Label: "Owner ID", Type: typeReference, Length: 18, ReferenceTo: []string{"User"},
		Relationship: "Owner", ChildRelationship: child})
	return obj
}

// catalog is a set of objects that one API surface (data or tooling) can name.
type catalog struct {
	order  []*object
	byName map[string]*object
}

func newCatalog(objects ...*object) *catalog {
	c := &catalog{byName: map[string]*object{}}
	for _, obj := range objects {
		c.add(obj)
	}
	return c
}

func (c *catalog) add(obj *object) {
	c.order = append(c.order, obj)
	c.byName[strings.ToLower(obj.Name)] = obj
}

func (c *catalog) remove(name string) {
	delete(c.byName, strings.ToLower(name))
	c.order = slices.DeleteFunc(c.order, func(o *object) bool { return strings.EqualFold(o.Name, name) })
}

func (c *catalog) object(name string) *object { return c.byName[strings.ToLower(name)] }

// objectOfID finds the object whose key prefix an id carries.
func (c *catalog) objectOfID(id string) *object {
	for _, obj := range c.order {
		if obj.KeyPrefix != "" && strings.HasPrefix(id, obj.KeyPrefix) {
			return obj
		}
	}
	return nil
}

// childRelation is a reference seen from its parent.
type childRelation struct {
	name  string
	child *object
	field *field
}

// children lists the child relationships of an object in catalog order.
func (c *catalog) children(parent *object) []childRelation {
	var list []childRelation
	for _, child := range c.order {
		for _, f := range child.fields {
			if f.Type == typeReference && slices.Contains(f.ReferenceTo, parent.Name) {
				list = append(list, childRelation{f.ChildRelationship, child, f})
			}
		}
	}
	return list
}

func text(name, label string, length int) *field {
	return &field{Name: name, Label: label, Type: typeString, Length: length}
}

func area(name, label string, length int) *field {
	return &field{Name: name, Label: label, Type: typeTextArea, Length: length, NotFilterable: length > maxStringLength}
}

func flag(name, label string, def bool) *field {
	return &field{Name: name, Label: label, Type: typeBoolean, Default: def}
}

func typed(name, label string, t fieldType, length int) *field {
	return &field{Name: name, Label: label, Type: t, Length: length}
}

func number(name, label string, t fieldType, precision, scale int) *field {
	return &field{Name: name, Label: label, Type: t, Precision: precision, Scale: scale}
}

func pick(name, label string, restricted bool, values ...string) *field {
	f := &field{Name: name, Label: label, Type: typePicklist, Length: maxStringLength, Restricted: restricted}
	for _, v := range values {
		f.Picklist = append(f.Picklist, picklistValue{Value: v, Label: v})
	}
	return f
}

func ref(name, label, to, relationship, child string, del onDelete) *field {
	return &field{Name: name, Label: label, Type: typeReference, Length: 18, ReferenceTo: []string{to},
		Relationship: relationship, ChildRelationship: child, OnDelete: del}
}

func (f *field) require() *field { f.Required = true; return f }

func (f *field) readOnly() *field { f.NotCreateable, f.NotUpdateable = true, true; return f }

func (f *field) createOnly() *field { f.NotUpdateable = true; return f }

func (f *field) isName() *field { f.NameField = true; return f }

func (f *field) hiddenUnless(feature func(o *Org) bool) *field {
	f.Hidden = func(o *Org) bool { return !feature(o) }
	return f
}
