package dataverse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Default names of the table that holds the Microsoft solutions of an opportunity.
const (
	solutionTable  = "cosell_microsoftsolution"
	solutionParent = "cosell_opportunityid"
	solutionNumber = "cosell_solutionidentifier"
)

func need(name, help string) Parameter { return Parameter{name, help, true} }

func may(name, help string) Parameter { return Parameter{name, help, false} }

// Columns that acts know under simpler names.
var (
	accountColumns = map[string]string{
		"name": "name", "country": "address1_country", "city": "address1_city", "street": "address1_line1", "state": "address1_stateorprovince",
		"postal_code": "address1_postalcode", "phone": "telephone1", "website": "websiteurl",
	}
	opportunityColumns = map[string]string{
		"name": "name", "value": "estimatedvalue", "close_date": "estimatedclosedate", "description": "description", "account": "parentaccountid",
		"contact": "parentcontactid", "status": "statuscode", "owner": "ownerid", "currency": "transactioncurrencyid", "customer": "customerid",
	}
	contactColumns = map[string]string{
		"first_name": "firstname", "last_name": "lastname", "email": "emailaddress1", "phone": "telephone1", "company": "parentcustomerid",
	}
	leadColumns = map[string]string{
		"topic": "subject", "first_name": "firstname", "last_name": "lastname", "company": "companyname", "email": "emailaddress1", "phone": "telephone1",
		"country": "address1_country", "postal_code": "address1_postalcode", "value": "estimatedamount", "street": "address1_line1", "city": "address1_city",
	}
)

func parametersOf(columns map[string]string, required string) []Parameter {
	var list []Parameter
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		list = append(list, Parameter{name, "the column " + columns[name], name == required})
	}
	return list
}

// Acts is the table of what people can do, for a control API. Each act takes text and returns the ids that it made.
func (e *Environment) Acts() []Act {
	id := need("id", "row id")
	acts := []Act{
		{"create_account", "create an account", parametersOf(accountColumns, "name"), true, e.createAct("account", accountColumns)},
		{"edit_account", "edit columns of an account", append([]Parameter{id}, parametersOf(accountColumns, "")...), true, e.editAct("account", accountColumns)},
		{"create_contact", "create a contact; the company is the name or id of an account", parametersOf(contactColumns, "last_name"), true, e.createAct("contact", contactColumns)},
		{"merge_accounts", "merge an account into another one", []Parameter{need("id", "the account that stays"), need("other", "the account that goes")}, false, e.mergeAct},
		{"create_opportunity", "create an opportunity; an account name that is new makes an account", append(parametersOf(opportunityColumns, "name"),
			may("country", "country of a new account"), may("postal_code", "postal code of a new account"), may("street", "street of a new account"),
			may("city", "city of a new account"), may("solution", "identifier of a Microsoft solution")), true, e.createOpportunityAct},
		{"edit_opportunity", "edit columns of an opportunity", append([]Parameter{id}, parametersOf(opportunityColumns, "")...), true, e.editAct("opportunity", opportunityColumns)},
		{"win_opportunity", "close an opportunity as won", []Parameter{id, may("revenue", "actual revenue"), may("close_date", "actual close date")}, false, e.closeAct(stateWon, "Win", "Won", "3")},
		{"lose_opportunity", "close an opportunity as lost", []Parameter{id, may("reason", "4 canceled (default) or 5 out-sold")}, false, e.closeAct(stateLost, "Lose", "Lost", "4")},
		{"reopen_opportunity", "open a closed opportunity again", []Parameter{id}, false, e.reopenAct},
		{"delete_opportunity", "delete an opportunity", []Parameter{id}, false, e.deleteAct("opportunity")},
		{"add_solution", "add a Microsoft solution to an opportunity", []Parameter{need("opportunity", "opportunity id"), need("solution", "solution identifier"),
			may("table", "logical name of the table of solutions"), may("parent_column", "its lookup to the opportunity"),
			may("solution_column", "its column with the identifier")}, true, e.addSolutionAct},
		{"remove_solution", "remove a Microsoft solution from an opportunity", []Parameter{id, may("table", "logical name of the table of solutions")}, false, e.removeSolutionAct},
		{"create_lead", "create a lead", parametersOf(leadColumns, "topic"), true, e.createAct("lead", leadColumns)},
		{"edit_lead", "edit columns of a lead", append([]Parameter{id}, parametersOf(leadColumns, "")...), true, e.editAct("lead", leadColumns)},
		{"qualify_lead", "qualify a lead, which makes an account, a contact and an opportunity", []Parameter{id}, false, e.qualifyAct},
		{"disqualify_lead", "disqualify a lead", []Parameter{id, may("reason", "4 to 7, default 4 lost")}, false, e.disqualifyAct},
		{"add_note", "add a note to an opportunity", []Parameter{need("opportunity", "opportunity id"), need("text", "text of the note"), may("subject", "title")}, false, e.noteAct},
		{"add_user", "add a user with the rights of a seller", []Parameter{need("email", "e-mail address"), may("first_name", "first name"), may("last_name", "last name")}, false, e.addUserAct},
		{"install_microsoft_solution", "an administrator installs Microsoft's solution: tables, columns, environment variables and flows", nil, false, e.installAct},
		{"install_microsoft_solution_for_salesforce", "an administrator installs Microsoft's solution for Salesforce: environment variables and flows", nil, false,
			func(context.Context, map[string]string) (map[string]any, error) {
				return map[string]any{"solution": forSalesforce.unique}, e.InstallMicrosoftSolutionForSalesforce()
			}},
		{"flow", "an administrator turns a cloud flow on or off", []Parameter{need("flow", "name or id"), need("on", "true or false")}, false, e.flowAct},
		{"begin_flow_run", "a cloud flow that is on begins to run", []Parameter{need("flow", "name or id")}, false, e.beginRunAct},
		{"end_flow_run", "a run of a cloud flow ends", []Parameter{need("run", "what begin_flow_run gave"), may("status", "Succeeded (default), Failed or Cancelled")}, false, e.endRunAct},
		{"grant", "an administrator changes a privilege of a role", []Parameter{need("role", "name of the role"), need("privilege", "for example prvReadOpportunity"),
			need("depth", "none, user or organization")}, false, e.grantAct},
	}
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
			if !a.Fields && !slices.ContainsFunc(a.Parameters, func(p Parameter) bool { return p.Name == name }) {
				return nil, fmt.Errorf("%s: there is no parameter %s", a.Name, name)
			}
		}
		return do(ctx, args)
	}
}

// named turns the arguments into values of columns; names in skip stay out.
func named(args, columns map[string]string, skip ...string) map[string]any {
	out := map[string]any{}
	for name, value := range args {
		if slices.Contains(skip, name) {
			continue
		}
		if column := columns[name]; column != "" {
			name = column
		}
		out[name] = value
	}
	return out
}

type doer = func(context.Context, map[string]string) (map[string]any, error)

func (e *Environment) createAct(table string, columns map[string]string) doer {
	return func(_ context.Context, args map[string]string) (map[string]any, error) {
		id, err := e.Create(table, named(args, columns))
		return map[string]any{"id": id}, err
	}
}

func (e *Environment) editAct(table string, columns map[string]string) doer {
	return func(_ context.Context, args map[string]string) (map[string]any, error) {
		return map[string]any{"id": args["id"]}, e.Edit(table, args["id"], named(args, columns, "id"))
	}
}

func (e *Environment) deleteAct(table string) doer {
	return func(_ context.Context, args map[string]string) (map[string]any, error) {
		return map[string]any{"id": args["id"]}, e.Delete(table, args["id"])
	}
}

func (e *Environment) createOpportunityAct(ctx context.Context, args map[string]string) (map[string]any, error) {
	out := map[string]any{}
	if name := args["account"]; name != "" && !e.has("account", name) {
		values := map[string]any{"name": name}
		for _, part := range []string{"country", "postal_code", "street", "city"} {
			if args[part] != "" {
				values[accountColumns[part]] = args[part]
			}
		}
		id, err := e.Create("account", values)
		if err != nil {
			return nil, err
		}
		args = maps.Clone(args)
		args["account"], out["account_id"] = id, id
	}
	id, err := e.Create("opportunity", named(args, opportunityColumns, "country", "postal_code", "street", "city", "solution"))
	if err != nil {
		return nil, err
	}
	out["id"] = id
	if args["solution"] != "" {
		added, err := e.addSolutionAct(ctx, map[string]string{"opportunity": id, "solution": args["solution"]})
		if err != nil {
			return nil, err
		}
		out["solution_id"] = added["id"]
	}
	return out, nil
}

// has says whether a table has a row with this id or name.
func (e *Environment) has(table, name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.find(table, name) != nil || len(e.table(table).with(e.catalog.entity(table).primaryName, name)) > 0
}

func (e *Environment) closeAct(state int, message, word, reason string) doer {
	return func(_ context.Context, args map[string]string) (map[string]any, error) {
		if args["reason"] != "" {
			reason = args["reason"]
		}
		status, err := strconv.Atoi(reason)
		if err != nil {
			return nil, fmt.Errorf("the reason %q is not a number", reason)
		}
		return map[string]any{"id": args["id"]}, e.onSeller("close opportunity "+args["id"], func(c *call) *apiError {
			_, deal, err := c.need("opportunity", args["id"])
			if err != nil {
				return err
			}
			values, err := c.typed(c.e.catalog.entity("opportunityclose"), map[string]any{
				"actualrevenue": args["revenue"], "actualend": args["close_date"], "subject": word, "opportunityid": deal.id,
			})
			if err != nil {
				return err
			}
			for name, value := range values {
				if value == nil {
					delete(values, name)
				}
			}
			return c.finish(deal, payload{values: values}, state, status, message, word)
		})
	}
}

// onSeller is onScreen for the seller, with what was tried in the error.
func (e *Environment) onSeller(what string, do func(c *call) *apiError) error {
	if err := e.onScreen(e.people.seller, do); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (e *Environment) reopenAct(_ context.Context, args map[string]string) (map[string]any, error) {
	return map[string]any{"id": args["id"]}, e.Edit("opportunity", args["id"], map[string]any{"statecode": 0, "statuscode": 1})
}

func (e *Environment) mergeAct(_ context.Context, args map[string]string) (map[string]any, error) {
	return map[string]any{"id": args["id"]}, e.onSeller("merge accounts", func(c *call) *apiError {
		_, target, err := c.need("account", args["id"])
		if err != nil {
			return err
		}
		_, other, err := c.need("account", args["other"])
		if err != nil {
			return err
		}
		return c.mergeInto(target, other, map[string]any{})
	})
}

func (e *Environment) addSolutionAct(_ context.Context, args map[string]string) (map[string]any, error) {
	orElse := func(name, fallback string) string {
		if args[name] != "" {
			return args[name]
		}
		return fallback
	}
	values := named(args, nil, "opportunity", "solution", "table", "parent_column", "solution_column")
	values[orElse("parent_column", solutionParent)] = args["opportunity"]
	values[orElse("solution_column", solutionNumber)] = args["solution"]
	id, err := e.Create(orElse("table", solutionTable), values)
	return map[string]any{"id": id}, err
}

func (e *Environment) removeSolutionAct(_ context.Context, args map[string]string) (map[string]any, error) {
	table := args["table"]
	if table == "" {
		table = solutionTable
	}
	return map[string]any{"id": args["id"]}, e.Delete(table, args["id"])
}

func (e *Environment) qualifyAct(_ context.Context, args map[string]string) (map[string]any, error) {
	out := map[string]any{"id": args["id"]}
	return out, e.onSeller("qualify lead "+args["id"], func(c *call) *apiError {
		_, lead, err := c.need("lead", args["id"])
		if err != nil {
			return err
		}
		made, err := c.qualifyLead(lead, map[string]any{"CreateAccount": true, "CreateContact": true, "CreateOpportunity": true})
		for _, to := range made {
			out[to.table+"_id"] = to.id
		}
		return err
	})
}

func (e *Environment) disqualifyAct(_ context.Context, args map[string]string) (map[string]any, error) {
	reason := args["reason"]
	if reason == "" {
		reason = "4"
	}
	return map[string]any{"id": args["id"]}, e.Edit("lead", args["id"], map[string]any{"statecode": stateDisqualified, "statuscode": reason})
}

func (e *Environment) noteAct(_ context.Context, args map[string]string) (map[string]any, error) {
	id, err := e.Create("annotation", map[string]any{"objectid": args["opportunity"], "notetext": args["text"], "subject": args["subject"]})
	return map[string]any{"id": id}, err
}

func (e *Environment) addUserAct(_ context.Context, args map[string]string) (map[string]any, error) {
	id := ""
	err := e.onScreen(e.people.system, func(c *call) *apiError {
		role := ""
		for _, rec := range e.table("role").with("name", roleSeller) {
			role = rec.id
		}
		first, last := args["first_name"], args["last_name"]
		if first == "" {
			first = "First"
		}
		if last == "" {
			last = "Colleague"
		}
		id = e.person(c.tx, c.tx.guid(), first, last, "", role)
		user := e.find("systemuser", id)
		next := user.clone()
		next.set("internalemailaddress", args["email"])
		next.set("domainname", args["email"])
		c.tx.put(next)
		c.touch("create", "systemuser", id, nil)
		return nil
	})
	return map[string]any{"id": id}, err
}

func (e *Environment) flowAct(_ context.Context, args map[string]string) (map[string]any, error) {
	on, err := strconv.ParseBool(args["on"])
	if err != nil {
		return nil, fmt.Errorf("on is true or false, not %q", args["on"])
	}
	return map[string]any{"flow": args["flow"]}, e.onScreen(e.people.system, func(c *call) *apiError {
		rec, err := e.needFlow(args["flow"])
		if err != nil {
			return err
		}
		values := map[string]any{"statecode": 0.0, "statuscode": 1.0}
		if on {
			values = map[string]any{"statecode": 1.0, "statuscode": 2.0}
		}
		return c.editTyped("workflow", rec.id, values)
	})
}

func (e *Environment) grantAct(_ context.Context, args map[string]string) (map[string]any, error) {
	reach, known := map[string]depth{"none": depthNone, "user": depthUser, "organization": depthOrganization}[args["depth"]]
	if !known {
		return nil, fmt.Errorf("the depth %q is not one of none, user and organization", args["depth"])
	}
	return map[string]any{"role": args["role"]}, e.onScreen(e.people.system, func(c *call) *apiError {
		for _, role := range e.table("role").all() {
			if strings.EqualFold(role.str("name"), args["role"]) {
				e.grant(role.id, reach, args["privilege"])
				c.touch("update", "role", role.id, nil)
				return nil
			}
		}
		return badRequest(codeNotFound, "there is no role %s", args["role"])
	})
}
