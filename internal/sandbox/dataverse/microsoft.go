package dataverse

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// brought is what one of Microsoft's solutions brings beside tables: flows, connection references and environment variables.
type brought struct {
	unique, name, version string
	flows                 []broughtFlow
	references            [][2]string // name and connector
	variables             []broughtVariable
}

// broughtFlow is a cloud flow with the flows that it calls, by their place in the list. The documents name the flows; which calls which is
// inferred from the order in which they are turned on.
type broughtFlow struct {
	name     string
	children []int
}

// broughtVariable is an environment variable. Its prefix is known, whatever the tables' is.
type broughtVariable struct {
	name, display, initial string
	kind                   int64
}

// What the solutions are called, as far as screenshots show it: unique names are cut off there, and the rest is inferred. Of the names of
// connection references only the first is known.
var (
	forDynamics = brought{
		unique: "PartnerCenterReferralsSynchronizationforDynamics365", name: "Partner Center Referrals Synchronization for Dynamics 365", version: "1.0.2102.1",
		flows: []broughtFlow{
			{"Webhook Registration (Insider Preview)", nil},
			{"[Customize] Create or Get Details from Dynamics 365", nil},
			{"Create Co-sell Referral - Dynamics 365 to Partner Center (Insider Preview)", nil},
			{"Partner Center to Dynamics 365 - Helper (Insider Preview)", []int{1}},
			{"Partner Center Microsoft Co-sell Referral Updates to Dynamics 365 (Insider Preview)", []int{3}},
			{"Partner Center to Dynamics 365 (Insider Preview)", []int{3}},
			{"Dynamics 365 to Partner Center (Insider Preview)", []int{2}},
			{"Dynamics 365 Opportunity to Partner Center (Insider Preview)", []int{6}},
			{"Dynamics 365 Microsoft Solution to Partner Center (Insider Preview)", []int{6}},
			{"Dynamics 365 Leads to Partner Center (Insider Preview)", []int{6}},
			{"Auto-heal of Microsoft Partner Center sychronization details", []int{3}},
		},
		references: [][2]string{
			{"CommonDataService", "shared_commondataserviceforapps"}, {"PartnerCenterReferrals", "shared_partnercenterreferrals"},
			{"PartnerCenterEvents", "shared_partnercenterevents"}, {"CommonDataService_2", "shared_commondataserviceforapps"},
			{"PartnerCenterReferrals_2", "shared_partnercenterreferrals"}, {"PartnerCenterEvents_2", "shared_partnercenterevents"},
			{"CommonDataService_3", "shared_commondataserviceforapps"},
		},
		variables: []broughtVariable{
			{"msft_dealvaluefield", "Deal value field name in Dynamics 365", "estimatedvalue", 100000000},
			{"msft_customeraccountcountrycode", "Customer account country code field name in Dynamics 365", "address1_country", 100000000},
			{"msft_dealcurrencycodefield", "Deal value currency code field name in Dynamics 365", "transactioncurrencyid", 100000000},
			{"msft_displaycheckmarkinname", "Display check mark in opportunity name", "yes", 100000002},
			{"msft_synccosellopportunitiesonly", "Sync co-sell opportunities only", "no", 100000002},
			{"msft_autohealrunscheduler", "Auto-heal run scheduler", "", 100000000},
		},
	}
	forSalesforce = brought{
		unique: "PartnerCenterReferralsSynchronizationforSalesforce", name: "Partner Center Referrals Synchronization for Salesforce", version: "1.0.2106.1",
		flows: []broughtFlow{
			{"Partner Center Webhook Registration (Insider Preview)", nil},
			{"[Customize] Create or Get Details from Salesforce", nil},
			{"Create Co-sell Referral - Salesforce to Partner Center (Insider Preview)", nil},
			{"Partner Center Microsoft Co-sell Referral Updates to Salesforce (Insider Preview)", []int{1}},
			{"Partner Center to Salesforce (Insider Preview)", []int{1, 3}},
			{"Salesforce to Partner Center (Insider Preview)", []int{2}},
			{"Salesforce Opportunity to Partner Center (Insider Preview)", []int{5}},
			{"Salesforce Microsoft Solutions to Partner Center (Insider Preview)", []int{5}},
			{"Salesforce Leads to Partner Center (Insider Preview)", []int{5}},
		},
		references: [][2]string{
			{"CommonDataService", "shared_commondataserviceforapps"}, {"PartnerCenterEvents", "shared_partnercenterevents"},
			{"PartnerCenterReferrals", "shared_partnercenterreferrals"}, {"SalesforceConnection", "shared_salesforce"},
		},
		variables: []broughtVariable{
			{"msft_activestagename", "Active stage name in Salesforce", "", 100000000},
			{"msft_onholdstagename", "On-hold stage name in Salesforce", "", 100000000},
			{"msft_customeraccountcountrycode", "Customer account country code field name in Salesforce", "BillingCountry", 100000000},
			{"msft_dealcurrencycodefield", "Deal value currency code field name in Salesforce", "CurrencyIsoCode", 100000000},
			{"msft_dealvaluefield", "Deal value field name in Salesforce", "Amount", 100000000},
			{"msft_displaycheckmarkinname", "Display check mark in opportunity name", "yes", 100000002},
			{"msft_synccosellopportunitiesonly", "Sync co-sell opportunities only", "no", 100000002},
		},
	}
)

func (e *Environment) installAct(context.Context, map[string]string) (map[string]any, error) {
	return map[string]any{"solution": forDynamics.unique}, e.InstallMicrosoftSolution()
}

// InstallMicrosoftSolution lets an administrator install Microsoft's co-sell solution, unmanaged as its screenshots show it: tables,
// columns, a form section, environment variables, connection references that are bound, and flows that are on. The schema names of
// columns and tables are not public; they are inferred, under the prefix that a switch gives. It fails where it is installed
// already.
func (e *Environment) InstallMicrosoftSolution() error {
	return e.install(func(c *call) *apiError {
		prefix := e.kit.Switches.Get(switchMicrosoftPrefix)
		if err := c.installMicrosoft(forDynamics, prefix); err != nil {
			return err
		}
		if err := c.microsoftTables(prefix); err != nil {
			return err
		}
		if err := c.microsoftRows(forDynamics); err != nil {
			return err
		}
		c.microsoftForm(prefix)
		return nil
	})
}

// InstallMicrosoftSolutionForSalesforce lets an administrator install Microsoft's co-sell solution for Salesforce: environment variables,
// connection references that are bound, and flows that are on. Its fields are those of a package in Salesforce. It fails where it is
// installed already.
func (e *Environment) InstallMicrosoftSolutionForSalesforce() error {
	return e.install(func(c *call) *apiError {
		if err := c.installMicrosoft(forSalesforce, "msft"); err != nil {
			return err
		}
		return c.microsoftRows(forSalesforce)
	})
}

func (e *Environment) install(do func(c *call) *apiError) error {
	if err := e.onScreen(e.people.system, do); err != nil {
		return fmt.Errorf("install Microsoft's solution: %w", err)
	}
	return nil
}

// SetVariable lets an administrator give an environment variable, by schema name, a current value.
func (e *Environment) SetVariable(name, value string) error {
	err := e.onScreen(e.people.system, func(c *call) *apiError {
		definitions := e.table("environmentvariabledefinition").with("schemaname", name)
		if len(definitions) == 0 {
			return badRequest(codeNotFound, "there is no variable %s", name)
		}
		for _, current := range e.table("environmentvariablevalue").with("environmentvariabledefinitionid", ref{"environmentvariabledefinition", definitions[0].id}) {
			return c.editTyped("environmentvariablevalue", current.id, map[string]any{"value": value})
		}
		_, err := c.createTyped("environmentvariablevalue", map[string]any{"environmentvariabledefinitionid": definitions[0].id, "value": value})
		return err
	})
	if err != nil {
		return fmt.Errorf("set variable %s: %w", name, err)
	}
	return nil
}

// installMicrosoft makes the publishers and the solution.
func (c *call) installMicrosoft(what brought, prefix string) *apiError {
	if c.e.solution(what.unique) != nil {
		return badRequest(codeDuplicate, "the solution is installed already")
	}
	for _, p := range []string{"msft", prefix} {
		if len(c.e.table("publisher").with("customizationprefix", p)) > 0 {
			continue
		}
		if _, err := c.createTyped("publisher", map[string]any{
			"uniquename": "MicrosoftPartnerCenter" + p, "friendlyname": "Microsoft Partner Center", "customizationprefix": p, "customizationoptionvalueprefix": 19700,
		}); err != nil {
			return err
		}
	}
	if _, err := c.createTyped("solution", map[string]any{
		"uniquename": what.unique, "friendlyname": what.name, "version": what.version, "publisherid": "Microsoft Partner Center",
	}); err != nil {
		return err
	}
	c.header.Set("MSCRM.SolutionUniqueName", what.unique)
	return nil
}

func (c *call) microsoftTables(prefix string) *apiError {
	s := func(text string) string { return strings.ReplaceAll(text, "{p}", prefix) }
	deals := c.tx.edit(c.e.catalog.entity("opportunity"))
	for _, definition := range []string{
		`{"@odata.type":"#Microsoft.Dynamics.CRM.BooleanAttributeMetadata","SchemaName":"{p}_SyncWithPartnerCenter","DisplayName":%q}Sync With Partner Center`,
		`{"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"{p}_ReferralIdentifier","MaxLength":100,"DisplayName":%q}Referral Identifier`,
		`{"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"{p}_ReferralLink","MaxLength":500,"DisplayName":%q}Referral Link`,
		`{"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"{p}_ReferralProgram","MaxLength":100,"DisplayName":%q}Referral Program`,
		`{"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"{p}_MicrosoftCRMIdentifier","MaxLength":100,"DisplayName":%q}Microsoft CRM Identifier`,
		`{"@odata.type":"#Microsoft.Dynamics.CRM.BooleanAttributeMetadata","SchemaName":"{p}_ReferralVisibility","DisplayName":%q}Referral Visibility`,
		`{"@odata.type":"#Microsoft.Dynamics.CRM.MemoAttributeMetadata","SchemaName":"{p}_Audit","MaxLength":100000,"DisplayName":%q}Audit`,
		`{"@odata.type":"#Microsoft.Dynamics.CRM.PicklistAttributeMetadata","SchemaName":"{p}_HowCanMicrosoftHelp","DisplayName":%q,"OptionSet":{"IsGlobal":false,
			"Options":[{"Value":197000000,"Label":{"LocalizedLabels":[{"Label":"General Or Other","LanguageCode":1033}]}}]}}How can Microsoft help?`,
	} {
		end := strings.LastIndex(definition, "}")
		in := decoded(s(definition[:end+1]), definition[end+1:])
		a, err := c.makeColumn(deals, in)
		if err != nil {
			return err
		}
		if a.kind == kindBoolean && strings.HasSuffix(a.schema, "Visibility") {
			a.options.options[0].Label, a.options.options[1].Label = label("Not visible to Microsoft sellers"), label("Visible to Microsoft sellers")
		}
		if err := c.addToSolution(componentAttribute, a.id); err != nil {
			return err
		}
	}
	for _, table := range []string{
		`{"SchemaName":"{p}_MicrosoftSolution","OwnershipType":"UserOwned","Attributes":[{"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata",
			"SchemaName":"{p}_Name","IsPrimaryName":true,"MaxLength":300,"AutoNumberFormat":"{DATETIMEUTC:yyyy-MM-dd}-{SEQNUM:5}"},
			{"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"{p}_SolutionIdentifier","MaxLength":100}],"DisplayName":%q}Microsoft Solution`,
		`{"SchemaName":"{p}_MicrosoftSolutionDetail","OwnershipType":"OrganizationOwned","Attributes":[{"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata",
			"SchemaName":"{p}_SolutionName","IsPrimaryName":true,"MaxLength":300},{"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata",
			"SchemaName":"{p}_SolutionIdentifier","MaxLength":100},{"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"{p}_Type","MaxLength":100},
			{"@odata.type":"#Microsoft.Dynamics.CRM.StringAttributeMetadata","SchemaName":"{p}_PublisherName","MaxLength":200}],"DisplayName":%q}Microsoft Solution Detail`,
	} {
		end := strings.LastIndex(table, "}")
		e, err := c.makeEntity(decoded(s(table[:end+1]), table[end+1:]))
		if err != nil {
			return err
		}
		if err := c.addToSolution(componentEntity, e.id); err != nil {
			return err
		}
	}
	for _, relation := range []string{
		`{"SchemaName":"{p}_opportunity_microsoftsolution","ReferencedEntity":"opportunity","ReferencingEntity":"{p}_microsoftsolution",
			"CascadeConfiguration":{"Delete":"Cascade"},"Lookup":{"SchemaName":"{p}_Opportunity","DisplayName":%q}}Opportunity`,
		`{"SchemaName":"{p}_solutiondetail_microsoftsolution","ReferencedEntity":"{p}_microsoftsolutiondetail","ReferencingEntity":"{p}_microsoftsolution",
			"Lookup":{"SchemaName":"{p}_MicrosoftSolutionDetail","DisplayName":%q}}Microsoft Solution Detail`,
	} {
		end := strings.LastIndex(relation, "}")
		if _, err := c.makeOneToMany(decoded(s(relation[:end+1]), relation[end+1:])); err != nil {
			return err
		}
	}
	return nil
}

// decoded is a definition with its display name as a label.
func decoded(definition, display string) map[string]any {
	words, err := json.Marshal(label(display))
	var in map[string]any
	if err == nil {
		err = json.Unmarshal([]byte(strings.Replace(definition, "%q", string(words), 1)), &in)
	}
	if err != nil {
		panic(err) // the definitions are constants of this file
	}
	return in
}

func (c *call) microsoftRows(what brought) *apiError {
	for _, v := range what.variables {
		if _, err := c.createTyped("environmentvariabledefinition", map[string]any{
			"schemaname": v.name, "displayname": v.display, "defaultvalue": v.initial, "type": float64(v.kind),
		}); err != nil {
			return err
		}
	}
	references := map[string]any{}
	for _, r := range what.references {
		name := "msft_" + r[0]
		if _, err := c.createTyped("connectionreference", map[string]any{
			"connectionreferencelogicalname": name, "connectionreferencedisplayname": r[0], "connectorid": "/providers/Microsoft.PowerApps/apis/" + r[1],
			"connectionid": c.tx.guid(),
		}); err != nil {
			return err
		}
		references[name] = map[string]any{
			"runtimeSource": "embedded", "connection": map[string]any{"connectionReferenceLogicalName": name}, "api": map[string]any{"name": r[1]},
		}
	}
	var ids []string
	for _, flow := range what.flows {
		actions := map[string]any{}
		for _, child := range flow.children {
			actions[fmt.Sprintf("Run_%d", child)] = map[string]any{
				"type": "Workflow", "inputs": map[string]any{"host": map[string]any{"workflowReferenceName": ids[child]}},
			}
		}
		data := map[string]any{"properties": map[string]any{
			"connectionReferences": references, "definition": map[string]any{"actions": actions, "triggers": map[string]any{}},
		}, "schemaVersion": "1.0.0.0"}
		rec, err := c.createTyped("workflow", map[string]any{
			"name": flow.name, "category": float64(categoryFlow), "type": 1.0, "clientdata": string(encode(data)),
		})
		if err != nil {
			return err
		}
		ids = append(ids, rec.id)
		if err := c.editTyped("workflow", rec.id, map[string]any{"statecode": 1.0, "statuscode": 2.0}); err != nil {
			return err
		}
	}
	return nil
}

// microsoftForm puts Microsoft's section on the main form of opportunity.
func (c *call) microsoftForm(prefix string) {
	var rows strings.Builder
	for _, name := range []string{"syncwithpartnercenter", "referralidentifier", "referrallink", "referralprogram", "microsoftcrmidentifier", "referralvisibility",
		"howcanmicrosofthelp", "audit"} {
		locked := ""
		if strings.HasPrefix(name, "referral") && name != "referralvisibility" || name == "microsoftcrmidentifier" || name == "audit" {
			locked = ` disabled="true"`
		}
		column := prefix + "_" + name
		rows.WriteString(`<row><cell id="{` + c.tx.guid() + `}"><control id="` + column + `" classid="{4273EDBD-AC1D-40d3-9FB2-095C621B552D}" datafieldname="` +
			column + `"` + locked + ` /></cell></row>`)
	}
	section := `<section name="microsoft_partner_center" showlabel="true" showbar="false" columns="1" id="{` + c.tx.guid() + `}" IsUserDefined="1"><labels>` +
		`<label description="Microsoft Partner Center" languagecode="1033" /></labels><rows>` + rows.String() + `</rows></section>`
	for _, form := range c.e.table("systemform").with("objecttypecode", "opportunity") {
		next := form.clone()
		next.set("formxml", strings.Replace(form.str("formxml"), "</sections>", section+"</sections>", 1))
		c.tx.put(next)
	}
}
