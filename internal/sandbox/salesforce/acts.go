package salesforce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Default API names of the object that holds the Microsoft solutions of an opportunity.
const (
	solutionObject  = "Microsoft_Solution__c"
	solutionParent  = "Opportunity__c"
	solutionNumber  = "Solution_Identifier__c"
	solutionDetail  = "Solution_Detail__c"
	detailObject    = "Microsoft_Solution_Detail__c"
	defaultStage    = "Prospecting"
	defaultDaysOpen = 30
)

func need(name, help string) Parameter { return Parameter{name, help, true} }

func may(name, help string) Parameter { return Parameter{name, help, false} }

// accountColumns and opportunityColumns map the simple parameter names of the acts to fields.
var accountColumns = map[string]string{"name": "Name", "country": "BillingCountry", "country_code": "BillingCountryCode", "city": "BillingCity",
	"street": "BillingStreet", "state": "BillingState", "postal_code": "BillingPostalCode", "phone": "Phone", "website": "Website"}

var opportunityColumns = map[string]string{"name": "Name", "stage": "StageName", "amount": "Amount", "close_date": "CloseDate", "description": "Description",
	"next_step": "NextStep", "currency": "CurrencyIsoCode"}

// addressParameters describe the account that an opportunity's act makes.
var addressParameters = []string{"country", "street", "postal_code", "city"}

func accountParameters(required bool) []Parameter {
	name := may("name", "account name")
	name.Required = required
	return []Parameter{name, may("country", "billing country"), may("country_code", "billing country code, where state and country picklists are on"),
		may("city", "billing city"), may("street", "billing street"), may("state", "billing state"), may("postal_code", "billing postal code"),
		may("phone", "phone"), may("website", "web site")}
}

func opportunityParameters(required bool) []Parameter {
	name := may("name", "opportunity name")
	name.Required = required
	return []Parameter{name, may("stage", "stage, default "+defaultStage), may("amount", "deal value"), may("close_date", "YYYY-MM-DD, default in 30 days"),
		may("description", "description"), may("next_step", "next step"), may("currency", "currency code, in multi-currency orgs")}
}

// Acts is the table of what sellers can do, for a control API. Each act takes text and returns the ids that it made.
func (o *Org) Acts() []Act {
	id := need("id", "record id")
	acts := []Act{
		{"create_account", "create an account", accountParameters(true), true, o.createAccountAct},
		{"edit_account", "edit fields of an account", append([]Parameter{id}, accountParameters(false)...), true, o.editAct("Account", accountColumns)},
		{"create_opportunity", "create an opportunity; an account name that is new makes an account, a contact or solution makes their rows",
			append(opportunityParameters(true), may("account", "account name or id"), may("country", "billing country of a new account"),
				may("street", "billing street of a new account"), may("postal_code", "billing postal code of a new account"),
				may("city", "billing city of a new account"), may("contact", "last name of a new primary contact"),
				may("contact_first_name", "first name of that contact"), may("contact_email", "email of that contact"),
				may("contact_phone", "phone of that contact"),
				may("solution", "identifier of a Microsoft solution")), true, o.createOpportunityAct},
		{"edit_opportunity", "edit fields of an opportunity", append([]Parameter{id}, opportunityParameters(false)...), true, o.editAct("Opportunity", opportunityColumns)},
		{"add_solution", "add a Microsoft solution to an opportunity: type its identifier, or choose a row of the catalogue", []Parameter{
			need("opportunity", "opportunity id"), may("solution", "solution identifier"),
			may("detail", "row of "+detailObject+" to choose without typing an identifier: its id or identifier"),
			may("object", "API name of the solution object"), may("parent_field", "API name of its lookup to the opportunity"),
			may("solution_field", "API name of its identifier field")}, true, o.addSolutionAct},
		{"remove_solution", "remove a Microsoft solution from an opportunity", []Parameter{id, may("object", "API name of the solution object")}, false, o.removeSolutionAct},
		{"add_contact", "add a contact with a role to an opportunity", []Parameter{need("opportunity", "opportunity id"), need("last_name", "last name"),
			may("first_name", "first name"), may("email", "email"), may("phone", "phone"), may("title", "title"), may("role", "role"),
			may("primary", "true or false, default true")}, false, o.addContactAct},
		{"edit_contact", "edit a contact role, or the contact behind it", []Parameter{need("id", "contact role id"), may("last_name", "last name"),
			may("first_name", "first name"), may("email", "email"), may("phone", "phone"), may("title", "title"), may("role", "role"),
			may("primary", "true or false"), may("contact", "id of another contact to put in the role")}, false, o.editContactAct},
		{"remove_contact", "remove a contact role", []Parameter{need("id", "contact role id")}, false, o.deleteAct("OpportunityContactRole")},
		{"add_team_member", "add a colleague to an opportunity's team, where opportunity teams are on; a new e-mail address makes a user",
			[]Parameter{need("opportunity", "opportunity id"), need("email", "email"), may("first_name", "first name"), may("last_name", "last name"), may("phone", "phone")},
			false, o.addTeamMemberAct},
		{"remove_team_member", "remove a member of an opportunity's team", []Parameter{need("id", "team member id")}, false, o.deleteAct("OpportunityTeamMember")},
		{"add_user", "add a user, with rights of its own to nothing", []Parameter{need("email", "email"), may("username", "user name, default the email"),
			may("first_name", "first name"), may("last_name", "last name"), may("phone", "phone"), may("active", "true or false, default true")}, false, o.addUserAct},
		{"delete_opportunity", "delete an opportunity", []Parameter{id}, false, o.deleteAct("Opportunity")},
	}
	acts = append(acts, o.leadActs()...)
	for i := range acts {
		acts[i].Do = acts[i].checked()
	}
	return acts
}

// checked refuses an argument that is missing or that the act does not know, before anything is done.
func (a Act) checked() func(context.Context, map[string]string) (map[string]any, error) {
	do := a.Do
	return func(ctx context.Context, args map[string]string) (map[string]any, error) {
		for _, p := range a.Parameters {
			if p.Required && args[p.Name] == "" {
				return nil, fmt.Errorf("%s: the parameter %s is missing (%s)", a.Name, p.Name, p.Help)
			}
		}
		for name := range args {
			known := slices.ContainsFunc(a.Parameters, func(p Parameter) bool { return p.Name == name })
			if !known && !a.Fields {
				return nil, fmt.Errorf("%s: there is no parameter %s", a.Name, name)
			}
		}
		out, err := do(ctx, args)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

// pickArgs splits the arguments: the named ones become fields by the column table, names in keep stay out, the rest are
// API names.
func pickArgs(args map[string]string, columns map[string]string, keep ...string) map[string]string {
	out := map[string]string{}
	for name, value := range args {
		if slices.Contains(keep, name) {
			continue
		}
		if column := columns[name]; column != "" {
			name = column
		}
		out[name] = value
	}
	return out
}

func (o *Org) createTyped(object string, args map[string]string) (string, error) {
	fields, err := o.typedFields(object, args)
	if err != nil {
		return "", err
	}
	return o.Create(object, fields)
}

func (o *Org) createAccountAct(_ context.Context, args map[string]string) (map[string]any, error) {
	id, err := o.createAccount(pickArgs(args, accountColumns))
	return map[string]any{"id": id}, err
}

func (o *Org) editAct(object string, columns map[string]string) func(context.Context, map[string]string) (map[string]any, error) {
	return func(_ context.Context, args map[string]string) (map[string]any, error) {
		fields, err := o.typedFields(object, pickArgs(args, columns, "id"))
		if err != nil {
			return nil, err
		}
		return map[string]any{"id": args["id"]}, o.Edit(object, args["id"], fields)
	}
}

func (o *Org) deleteAct(object string) func(context.Context, map[string]string) (map[string]any, error) {
	return func(_ context.Context, args map[string]string) (map[string]any, error) {
		return map[string]any{"id": args["id"]}, o.Delete(object, args["id"])
	}
}

func (o *Org) createOpportunityAct(ctx context.Context, args map[string]string) (map[string]any, error) {
	out := map[string]any{}
	account, err := o.accountFor(args)
	if err != nil {
		return nil, err
	}
	values := pickArgs(args, opportunityColumns, slices.Concat(addressParameters, []string{"account", "contact", "contact_first_name", "contact_email", "contact_phone", "solution"})...)
	if account != "" {
		values["AccountId"], out["account_id"] = account, account
	}
	if values["StageName"] == "" {
		values["StageName"] = defaultStage
	}
	if values["CloseDate"] == "" {
		values["CloseDate"] = o.now().AddDate(0, 0, defaultDaysOpen).Format(dateForm)
	}
	id, err := o.createTyped("Opportunity", values)
	if err != nil {
		return nil, err
	}
	out["id"] = id
	if args["contact"] != "" {
		added, err := o.addContactAct(ctx, map[string]string{
			"opportunity": id, "last_name": args["contact"], "first_name": args["contact_first_name"], "email": args["contact_email"], "phone": args["contact_phone"],
		})
		if err != nil {
			return nil, err
		}
		maps.Copy(out, map[string]any{"contact_id": added["contact_id"], "role_id": added["id"]})
	}
	if args["solution"] != "" {
		added, err := o.addSolutionAct(ctx, map[string]string{"opportunity": id, "solution": args["solution"]})
		if err != nil {
			return nil, err
		}
		out["solution_id"] = added["id"]
	}
	return out, nil
}

// accountFor finds the account that the act names, by id or name, or makes it.
func (o *Org) accountFor(args map[string]string) (string, error) {
	account := args["account"]
	if account == "" {
		for _, name := range addressParameters {
			if args[name] != "" {
				return "", fmt.Errorf("%s describes the account: name it with account=", name)
			}
		}
		return "", nil
	}
	if _, found := o.Row("Account", account); found {
		return account, nil
	}
	if id := o.accountByName(account); id != "" {
		return id, nil
	}
	values := map[string]string{"Name": account}
	for _, name := range addressParameters {
		if args[name] != "" {
			values[accountColumns[name]] = args[name]
		}
	}
	return o.createAccount(values)
}

// createAccount lets a country be given by its code also where the screen offers a list of names.
func (o *Org) createAccount(values map[string]string) (string, error) {
	if country, isCode := byCode(countries, values["BillingCountry"]); isCode && countryPicklists(o) {
		values["BillingCountry"] = country.Label
	}
	return o.createTyped("Account", values)
}

func (o *Org) addSolutionAct(_ context.Context, args map[string]string) (map[string]any, error) {
	object, parent, number := orDefault(args["object"], solutionObject), orDefault(args["parent_field"], solutionParent), orDefault(args["solution_field"], solutionNumber)
	values := pickArgs(args, nil, "opportunity", "solution", "detail", "object", "parent_field", "solution_field")
	values[parent] = args["opportunity"]
	switch detail := o.detailFor(object, number, orDefault(args["detail"], args["solution"])); {
	case args["solution"] == "" && args["detail"] == "":
		return nil, errors.New("add solution: give the solution's identifier, or the detail to choose")
	case args["detail"] != "" && detail == "":
		return nil, fmt.Errorf("add solution: the catalogue has no solution %s", args["detail"])
	case detail != "" && values[solutionDetail] == "":
		values[solutionDetail] = detail
	}
	if args["solution"] != "" {
		values[number] = args["solution"]
	}
	id, err := o.createTyped(object, values)
	if err != nil {
		return nil, fmt.Errorf("add solution: %w", err)
	}
	return map[string]any{"id": id}, nil
}

// detailFor finds the row of the solution catalogue with this identifier or id, where the solution object refers to one.
func (o *Org) detailFor(object, number, solution string) string {
	o.mu.Lock()
	obj := o.data.object(object)
	refers := obj != nil && obj.field(solutionDetail) != nil
	o.mu.Unlock()
	if !refers {
		return ""
	}
	for _, row := range o.Rows(detailObject) {
		have, _ := row[number].(string)
		if id, _ := row["Id"].(string); solution != "" && (strings.EqualFold(have, solution) || id == solution) {
			return id
		}
	}
	return ""
}

func (o *Org) removeSolutionAct(_ context.Context, args map[string]string) (map[string]any, error) {
	return map[string]any{"id": args["id"]}, o.Delete(orDefault(args["object"], solutionObject), args["id"])
}

func (o *Org) addContactAct(_ context.Context, args map[string]string) (map[string]any, error) {
	deal, found := o.Row("Opportunity", args["opportunity"])
	if !found {
		return nil, fmt.Errorf("add contact: there is no opportunity %s", args["opportunity"])
	}
	contact := contactValues(args)
	if account, _ := deal["AccountId"].(string); account != "" {
		contact["AccountId"] = account
	}
	contactID, err := o.createTyped("Contact", contact)
	if err != nil {
		return nil, fmt.Errorf("add contact: %w", err)
	}
	role := map[string]string{"OpportunityId": args["opportunity"], "ContactId": contactID, "IsPrimary": orDefault(args["primary"], "true")}
	if args["role"] != "" {
		role["Role"] = args["role"]
	}
	roleID, err := o.createTyped("OpportunityContactRole", role)
	if err != nil {
		return nil, fmt.Errorf("add contact: %w", err)
	}
	return map[string]any{"id": roleID, "contact_id": contactID}, nil
}

func (o *Org) addTeamMemberAct(_ context.Context, args map[string]string) (map[string]any, error) {
	user := ""
	for _, row := range o.Rows("User") {
		if email, _ := row["Email"].(string); strings.EqualFold(email, args["email"]) {
			user, _ = row["Id"].(string)
		}
	}
	if user == "" {
		user = o.addUser(args["email"], orDefault(args["first_name"], "First"), orDefault(args["last_name"], "Colleague"), orDefault(args["phone"], "+1 425 555 0101"))
	}
	id, err := o.createTyped("OpportunityTeamMember", map[string]string{"OpportunityId": args["opportunity"], "UserId": user, "TeamMemberRole": "Sales Rep"})
	if err != nil {
		return nil, fmt.Errorf("add team member: %w", err)
	}
	return map[string]any{"id": id, "user_id": user}, nil
}

// contactColumns map the parameters of the acts about contacts to fields of the contact.
var contactColumns = map[string]string{"last_name": "LastName", "first_name": "FirstName", "email": "Email", "phone": "Phone", "title": "Title"}

func contactValues(args map[string]string) map[string]string {
	values := map[string]string{}
	for name, column := range contactColumns {
		if args[name] != "" {
			values[column] = args[name]
		}
	}
	return values
}

// editContactAct changes the role's own row, or the row of the contact that has it, or both.
func (o *Org) editContactAct(_ context.Context, args map[string]string) (map[string]any, error) {
	role, found := o.Row("OpportunityContactRole", args["id"])
	if !found {
		return nil, fmt.Errorf("edit contact: there is no contact role %s", args["id"])
	}
	own := map[string]string{}
	for name, column := range map[string]string{"role": "Role", "primary": "IsPrimary", "contact": "ContactId"} {
		if args[name] != "" {
			own[column] = args[name]
		}
	}
	contactID, _ := role["ContactId"].(string)
	contactID = orDefault(own["ContactId"], contactID)
	for _, edit := range []struct {
		object, id string
		values     map[string]string
	}{{"OpportunityContactRole", args["id"], own}, {"Contact", contactID, contactValues(args)}} {
		if len(edit.values) == 0 {
			continue
		}
		fields, err := o.typedFields(edit.object, edit.values)
		if err == nil {
			err = o.Edit(edit.object, edit.id, fields)
		}
		if err != nil {
			return nil, fmt.Errorf("edit contact: %w", err)
		}
	}
	return map[string]any{"id": args["id"], "contact_id": contactID}, nil
}

func orDefault(value, def string) string {
	if value == "" {
		return def
	}
	return value
}
