package salesforce

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestCustomFields(t *testing.T) {
	r := newRig(t)
	r.must("createMetadata",
		fieldXML("Opportunity.Sync__c", `<defaultValue>false</defaultValue><type>Checkbox</type>`)+
			fieldXML("Opportunity.Key__c", keyField)+
			fieldXML("Opportunity.Link__c", `<type>Url</type>`)+
			fieldXML("Opportunity.Audit__c", `<length>100000</length><type>LongTextArea</type><visibleLines>4</visibleLines>`)+
			fieldXML("Opportunity.Help__c", `<type>Picklist</type><valueSet><restricted>true</restricted><valueSetDefinition><sorted>false</sorted>`+
				`<value><fullName>Proof</fullName><default>false</default><label>Proof of concept</label></value></valueSetDefinition></valueSet>`)+
			fieldXML("Opportunity.Share__c", `<description>  trimmed  </description><precision>5</precision><scale>2</scale><type>Percent</type>`))
	if got := r.read("CustomField", "Opportunity.Share__c"); got.value("description") != "trimmed" || got.value("required") != "false" || got.value("trackHistory") != "false" ||
		got.typeName != "CustomField" {
		t.Error(got.render())
	}
	if got := r.read("CustomField", "Opportunity.Missing__c"); !got.isNil {
		t.Error(got.render())
	}
	r.grant("Opportunity.Sync__c", "Opportunity.Key__c", "Opportunity.Help__c", "Opportunity.Share__c")
	id := r.opportunity("Fabrikam renewal")
	path := "/sobjects/Opportunity/" + id
	row := r.rest(r.agent, "GET", path, nil)
	row.equal("Sync__c", false)
	row.equal("Key__c", nil)
	r.rest(r.agent, "PATCH", path, map[string]any{"Help__c": "Nothing"}).refused(http.StatusBadRequest, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
	r.rest(r.agent, "PATCH", path, map[string]any{"Share__c": 1000}).refused(http.StatusBadRequest, "NUMBER_OUTSIDE_VALID_RANGE")
	r.rest(r.agent, "PATCH", path, map[string]any{"Help__c": "Proof", "Share__c": 12.345}).want(http.StatusNoContent)
	r.rest(r.agent, "GET", path, nil).equal("Share__c", 12.35)

	r.must("updateMetadata", fieldXML("Opportunity.Share__c", `<inlineHelpText>in percent</inlineHelpText><precision>6</precision><scale>2</scale><type>Percent</type>`))
	if got := r.read("CustomField", "Opportunity.Share__c"); got.value("description") != "" || got.value("precision") != "6" {
		t.Error("an update replaces the definition: " + got.render())
	}
	if result := r.save("upsertMetadata", fieldXML("Opportunity.New__c", `<type>Date</type>`)+fieldXML("Opportunity.Link__c", `<type>Url</type>`)); result[0].value("created") != "true" ||
		result[1].value("created") != "false" {
		t.Error("created tells insert from update")
	}
	status, body := r.soap(r.admin, "<deleteMetadata><type>CustomField</type><fullNames>Opportunity.Share__c</fullNames><fullNames>Opportunity.Gone__c</fullNames></deleteMetadata>")
	if results := body.all("result"); status != http.StatusOK || results[0].value("success") != "true" ||
		results[1].child("errors").value("statusCode") != "INVALID_CROSS_REFERENCE_KEY" {
		t.Error(body.render())
	}
	r.query(r.agent, "SELECT Share__c FROM Opportunity").refused(http.StatusBadRequest, "INVALID_FIELD")
	r.set(switchDeletedName, "kept")
	again := fieldXML("Opportunity.Share__c", `<precision>5</precision><scale>2</scale><type>Percent</type>`)
	if code, _ := r.failure("createMetadata", again); code != "DUPLICATE_DEVELOPER_NAME" {
		t.Error(code)
	}
	r.set(switchDeletedName, "freed")
	r.must("createMetadata", again)
	r.grant("Opportunity.Share__c")
	r.rest(r.agent, "GET", path, nil).equal("Share__c", nil)
}

func TestCustomFieldRefusals(t *testing.T) {
	r := newRig(t)
	r.must("createMetadata", fieldXML("Opportunity.Key__c", keyField))
	cases := map[string]struct{ code, text string }{
		fieldXML("Opportunity.Key__c", keyField):                                                                                           {"DUPLICATE_DEVELOPER_NAME", "There is already a field named Key on Opportunity."},
		fieldXML("Nothing__c.Key__c", keyField):                                                                                            {"INVALID_CROSS_REFERENCE_KEY", "Nothing__c"},
		fieldXML("Opportunity.Bad-Name__c", keyField):                                                                                      {"FIELD_INTEGRITY_EXCEPTION", "Bad-Name"},
		fieldXML("Opportunity.A__c", `<type>Text</type>`):                                                                                  {"FIELD_INTEGRITY_EXCEPTION", "Must specify 'length' for a CustomField of type Text"},
		fieldXML("Opportunity.A__c", `<length>256</length><type>Text</type>`):                                                              {"FIELD_INTEGRITY_EXCEPTION", "255"},
		fieldXML("Opportunity.A__c", `<length>5</length><type>Url</type>`):                                                                 {"FIELD_INTEGRITY_EXCEPTION", "Can not specify 'length'"},
		fieldXML("Opportunity.A__c", `<required>false</required><type>Checkbox</type>`):                                                    {"FIELD_INTEGRITY_EXCEPTION", "Can not specify 'required'"},
		fieldXML("Opportunity.A__c", `<type>Checkbox</type>`):                                                                              {"FIELD_INTEGRITY_EXCEPTION", "defaultValue"},
		fieldXML("Opportunity.A__c", `<length>100</length><type>LongTextArea</type>`):                                                      {"FIELD_INTEGRITY_EXCEPTION", "visibleLines"},
		fieldXML("Opportunity.A__c", `<type>Picklist</type>`):                                                                              {"FIELD_INTEGRITY_EXCEPTION", "valueSet"},
		fieldXML("Opportunity.A__c", `<referenceTo>Nothing__c</referenceTo><type>Lookup</type>`):                                           {"INVALID_CROSS_REFERENCE_KEY", "Nothing__c"},
		fieldXML("Opportunity.A__c", `<referenceTo>Account</referenceTo><relationshipName>As</relationshipName><type>MasterDetail</type>`): {"FIELD_INTEGRITY_EXCEPTION", "standard object"},
		fieldXML("Opportunity.A__c", `<referenceTo>Account</referenceTo><required>true</required><type>Lookup</type>`):                     {"FIELD_INTEGRITY_EXCEPTION", "required lookup"},
		fieldXML("Opportunity.A__c", `<formula>1</formula><type>Number</type>`):                                                            {"FIELD_INTEGRITY_EXCEPTION", "not available"},
		`<metadata xsi:type="CustomField"><fullName>Opportunity.A__c</fullName><type>Date</type></metadata>`:                               {"REQUIRED_FIELD_MISSING", "MasterLabel"},
		`<metadata xsi:type="CustomField"><label>A</label><type>Date</type></metadata>`:                                                    {"REQUIRED_FIELD_MISSING", "fullName"},
	}
	for component, want := range cases {
		if code, text := r.failure("createMetadata", component); code != want.code || !strings.Contains(text, want.text) {
			t.Errorf("%s: %s %s", component, code, text)
		}
	}
	if code, text := r.failure("updateMetadata", fieldXML("Opportunity.A__c", `<type>Date</type>`)); code != "INVALID_CROSS_REFERENCE_KEY" ||
		text != "In field: fullName - no CustomField named Opportunity.A__c found" {
		t.Errorf("%s %s", code, text)
	}
	if code, _ := r.failure("updateMetadata", fieldXML("Opportunity.Key__c", `<type>Date</type>`)); code != "FIELD_INTEGRITY_EXCEPTION" {
		t.Error(code)
	}
	results := r.save("createMetadata", fieldXML("Opportunity.B__c", `<type>Date</type>`)+fieldXML("Opportunity.Key__c", keyField), "<AllOrNoneHeader><allOrNone>true</allOrNone></AllOrNoneHeader>")
	if code := results[0].child("errors").value("statusCode"); code != "ALL_OR_NONE_OPERATION_ROLLED_BACK" || !r.read("CustomField", "Opportunity.B__c").isNil {
		t.Error("an all-or-none call is taken back as a whole: " + code)
	}
}

func TestMetadataFaults(t *testing.T) {
	r := newRig(t)
	many := strings.Repeat("<fullNames>X</fullNames>", 11)
	cases := map[string]string{
		"<createMetadata>" + fieldXML("Opportunity.A__c", "<colour>red</colour><type>Date</type>") + "</createMetadata>":         "soapenv:Client Element {" + nsMetadata + "}colour invalid at this location in type CustomField",
		"<createMetadata>" + fieldXML("Opportunity.A__c", "<length>x</length><type>Text</type>") + "</createMetadata>":           "soapenv:Client 'x' is not valid for the type xsd:int",
		"<createMetadata>" + fieldXML("Opportunity.A__c", "<type>Colour</type>") + "</createMetadata>":                           "soapenv:Client 'Colour' is not valid for the type FieldType",
		"<createMetadata>" + fieldXML("Opportunity.A__c", "<externalId>yes</externalId><type>Date</type>") + "</createMetadata>": "soapenv:Client 'yes' is not valid for the type xsd:boolean",
		`<createMetadata><metadata xsi:type="ApexClass"/></createMetadata>`:                                                      "soapenv:Client",
		"<readMetadata><type>ApexClass</type><fullNames>X</fullNames></readMetadata>":                                            "sf:INVALID_TYPE",
		"<readMetadata><type>CustomField</type>" + many + "</readMetadata>":                                                      "sf:EXCEEDED_ID_LIMIT EXCEEDED_ID_LIMIT: record limit reached. cannot submit more than 10 records in this operation",
		"<renameMetadata><type>CustomField</type></renameMetadata>":                                                              "sf:UNSUPPORTED_OPERATION",
		"<deploy/>": "soapenv:Client No operation available",
	}
	for operation, want := range cases {
		if status, body := r.soap(r.admin, operation); status != http.StatusInternalServerError || !strings.HasPrefix(fault(body), want) {
			t.Errorf("%s: %d %s", operation, status, fault(body))
		}
	}
	if _, body := r.soap(r.agent, "<describeMetadata/>"); body.value("faultcode") != "sf:INSUFFICIENT_ACCESS" {
		t.Error(fault(body))
	}
	if _, body := r.soap("forged", "<describeMetadata/>"); body.value("faultcode") != "sf:INVALID_SESSION_ID" || !strings.Contains(body.render(), "exceptionCode") {
		t.Error(body.render())
	}
	req, _ := http.NewRequest(http.MethodPost, r.server.URL+"/services/Soap/m/66.0", bytes.NewReader([]byte("<a>")))
	req.Header.Set("Content-Type", "text/xml")
	r.do(req).want(http.StatusInternalServerError)
	req, _ = http.NewRequest(http.MethodPost, r.server.URL+"/services/Soap/u/66.0", nil)
	r.do(req).want(http.StatusNotFound)
}

func TestCustomObjects(t *testing.T) {
	r := newRig(t)
	r.solutions()
	got := r.read("CustomObject", "Microsoft_Solution__c")
	if got.value("visibility") != "Public" || got.child("nameField").value("type") != "AutoNumber" || len(got.all("fields")) != 2 {
		t.Error(got.render())
	}
	standard := r.read("CustomObject", "Opportunity")
	if !strings.Contains(standard.render(), "<fullName>Amount</fullName>") {
		t.Error("a standard object reads with its fields")
	}
	r.must("updateMetadata", `<metadata xsi:type="CustomObject"><fullName>Opportunity</fullName><enableHistory>true</enableHistory><fields><fullName>Extra__c</fullName>`+
		`<label>Extra</label><type>Date</type></fields></metadata>`)
	if r.read("CustomField", "Opportunity.Extra__c").isNil || r.read("CustomObject", "Opportunity").value("enableHistory") != "true" {
		t.Error("an update of a standard object creates the fields it carries")
	}
	deal := r.opportunity("Fabrikam renewal")
	id := r.create(r.agent, "Microsoft_Solution__c", map[string]any{"Opportunity__c": deal, "Solution_Identifier__c": "SOL-1"})
	row := r.query(r.agent, "SELECT Name, Opportunity__r.Name FROM Microsoft_Solution__c")
	row.equal("records.0.Name", "MS-0001")
	row.equal("records.0.Opportunity__r.Name", "Fabrikam renewal")
	r.query(r.agent, "SELECT (SELECT Id FROM Microsoft_Solutions__r) FROM Opportunity").equal("records.0.Microsoft_Solutions__r.records.0.Id", id)
	r.rest(r.agent, "POST", "/sobjects/Microsoft_Solution__c", map[string]any{"Name": "x", "Opportunity__c": deal}).refused(http.StatusBadRequest, "INVALID_FIELD_FOR_INSERT_UPDATE")
	r.rest(r.agent, "DELETE", "/sobjects/Opportunity/"+deal, nil).want(http.StatusNoContent)
	r.rest(r.agent, "GET", "/sobjects/Microsoft_Solution__c/"+id, nil).refused(http.StatusNotFound, "ENTITY_IS_DELETED")

	detail := func(sharing string) string {
		return `<metadata xsi:type="CustomObject"><fullName>Detail__c</fullName><deploymentStatus>Deployed</deploymentStatus><label>Detail</label>` +
			`<nameField><label>Name</label><type>Text</type></nameField><pluralLabel>Details</pluralLabel><sharingModel>` + sharing + `</sharingModel></metadata>`
	}
	r.must("createMetadata", detail("ReadWrite"))
	if code, _ := r.failure("createMetadata", detail("ReadWrite")); code != "DUPLICATE_DEVELOPER_NAME" {
		t.Error(code)
	}
	master := fieldXML("Detail__c.Deal__c", `<referenceTo>Opportunity</referenceTo><relationshipName>Details</relationshipName><type>MasterDetail</type>`)
	r.set(switchDetailSharing, "required")
	if code, _ := r.failure("createMetadata", master); code != "FIELD_INTEGRITY_EXCEPTION" {
		t.Error(code)
	}
	r.set(switchDetailSharing, "converted")
	r.must("createMetadata", master)
	if sharing := r.read("CustomObject", "Detail__c").value("sharingModel"); sharing != "ControlledByParent" {
		t.Error(sharing)
	}
	if code, _ := r.failure("updateMetadata", detail("ReadWrite")); code != "FIELD_INTEGRITY_EXCEPTION" {
		t.Error(code)
	}
	r.must("updateMetadata", strings.Replace(detail("ControlledByParent"), "Details", "Particulars", 1))
	if _, body := r.soap(r.admin, "<deleteMetadata><type>CustomObject</type><fullNames>Detail__c</fullNames><fullNames>Account</fullNames></deleteMetadata>"); body.all("result")[0].value("success") != "true" ||
		body.all("result")[1].value("success") != "false" {
		t.Error(body.render())
	}
	if !r.read("CustomField", "Detail__c.Deal__c").isNil {
		t.Error("the fields of a deleted object are gone")
	}
}

// A lookup becomes a master-detail field when every row has a parent, and a lookup again, without losing a value.
func TestLookupBecomesMasterDetail(t *testing.T) {
	for _, semantics := range []string{"replace", "merge"} {
		r := newRig(t)
		r.set(switchMetadataUpdate, semantics)
		r.must("createMetadata", `<metadata xsi:type="CustomObject"><fullName>Detail__c</fullName><deploymentStatus>Deployed</deploymentStatus><label>Detail</label>`+
			`<nameField><label>Name</label><type>Text</type></nameField><pluralLabel>Details</pluralLabel><sharingModel>ReadWrite</sharingModel></metadata>`)
		relation := func(kind, object, more string) string {
			return fieldXML("Detail__c.Deal__c", more+`<referenceTo>`+object+`</referenceTo><relationshipName>Details</relationshipName><type>`+kind+`</type>`)
		}
		nilled := `<deleteConstraint xsi:nil="true"/><required xsi:nil="true"/>`
		r.must("createMetadata", relation("Lookup", "Opportunity", ""))
		r.grant("Detail__c", "Detail__c.Deal__c")
		deal := r.opportunity("Fabrikam renewal")
		full := r.create(r.admin, "Detail__c", map[string]any{"Name": "full", "Deal__c": deal})
		empty := r.create(r.admin, "Detail__c", map[string]any{"Name": "empty"})
		if code, text := r.failure("updateMetadata", relation("MasterDetail", "Opportunity", nilled)); code != "FIELD_INTEGRITY_EXCEPTION" || !strings.Contains(text, "without a parent") {
			t.Error(code, text)
		}
		r.rest(r.admin, "DELETE", "/sobjects/Detail__c/"+empty, nil).want(http.StatusNoContent)
		if code, _ := r.failure("updateMetadata", relation("MasterDetail", "Account", nilled)); code != "FIELD_INTEGRITY_EXCEPTION" {
			t.Error(code)
		}
		r.must("updateMetadata", relation("MasterDetail", "Opportunity", nilled))
		if field, sharing := r.read("CustomField", "Detail__c.Deal__c"), r.read("CustomObject", "Detail__c").value("sharingModel"); field.value("type") != "MasterDetail" || sharing != "ControlledByParent" {
			t.Error(field.render(), sharing)
		}
		r.query(r.admin, "SELECT Deal__r.Name FROM Detail__c").equal("records.0.Deal__r.Name", "Fabrikam renewal")
		r.must("updateMetadata", relation("Lookup", "Opportunity", ""))
		if field, sharing := r.read("CustomField", "Detail__c.Deal__c"), r.read("CustomObject", "Detail__c").value("sharingModel"); field.value("type") != "Lookup" ||
			field.value("deleteConstraint") != "SetNull" || sharing != "ReadWrite" {
			t.Error(field.render(), sharing)
		}
		r.query(r.admin, "SELECT Deal__c FROM Detail__c").equal("records.0.Deal__c", deal)
		r.rest(r.admin, "PATCH", "/sobjects/Detail__c/"+full, map[string]any{"Deal__c": nil}).want(http.StatusNoContent)
	}
}

func TestLayouts(t *testing.T) {
	r := newRig(t)
	r.solutions()
	body := func(change func(*node)) string {
		n := r.read("Layout", seedLayoutName)
		n.name = "metadata"
		change(n)
		return n.render()
	}
	list := func(name string, fields ...string) *node {
		n := branch("relatedLists")
		for _, f := range fields {
			n.children = append(n.children, leaf("fields", f))
		}
		n.children = append(n.children, leaf("relatedList", name))
		return n
	}
	before := r.read("Layout", seedLayoutName).render()
	r.must("updateMetadata", body(func(*node) {}))
	if after := r.read("Layout", seedLayoutName).render(); after != before {
		t.Errorf("writing back what was read changes the layout:\n%s\n%s", before, after)
	}
	with := func(n *node) func(*node) { return func(l *node) { l.children = append(l.children, n) } }
	r.must("updateMetadata", body(with(list("Microsoft_Solution__c.Opportunity__c", "NAME", "Solution_Identifier__c"))))
	refusals := map[string]*node{
		"INVALID_CROSS_REFERENCE_KEY": list("Microsoft_Solution__c.Nothing__c"),
		"FIELD_INTEGRITY_EXCEPTION":   list("RelatedOpportunityTeamList"),
	}
	for code, n := range refusals {
		if got, _ := r.failure("updateMetadata", body(with(n))); got != code {
			t.Errorf("%s: %s", n.render(), got)
		}
	}
	r.must("updateMetadata", body(func(n *node) { // whole-component replace: what is left out disappears
		n.drop("relatedLists")
		n.children = append(n.children, list("RelatedOpportunitySalesTeam"), list("Microsoft_Solution__c.Opportunity__c", "Solution_Identifier__c"))
	}))
	if got := r.read("Layout", seedLayoutName); len(got.all("relatedLists")) != 2 {
		t.Error(got.render())
	}
	if code, text := r.failure("updateMetadata", body(func(n *node) { n.drop("layoutSections") })); code != "FIELD_INTEGRITY_EXCEPTION" || !strings.Contains(text, "required layout field") {
		t.Error(text)
	}
	r.must("updateMetadata", settingsXML("OpportunitySettings", "Opportunity", "enableOpportunityTeam", "true"))
	r.must("updateMetadata", settingsXML("OpportunitySettings", "Opportunity", "enableOpportunityTeam", "false"))
	if got := r.read("Layout", seedLayoutName).render(); strings.Contains(got, "SalesTeam") {
		t.Error("switching teams off removes the list")
	}
	r.soap(r.admin, "<deleteMetadata><type>CustomField</type><fullNames>Microsoft_Solution__c.Solution_Identifier__c</fullNames></deleteMetadata>")
	if got := r.read("Layout", seedLayoutName).render(); strings.Contains(got, "Solution_Identifier__c") {
		t.Error("a deleted field leaves the layouts")
	}
	r.set(switchRelatedListCheck, "rejected")
	if code, _ := r.failure("updateMetadata", body(with(list("RelatedContentNoteList")))); code != "FIELD_INTEGRITY_EXCEPTION" {
		t.Error(code)
	}
	r.must("createMetadata", strings.Replace(body(func(*node) {}), seedLayoutName, "Opportunity-Partner %28EMEA%29", 1))
	r.set(switchLayoutName, "percent")
	if got := r.read("Layout", "Opportunity-Partner (EMEA)").value("fullName"); got != "Opportunity-Partner %28EMEA%29" {
		t.Error(got)
	}
}

func settingsXML(kind, name, setting, value string) string {
	return `<metadata xsi:type="` + kind + `"><fullName>` + name + `</fullName><` + setting + `>` + value + `</` + setting + `></metadata>`
}

func TestSettings(t *testing.T) {
	r := newRig(t)
	r.must("updateMetadata", settingsXML("EnhancedNotesSettings", "EnhancedNotes", "enableEnhancedNotes", "true"))
	r.must("updateMetadata", settingsXML("EnhancedNotesSettings", "EnhancedNotes", "enableTasksOnEnhancedNotes", "true"))
	if got := r.read("EnhancedNotesSettings", "EnhancedNotes"); got.value("enableEnhancedNotes") != "true" || got.value("enableTasksOnEnhancedNotes") != "true" {
		t.Error(got.render())
	}
	r.set(switchSettingsUpdate, "replace")
	r.must("updateMetadata", settingsXML("EnhancedNotesSettings", "EnhancedNotes", "enableTasksOnEnhancedNotes", "true"))
	if got := r.read("EnhancedNotesSettings", "EnhancedNotes"); got.value("enableEnhancedNotes") != "false" {
		t.Error(got.render())
	}
	r.set(switchSettingsName, "type_name")
	if !r.read("OpportunitySettings", "Opportunity").isNil || r.read("OpportunitySettings", "OpportunitySettings").isNil {
		t.Error("settings have the name of their type")
	}
	r.must("updateMetadata", settingsXML("OpportunitySettings", "OpportunitySettings", "enableOpportunityTeam", "true"))
	r.set(switchDisableTeams, "refused")
	if code, _ := r.failure("updateMetadata", settingsXML("OpportunitySettings", "OpportunitySettings", "enableOpportunityTeam", "false")); code != "FIELD_INTEGRITY_EXCEPTION" {
		t.Error(code)
	}
}

func TestGlobalValueSets(t *testing.T) {
	r := newRig(t)
	set := func(values ...string) string {
		out := `<metadata xsi:type="GlobalValueSet"><fullName>Reasons</fullName>`
		for _, v := range values {
			out += `<customValue><fullName>` + v + `</fullName><default>false</default><label>The ` + v + `</label></customValue>`
		}
		return out + `<masterLabel>Reasons</masterLabel><sorted>false</sorted></metadata>`
	}
	r.must("createMetadata", set("A", "B"))
	if code, _ := r.failure("updateMetadata", set("A", "a")); code != "DUPLICATE_VALUE" {
		t.Error(code)
	}
	r.must("createMetadata", fieldXML("Opportunity.Reason__c", `<type>Picklist</type><valueSet><valueSetName>Reasons</valueSetName></valueSet>`))
	r.must("updateMetadata", set("A"))
	if got := r.read("GlobalValueSet", "Reasons"); len(got.all("customValue")) != 2 || got.all("customValue")[1].value("isActive") != "false" {
		t.Error(got.render())
	}
	if _, body := r.soap(r.admin, "<deleteMetadata><type>GlobalValueSet</type><fullNames>Reasons</fullNames></deleteMetadata>"); body.child("result").child("errors").value("statusCode") != "DEPENDENCY_EXISTS" {
		t.Error(body.render())
	}
	r.grant("Opportunity.Reason__c")
	id := r.opportunity("x")
	r.rest(r.agent, "PATCH", "/sobjects/Opportunity/"+id, map[string]any{"Reason__c": "B"}).refused(http.StatusBadRequest, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
	r.set(switchValueRemoval, "removed")
	r.must("updateMetadata", set("A"))
	if got := r.read("GlobalValueSet", "Reasons"); len(got.all("customValue")) != 1 {
		t.Error(got.render())
	}
}

func TestListAndDescribeMetadata(t *testing.T) {
	r := newRig(t)
	r.must("createMetadata", fieldXML("Opportunity.Key__c", keyField))
	_, body := r.soap(r.admin, "<listMetadata><queries><type>CustomField</type></queries><queries><type>Layout</type></queries><queries><type>OpportunitySettings</type></queries><asOfVersion>66.0</asOfVersion></listMetadata>")
	results := body.all("result")
	if len(results) != 3 || results[0].value("fullName") != "Opportunity.Key__c" || results[1].value("fullName") != seedLayoutName || results[2].value("fullName") != "Opportunity" {
		t.Fatal(body.render())
	}
	if results[0].value("lastModifiedByName") != "Provider Administrator" || results[0].value("fileName") != "objects/Opportunity.object" {
		t.Error(results[0].render())
	}
	if _, body := r.soap(r.admin, "<describeMetadata><asOfVersion>66.0</asOfVersion></describeMetadata>"); !strings.Contains(body.render(), "<xmlName>Layout</xmlName>") {
		t.Error(body.render())
	}
}

func TestTooling(t *testing.T) {
	r := newRig(t)
	r.solutions()
	r.must("createMetadata", fieldXML("Opportunity.Key__c", keyField))
	query := func(soql string) answer {
		return r.rest(r.admin, "GET", "/tooling/query?q="+url.QueryEscape(soql), nil)
	}
	found := query("SELECT Id, DeveloperName FROM CustomField WHERE DeveloperName = 'Key' AND TableEnumOrId = 'Opportunity'").want(http.StatusOK)
	found.equal("totalSize", 1.0)
	query("SELECT Id, Metadata FROM CustomField WHERE DeveloperName = 'Key'").want(http.StatusOK).equal("records.0.Metadata.length", 100.0)
	if msg := query("SELECT Id, FullName FROM CustomField").refused(http.StatusBadRequest, "MALFORMED_QUERY"); !strings.HasSuffix(msg, "Result size: 3") {
		t.Error(msg)
	}
	object := query("SELECT Id FROM CustomObject WHERE DeveloperName = 'Microsoft_Solution'").at("records.0.Id").(string)
	query("SELECT Id FROM CustomField WHERE TableEnumOrId = '"+object+"'").equal("totalSize", 2.0)
	query("SELECT Id FROM Account").refused(http.StatusBadRequest, "INVALID_TYPE")
	query("SELECT DurableId, IsOpportunityTeamEnabled FROM OpportunitySettings").equal("records.0.IsOpportunityTeamEnabled", false)
	r.set(switchToolingSettings, "unsupported")
	query("SELECT DurableId FROM OpportunitySettings").refused(http.StatusBadRequest, "INVALID_TYPE")
	path := "/tooling/sobjects/CustomField/" + found.at("records.0.Id").(string)
	r.rest(r.admin, "GET", path, nil).want(http.StatusOK).equal("FullName", "Opportunity.Key__c")
	r.rest(r.admin, "DELETE", path, nil).want(http.StatusMethodNotAllowed)
	r.set(switchToolingDelete, "supported")
	r.rest(r.admin, "DELETE", path, nil).want(http.StatusNoContent)
	r.rest(r.admin, "GET", path, nil).want(http.StatusNotFound)
	r.rest(r.agent, "GET", "/tooling/query?q=SELECT+Id+FROM+CustomField", nil).refused(http.StatusForbidden, "INSUFFICIENT_ACCESS")
}

func TestChannelMembers(t *testing.T) {
	r := newRig(t)
	const path = "/tooling/sobjects/PlatformEventChannelMember"
	member := func(name, entity string) map[string]any {
		return map[string]any{"FullName": name, "Metadata": map[string]any{"eventChannel": "ChangeEvents", "selectedEntity": entity}}
	}
	made := r.rest(r.admin, "POST", path, member("ChangeEvents_OpportunityChangeEvent", "OpportunityChangeEvent")).want(http.StatusCreated)
	made.equal("success", true)
	if id := made.at("id").(string); !strings.HasPrefix(id, "0v8") {
		t.Error(id)
	}
	r.rest(r.admin, "POST", path, member("ChangeEvents_OpportunityChangeEvent", "OpportunityChangeEvent")).refused(http.StatusBadRequest, "DUPLICATE_DEVELOPER_NAME")
	r.rest(r.admin, "POST", path, member("Other", "OpportunityChangeEvent")).refused(http.StatusBadRequest, "DUPLICATE_VALUE")
	r.rest(r.admin, "POST", path, member("Other", "Nothing__ChangeEvent")).refused(http.StatusBadRequest, "FIELD_INTEGRITY_EXCEPTION")
	r.rest(r.agent, "POST", path, member("Other", "AccountChangeEvent")).refused(http.StatusForbidden, "INSUFFICIENT_ACCESS")
	r.solutions()
	r.rest(r.admin, "POST", path, member("ChangeEvents_Solutions", "Microsoft_Solution__ChangeEvent")).want(http.StatusCreated)
	query := "/tooling/query?q=" + url.QueryEscape("SELECT Id,DeveloperName,SelectedEntity,EventChannel FROM PlatformEventChannelMember ORDER BY SelectedEntity DESC")
	r.rest(r.admin, "GET", query, nil).want(http.StatusOK).equal("records.0.SelectedEntity", "OpportunityChangeEvent")
	r.rest(r.admin, "DELETE", path+"/"+made.at("id").(string), nil).want(http.StatusNoContent)
	r.rest(r.admin, "GET", query, nil).equal("totalSize", 1.0)
}

// Notes exist where they are switched on; their content is base64 on the way in and bytes on the way out, every change is a version, and
// a link leads to a record.
func TestNotes(t *testing.T) {
	r := newRig(t)
	r.rest(r.agent, "GET", "/sobjects/ContentNote/describe", nil).want(http.StatusNotFound)
	r.must("updateMetadata", settingsXML("EnhancedNotesSettings", "EnhancedNotes", "enableEnhancedNotes", "true"))
	r.rest(r.agent, "POST", "/sobjects/ContentNote", map[string]any{"Title": "a", "Content": "no base64!"}).refused(http.StatusBadRequest, "INVALID_BASE64_ENCODED_STRING")
	r.rest(r.agent, "POST", "/sobjects/ContentNote", map[string]any{"Content": "YQ=="}).refused(http.StatusBadRequest, "REQUIRED_FIELD_MISSING")
	id, _ := r.rest(r.agent, "POST", "/sobjects/ContentNote", map[string]any{"Title": "a", "Content": "YQ=="}).want(http.StatusCreated).at("id").(string)
	version := func() any {
		return r.rest(r.agent, "GET", "/sobjects/ContentNote/"+id+"?fields=LatestPublishedVersionId", nil).want(http.StatusOK).at("LatestPublishedVersionId")
	}
	first := version()
	r.rest(r.agent, "PATCH", "/sobjects/ContentNote/"+id, map[string]any{"Content": "Yg=="}).want(http.StatusNoContent)
	if version() == first {
		t.Error("a change is no version of its own")
	}
	r.rest(r.agent, "GET", "/sobjects/ContentNote/"+id, nil).equal("Content", "/services/data/v66.0/sobjects/ContentNote/"+id+"/Content")
	r.rest(r.agent, "POST", "/sobjects/ContentDocumentLink", map[string]any{"ContentDocumentId": id, "LinkedEntityId": id, "ShareType": "V"}).refused(http.StatusBadRequest, "FIELD_INTEGRITY_EXCEPTION")
}

// An object takes as many custom fields as the edition allows, those that were deleted and not erased included, and tells its limit.
func TestCustomFieldLimit(t *testing.T) {
	r := newRig(t)
	r.set(switchFieldLimit, "5")
	field := func(name string) string {
		return fieldXML("Opportunity."+name+"__c", `<length>80</length><type>Text</type>`)
	}
	for _, name := range []string{"A", "B", "C", "D", "E"} {
		r.must("createMetadata", field(name))
	}
	if code, text := r.failure("createMetadata", field("F")); code != "CUSTOM_ENTITY_OR_FIELD_LIMIT" {
		t.Errorf("a sixth field: %s, %s", code, text)
	}
	limits := func() answer {
		return r.rest(r.admin, "GET", "/tooling/query?q="+url.QueryEscape("SELECT EntityDefinitionId, Max, Remaining FROM EntityLimit "+
			"WHERE Type = 'CustomFields' AND EntityDefinitionId IN ('Opportunity')"), nil).want(http.StatusOK)
	}
	limits().equal("records.0.Max", 5.0)
	limits().equal("records.0.Remaining", 0.0)
	r.set(switchFieldLimit, "800")
	limits().equal("records.0.Remaining", 795.0)
}
