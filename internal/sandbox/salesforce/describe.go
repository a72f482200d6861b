package salesforce

import (
	"net/http"
	"strings"
)

// describeGlobal answers /sobjects.
func describeGlobal(c *call) response {
	if resp, done := c.unchangedSchema(); done {
		return resp
	}
	list := []doc{}
	for _, obj := range c.o.data.order {
		if c.acc.seesObject(obj) {
			list = append(list, append(c.objectSummary(obj), member{"urls", c.objectURLs(obj)}))
		}
	}
	return c.schemaAnswer(doc{{"encoding", "UTF-8"}, {"maxBatchSize", 200}, {"sobjects", list}})
}

// unchangedSchema answers If-Modified-Since for the describe resources.
func (c *call) unchangedSchema() (response, bool) {
	if err := c.allow(); err != nil {
		return failed(err), true
	}
	since, given, err := c.dateHeader("If-Modified-Since")
	if err != nil {
		return failed(err), true
	}
	if given && !c.o.schemaChanged.After(since) {
		return response{status: http.StatusNotModified}, true
	}
	return response{}, false
}

func (c *call) schemaAnswer(body any) response {
	return response{status: http.StatusOK, body: body, header: map[string]string{"Last-Modified": c.o.schemaChanged.Format(http.TimeFormat)}}
}

func (c *call) objectURLs(obj *object) doc {
	base := c.prefix() + "/sobjects/" + obj.Name
	return doc{{"sobject", base}, {"describe", base + "/describe"}, {"rowTemplate", base + "/{ID}"}}
}

func (c *call) objectSummary(obj *object) doc {
	writable := !obj.ReadOnly && obj.rows == nil && (!obj.Setup || c.who.admin)
	return doc{
		{"activateable", false},
		{"createable", writable && c.acc.may(obj, permCreate)},
		{"custom", obj.Custom},
		{"customSetting", false},
		{"deletable", writable && c.acc.may(obj, permDelete)},
		{"deprecatedAndHidden", false},
		{"feedEnabled", false},
		{"keyPrefix", obj.KeyPrefix},
		{"label", obj.Label},
		{"labelPlural", obj.Plural},
		{"layoutable", !obj.Setup},
		{"mergeable", false},
		{"mruEnabled", false},
		{"name", obj.Name},
		{"queryable", true},
		{"replicateable", true},
		{"retrieveable", true},
		{"searchable", !obj.Setup},
		{"triggerable", !obj.Setup},
		{"undeletable", !obj.NoRecycleBin},
		{"updateable", writable && c.acc.may(obj, permEdit)},
	}
}

// basicInfo answers GET /sobjects/T.
func basicInfo(c *call, obj *object) response {
	if err := c.allow(); err != nil {
		return failed(err)
	}
	return ok(doc{{"objectDescribe", append(c.objectSummary(obj), member{"urls", c.objectURLs(obj)})}, {"recentItems", []any{}}})
}

// describe answers /sobjects/T/describe. Fields that the caller has no access to are absent.
func describe(c *call, obj *object) response {
	if resp, done := c.unchangedSchema(); done {
		return resp
	}
	c.touch("read", obj.Name, "describe", nil, nil)
	fields := []doc{}
	for _, f := range c.acc.visibleFields(obj) {
		fields = append(fields, c.describeField(obj, f))
	}
	relations := []doc{}
	for _, rel := range c.o.data.children(obj) {
		if !c.acc.seesObject(rel.child) || !c.acc.seesField(rel.child, rel.field) {
			continue
		}
		relations = append(relations, doc{
			{"cascadeDelete", rel.field.OnDelete == cascade}, {"childSObject", rel.child.Name}, {"deprecatedAndHidden", false},
			{"field", rel.field.Name}, {"junctionIdListNames", []any{}}, {"junctionReferenceTo", []any{}},
			{"relationshipName", orNull(rel.name)}, {"restrictedDelete", rel.field.OnDelete == restrict},
		})
	}
	out := append(c.objectSummary(obj),
		member{"childRelationships", relations}, member{"fields", fields}, member{"recordTypeInfos", []any{}},
		member{"supportedScopes", []doc{{{"label", "All " + obj.Plural}, {"name", "everything"}}}}, member{"urls", c.objectURLs(obj)})
	return c.schemaAnswer(out)
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (c *call) describeField(obj *object, f *field) doc {
	values := []doc{}
	for _, v := range f.picklist(c.o) {
		values = append(values, doc{{"active", !v.Inactive}, {"defaultValue", v.Default}, {"label", v.Label}, {"validFor", nil}, {"value", v.Value}})
	}
	computed := f.compute != nil || f.AutoNumber != ""
	editable := !computed && c.acc.editsField(obj, f) && !obj.ReadOnly && obj.rows == nil && f.Type != typeID
	byteLength, length, digits := f.Length*3, f.Length, 0
	if f.Type == typeID || f.Type == typeReference {
		byteLength = 18
	}
	if f.Type == typeInt {
		digits = f.Precision
	}
	precision := f.Precision
	if f.Type == typeInt {
		precision = 0
	}
	return doc{
		{"aggregatable", !f.NotFilterable},
		{"aiPredictionField", false},
		{"autoNumber", f.AutoNumber != ""},
		{"byteLength", byteLength},
		{"calculated", false},
		{"calculatedFormula", nil},
		{"cascadeDelete", f.OnDelete == cascade},
		{"caseSensitive", f.CaseSensitive},
		{"compoundFieldName", compoundName(obj, f)},
		{"controllerName", nil},
		{"createable", editable && !f.NotCreateable},
		{"custom", f.Custom},
		{"defaultValue", f.describedDefault()},
		{"defaultValueFormula", nil},
		{"defaultedOnCreate", f.Default != nil || f.Type == typeBoolean || f.Name == "OwnerId" || f.NotCreateable},
		{"dependentPicklist", false},
		{"deprecatedAndHidden", false},
		{"digits", digits},
		{"displayLocationInDecimal", false},
		{"encrypted", false},
		{"externalId", f.ExternalID},
		{"extraTypeInfo", nil},
		{"filterable", !f.NotFilterable},
		{"filteredLookupInfo", nil},
		{"formulaTreatNullNumberAsZero", false},
		{"groupable", !f.NotFilterable && f.Type != typeDouble && f.Type != typeCurrency && f.Type != typePercent},
		{"highScaleNumber", false},
		{"htmlFormatted", f.Type == typeTextArea && f.definition != nil && f.definition.text("type") == "Html"},
		{"idLookup", f.Type == typeID || f.ExternalID},
		{"inlineHelpText", f.helpText()},
		{"label", f.Label},
		{"length", length},
		{"mask", nil},
		{"maskType", nil},
		{"name", f.Name},
		{"nameField", f.NameField},
		{"namePointing", false},
		{"nillable", !f.Required && f.Type != typeID && f.Type != typeBoolean && !strings.HasSuffix(f.Name, "ModifiedDate") && f.Name != "OwnerId" && f.Name != "CreatedDate" && f.Name != "CreatedById" && f.Name != "LastModifiedById" && f.Name != "SystemModstamp"},
		{"permissionable", f.Custom && !f.Required && !f.MasterDetail},
		{"picklistValues", values},
		{"polymorphicForeignKey", false},
		{"precision", precision},
		{"queryByDistance", false},
		{"referenceTargetField", nil},
		{"referenceTo", append([]string{}, f.ReferenceTo...)},
		{"relationshipName", orNull(f.Relationship)},
		{"relationshipOrder", nil},
		{"restrictedDelete", f.OnDelete == restrict},
		{"restrictedPicklist", f.Restricted},
		{"scale", f.Scale},
		{"searchPrefilterable", f.Type == typeReference},
		{"soapType", f.soapType()},
		{"sortable", !f.NotFilterable},
		{"type", string(f.Type)},
		{"unique", f.Unique},
		{"updateable", editable && !f.NotUpdateable},
		{"writeRequiresMasterRead", false},
	}
}

func compoundName(obj *object, f *field) any {
	for _, prefix := range []string{"Billing", "Shipping", "Mailing"} {
		if obj.field(prefix+"Address") != nil && strings.HasPrefix(f.Name, prefix) && f.Name != prefix+"Address" {
			return prefix + "Address"
		}
	}
	if obj.Name == "Contact" && (f.Name == "FirstName" || f.Name == "LastName") {
		return "Name"
	}
	return nil
}

func (f *field) describedDefault() any {
	if f.Type == typeBoolean {
		return f.Default == true
	}
	if f.Type == typePicklist {
		return nil
	}
	return f.Default
}

func (f *field) helpText() any {
	if f.definition == nil {
		return nil
	}
	return orNull(f.definition.text("inlineHelpText"))
}

func (f *field) soapType() string {
	switch f.Type {
	case typeID, typeReference:
		return "tns:ID"
	case typeBoolean:
		return "xsd:boolean"
	case typeInt:
		return "xsd:int"
	case typeDouble, typeCurrency, typePercent:
		return "xsd:double"
	case typeDate:
		return "xsd:date"
	case typeDateTime:
		return "xsd:dateTime"
	case typeAddress:
		return "urn:address"
	}
	return "xsd:string"
}
