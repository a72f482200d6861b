package dataverse

import "strings"

// Roles that the environment starts with.
const (
	roleAdministrator = "System Administrator"
	roleCustomizer    = "System Customizer"
	roleAgent         = "Cosell Agent"
	roleSeller        = "Salesperson"
)

// seed makes the rows that an environment is born with.
func (e *Environment) seed() error {
	t := &tx{e: e}
	n := &e.names
	n.organization, n.businessUnit, n.currency = t.guid(), t.guid(), t.guid()
	e.people.system = t.guid()
	e.born(t, "transactioncurrency", n.currency, map[string]any{
		"currencyname": currencyNames[e.opts.Currency], "isocurrencycode": e.opts.Currency, "currencysymbol": symbols[e.opts.Currency], "exchangerate": 1.0,
		"currencyprecision": int64(2),
	})
	e.born(t, "organization", n.organization, map[string]any{
		"name": e.opts.Name, "expirechangetrackingindays": int64(7), "basecurrencyid": ref{"transactioncurrency", n.currency}, "languagecode": int64(language),
	})
	e.born(t, "businessunit", n.businessUnit, map[string]any{"name": e.opts.Name})
	roles := e.seedRoles(t)
	e.person(t, e.people.system, "", "SYSTEM", "", roles[roleAdministrator])
	e.people.provider = e.person(t, t.guid(), "Cosell", "Provider", e.opts.Provider, roles[roleAdministrator])
	e.people.agent = e.person(t, t.guid(), "Cosell", "Agent", e.opts.Agent, roles[roleAgent])
	e.people.seller = e.person(t, t.guid(), "Sam", "Seller", "", roles[roleSeller])
	e.seedCustomization(t)
	e.seedMessages(t)
	e.seedForms(t)
	return nil
}

var currencyNames = map[string]string{"USD": "US Dollar", "EUR": "Euro", "NOK": "Norwegian Krone", "GBP": "Pound Sterling", "CHF": "Swiss Franc"}

var symbols = map[string]string{"USD": "$", "EUR": "€", "NOK": "kr", "GBP": "£", "CHF": "CHF"}

// born stores a row that no request made.
func (e *Environment) born(t *tx, table, id string, values map[string]any) *record {
	ent := e.catalog.entity(table)
	rec := &record{table: e.table(table), id: id, values: map[string]any{}}
	e.fill(t, ent, rec, &principal{id: e.people.system})
	for name, value := range values {
		rec.set(name, value)
	}
	t.put(rec)
	return rec
}

func (e *Environment) seedRoles(t *tx) map[string]string {
	roles := map[string]string{}
	for _, name := range []string{roleAdministrator, roleCustomizer, roleAgent, roleSeller} {
		id := t.guid()
		roles[name] = id
		e.born(t, "role", id, map[string]any{"name": name, "businessunitid": ref{"businessunit", e.names.businessUnit}})
	}
	e.grant(roles[roleAdministrator], depthOrganization, everything)
	e.grant(roles[roleCustomizer], depthOrganization, privilegeCustomize)
	e.grant(roles[roleCustomizer], depthOrganization, definitionPrivileges...)
	e.grant(roles[roleCustomizer], depthOrganization, rowPrivileges("Solution", "Publisher", "SystemForm", "SavedQuery", "Workflow", "ServiceEndpoint",
		"SdkMessageProcessingStep", "SdkMessageProcessingStepImage", "EnvironmentVariableDefinition", "EnvironmentVariableValue", "ConnectionReference")...)
	rows := rowPrivileges("Opportunity", "Lead", "Account", "Contact", "Annotation", "Connection", "OpportunityClose", "Team")
	e.grant(roles[roleAgent], depthOrganization, rows...)
	e.grant(roles[roleSeller], depthOrganization, rows...)
	for _, role := range []string{roleAgent, roleSeller, roleCustomizer} {
		for _, schema := range []string{"TransactionCurrency", "SystemUser", "BusinessUnit", "Role", "Organization", "ConnectionRole", "AsyncOperation",
			"EnvironmentVariableDefinition", "EnvironmentVariableValue", "Workflow", "FlowRun", "SdkMessage", "SdkMessageFilter", "Solution", "Publisher",
			"SolutionComponent", "SystemForm", "SavedQuery"} {
			e.grant(roles[role], depthOrganization, "prvRead"+schema, "prvAppendTo"+schema)
		}
	}
	return roles
}

// person adds a user with a role.
func (e *Environment) person(t *tx, id, first, last, application, role string) string {
	mail := strings.ToLower(strings.Trim(first+"."+last, ".")) + "@example.com"
	values := map[string]any{
		"firstname": first, "lastname": last, "fullname": strings.TrimSpace(first + " " + last), "internalemailaddress": mail, "domainname": mail,
		"businessunitid": ref{"businessunit", e.names.businessUnit}, "accessmode": int64(0), "isdisabled": false,
	}
	if application == "" && first != "" {
		values["address1_telephone1"] = "+1 425 555 0100"
	}
	if application != "" {
		values["applicationid"], values["accessmode"] = application, int64(4)
	}
	e.born(t, "systemuser", id, values)
	t.link("systemuserroles", id, role, true)
	return id
}

// seedCustomization makes the default publisher and solutions, where components go that name none.
func (e *Environment) seedCustomization(t *tx) {
	n := &e.names
	n.defaultPublisher, n.defaultSolution, n.activeSolution = t.guid(), t.guid(), t.guid()
	e.born(t, "publisher", n.defaultPublisher, map[string]any{
		"uniquename": "DefaultPublisher" + e.opts.Name, "friendlyname": "Default Publisher for " + e.opts.Name, "customizationprefix": "new",
		"customizationoptionvalueprefix": int64(10000), "isreadonly": false,
	})
	for _, s := range [][2]string{{n.defaultSolution, "Default"}, {n.activeSolution, "Active"}} {
		e.born(t, "solution", s[0], map[string]any{
			"uniquename": s[1], "friendlyname": s[1] + " Solution", "version": "1.0", "ismanaged": false, "isvisible": true,
			"publisherid": ref{"publisher", n.defaultPublisher},
		})
	}
	e.born(t, "solutioncomponentdefinition", t.guid(), map[string]any{
		"name": "connectionreference", "primaryentityname": "connectionreference", "solutioncomponenttype": int64(atoi(e.kit.Switches.Get(switchReferenceType))),
	})
}

// seedMessages makes the messages of the platform, and their filters for the tables that steps can hear.
func (e *Environment) seedMessages(t *tx) {
	for _, message := range []string{"Create", "Update", "Delete", "Assign", "SetState", "Win", "Lose", "Merge", "QualifyLead"} {
		id := fixedID("sdkmessage", message)
		e.born(t, "sdkmessage", id, map[string]any{"name": message})
		for _, table := range e.catalog.order {
			if of, special := messageTables[message]; !special || of == table {
				e.addFilter(t, message, table)
			}
		}
	}
}

// messageTables are messages that one table only has.
var messageTables = map[string]string{"Win": "opportunity", "Lose": "opportunity", "Merge": "account", "QualifyLead": "lead"}

func (e *Environment) addFilter(t *tx, message, table string) {
	e.born(t, "sdkmessagefilter", fixedID("sdkmessagefilter", message+" "+table), map[string]any{
		"name": message, "primaryobjecttypecode": table, "sdkmessageid": ref{"sdkmessage", fixedID("sdkmessage", message)},
	})
}
