package dataverse

import (
	"net/http"
	"testing"
	"time"
)

// A client is let in by a token for this environment only, and learns who it is.
func TestWhoAmI(t *testing.T) {
	r := newRig(t)
	who := r.send(http.MethodGet, "WhoAmI", nil).want(200)
	if who.text("OrganizationId") != r.env.OrganizationID() || who.text("UserId") == r.as(r.agent, http.MethodGet, "WhoAmI()", nil).want(200).text("UserId") {
		t.Errorf("WhoAmI gave %s", who.raw)
	}
	r.as("nobody", http.MethodGet, "WhoAmI", nil).want(401)
	r.send(http.MethodGet, "nothing", nil).want(404, codeResource)
}

// Columns of every type are made, read back by cast, changed by PUT and seen only after publishing, and deleted.
func TestColumns(t *testing.T) {
	r := newRig(t)
	r.publisher()
	const columns = "EntityDefinitions(LogicalName='opportunity')/Attributes"
	option := func(value any, text string) m { return m{"Value": value, "Label": labelOf(text)} }
	for schema, more := range map[string]m{
		"StringAttributeMetadata":              {"MaxLength": 100},
		"MemoAttributeMetadata":                {"MaxLength": 100000, "Format": "TextArea"},
		"BooleanAttributeMetadata":             {"DefaultValue": false, "OptionSet": m{"TrueOption": option(1, "Visible"), "FalseOption": option(0, "Not visible")}},
		"PicklistAttributeMetadata":            {"OptionSet": m{"IsGlobal": false, "Options": []m{option(1, "One"), option(nil, "Two")}}},
		"MultiSelectPicklistAttributeMetadata": {"OptionSet": m{"IsGlobal": false, "Options": []m{option(1, "One"), option(2, "Two")}}},
		"MoneyAttributeMetadata":               {"PrecisionSource": 2},
		"DateTimeAttributeMetadata":            {"Format": "DateOnly", "DateTimeBehavior": m{"Value": "DateOnly"}},
		"DecimalAttributeMetadata":             {"Precision": 2},
		"IntegerAttributeMetadata":             {"MinValue": 0, "MaxValue": 10},
	} {
		body := m{"@odata.type": "Microsoft.Dynamics.CRM." + schema, "SchemaName": "cosell_" + schema[:6], "DisplayName": labelOf(schema)}
		for name, value := range more {
			body[name] = value
		}
		id := r.send(http.MethodPost, columns, body, "MSCRM.SolutionUniqueName", "cosell").want(204).id()
		r.send(http.MethodGet, columns+"("+id+")/Microsoft.Dynamics.CRM."+schema, nil).want(200)
		if found := r.send(http.MethodGet, "solutioncomponents?$filter=objectid eq "+id+"&$expand=solutionid($select=uniquename)", nil).want(200); found.text("value", 0, "solutionid", "uniquename") != "cosell" {
			t.Errorf("the column is in the solution %s", found.raw)
		}
	}
	choice := r.send(http.MethodGet, columns+"(LogicalName='cosell_pickli')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)", nil).want(200)
	if choice.get("OptionSet", "Options", 1, "Value") != 804240000.0 {
		t.Errorf("the second option got another value than the publisher's: %s", choice.raw)
	}
	r.send(http.MethodPost, columns, textColumn("cosell_String", 10)).want(400, codeAttributeExists)
	r.send(http.MethodPost, columns, textColumn("other_String", 10)).want(400, codeSchemaName)
	r.send(http.MethodPatch, columns+"(LogicalName='cosell_string')", m{}).want(405)

	changed := textColumn("cosell_String", 200)
	changed["DisplayName"] = labelOf("New name")
	r.send(http.MethodPut, columns+"(LogicalName='cosell_string')", changed, "MSCRM.MergeLabels", "true").want(204)
	length := func() any {
		return r.send(http.MethodGet, columns+"(LogicalName='cosell_string')/Microsoft.Dynamics.CRM.StringAttributeMetadata", nil).want(200).get("MaxLength")
	}
	if length() != 100.0 {
		t.Error("a change is seen before it is published")
	}
	r.send(http.MethodPost, "PublishXml", m{"ParameterXml": "<importexportxml><entities><entity>opportunity</entity></entities></importexportxml>"}).want(204)
	if length() != 200.0 {
		t.Error("a change is not seen after it was published")
	}
	r.send(http.MethodDelete, columns+"(LogicalName='cosell_string')", nil).want(204)
	r.send(http.MethodGet, columns+"(LogicalName='cosell_string')", nil).want(404)
	r.as(r.agent, http.MethodPost, columns, textColumn("cosell_Other", 10)).want(403, codePrivilege)
}

// Options are inserted, renamed, ordered and deleted by actions, in local and global choices.
func TestOptions(t *testing.T) {
	r := newRig(t)
	r.publisher()
	r.send(http.MethodPost, "GlobalOptionSetDefinitions", m{
		"@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata", "Name": "cosell_help", "IsGlobal": true, "OptionSetType": "Picklist", "DisplayName": labelOf("Help"),
		"Options": []m{{"Value": 1, "Label": labelOf("General")}},
	}).want(204)
	r.send(http.MethodPost, "EntityDefinitions(LogicalName='opportunity')/Attributes", m{
		"@odata.type": "Microsoft.Dynamics.CRM.PicklistAttributeMetadata", "SchemaName": "cosell_Help", "DisplayName": labelOf("Help"),
		"GlobalOptionSet@odata.bind": "/GlobalOptionSetDefinitions(Name='cosell_help')",
	}).want(204)
	added := r.send(http.MethodPost, "InsertOptionValue", m{"OptionSetName": "cosell_help", "Label": labelOf("Other"), "SolutionUniqueName": "cosell"}).want(200)
	if added.get("NewOptionValue") != 804240000.0 {
		t.Errorf("the new option is %s", added.raw)
	}
	r.send(http.MethodPost, "UpdateOptionValue", m{"OptionSetName": "cosell_help", "Value": 1, "Label": labelOf("Anything"), "MergeLabels": true}).want(204)
	r.send(http.MethodPost, "OrderOption", m{"OptionSetName": "cosell_help", "Values": []int{804240000, 1}}).want(204)
	r.send(http.MethodPost, "opportunities", m{"name": "Deal", "cosell_help": 804240000}).want(400, codeOption)
	r.send(http.MethodPost, "PublishXml", m{"ParameterXml": "<importexportxml><optionsets><optionset>cosell_help</optionset></optionsets></importexportxml>"}).want(204)
	set := r.send(http.MethodGet, "GlobalOptionSetDefinitions(Name='cosell_help')", nil).want(200)
	if set.get("Options", 0, "Value") != 804240000.0 || set.text("Options", 1, "Label", "UserLocalizedLabel", "Label") != "Anything" {
		t.Errorf("the options are %s", set.raw)
	}
	r.send(http.MethodPost, "opportunities", m{"name": "Deal", "cosell_help": 804240000}).want(204)
	r.send(http.MethodPost, "DeleteOptionValue", m{"OptionSetName": "cosell_help", "Value": 1}).want(204)
	r.send(http.MethodDelete, "GlobalOptionSetDefinitions(Name='cosell_help')", nil).want(405, codeCannotDelete)
}

// table makes the table of the solutions of an opportunity, with a lookup that goes with its opportunity.
func (r *rig) table() {
	r.t.Helper()
	name := textColumn("cosell_Name", 100)
	name["IsPrimaryName"], name["AutoNumberFormat"] = true, "{DATETIMEUTC:yyyy-MM-dd}-{SEQNUM:5}"
	r.send(http.MethodPost, "EntityDefinitions", m{
		"@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "cosell_MicrosoftSolution", "DisplayName": labelOf("Microsoft Solution"),
		"DisplayCollectionName": labelOf("Microsoft Solutions"), "OwnershipType": "UserOwned", "HasNotes": false, "HasActivities": false, "IsActivity": false,
		"Attributes": []m{name, textColumn("cosell_Identifier", 100)},
	}).want(204)
	r.send(http.MethodPost, "RelationshipDefinitions", m{
		"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "cosell_opportunity_solutions", "ReferencedEntity": "opportunity",
		"ReferencedAttribute": "opportunityid", "ReferencingEntity": "cosell_microsoftsolution", "CascadeConfiguration": m{"Delete": "Cascade"},
		"Lookup": m{"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "cosell_OpportunityId", "DisplayName": labelOf("Opportunity")},
	}).want(204)
}

// A custom table is made with a lookup; change tracking is off until it is switched on, and cannot be switched off.
func TestTables(t *testing.T) {
	r := newRig(t)
	r.publisher()
	r.table()
	const table = "EntityDefinitions(LogicalName='cosell_microsoftsolution')"
	got := r.send(http.MethodGet, table+"?$select=EntitySetName,ChangeTrackingEnabled,PrimaryNameAttribute&$expand=Attributes($select=LogicalName)", nil).want(200)
	if got.get("ChangeTrackingEnabled") != false || got.text("EntitySetName") != "cosell_microsoftsolutions" || len(got.list("Attributes")) < 10 {
		t.Fatalf("the table is %s", got.raw)
	}
	r.send(http.MethodPut, table, m{"ChangeTrackingEnabled": true}).want(204)
	r.send(http.MethodPut, table, m{"ChangeTrackingEnabled": false}).want(400)
	deal := r.create("opportunities", m{"name": "Deal"})
	row := r.create("cosell_microsoftsolutions", m{"cosell_identifier": "SOL-1", "cosell_OpportunityId@odata.bind": "/opportunities(" + deal + ")"})
	r.send(http.MethodPost, "cosell_microsoftsolutions", m{"cosell_opportunityid@odata.bind": "/opportunities(" + deal + ")"}).want(400, codePayload)
	list := r.send(http.MethodGet, "opportunities("+deal+")?$expand=cosell_opportunity_solutions($select=cosell_name,cosell_identifier)", nil).want(200)
	if name := list.text("cosell_opportunity_solutions", 0, "cosell_name"); len(name) != len("2026-01-01-01000") {
		t.Errorf("the row numbered itself %q", name)
	}
	r.send(http.MethodDelete, "EntityDefinitions(LogicalName='opportunity')", nil).want(405, codeCannotDelete)
	r.send(http.MethodDelete, "opportunities("+deal+")", nil).want(204)
	r.send(http.MethodGet, "cosell_microsoftsolutions("+row+")", nil).want(404, codeNotFound)
	r.send(http.MethodDelete, table, nil).want(204)
	r.send(http.MethodGet, "cosell_microsoftsolutions", nil).want(404)
}

// The index of an alternate key takes its time; until then the key cannot be used.
func TestKeyIndex(t *testing.T) {
	r := newRig(t, func(o *Options) { o.KeyIndexTime = time.Minute })
	r.referralColumn()
	status := func() string {
		return r.send(http.MethodGet, "EntityDefinitions(LogicalName='opportunity')/Keys(LogicalName='cosell_referralidkey')", nil).want(200).text("EntityKeyIndexStatus")
	}
	states := []string{status()}
	r.send(http.MethodGet, "opportunities(cosell_referralid='a')", nil).want(400, codeKeyUndefined)
	r.kit.Clock.Advance(31 * time.Second)
	states = append(states, status())
	r.kit.Clock.Advance(29 * time.Second)
	states = append(states, status())
	if states[0] != keyPending || states[1] != keyInProgress || states[2] != keyActive {
		t.Errorf("the index went through %v", states)
	}
}
