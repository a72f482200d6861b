package salesforce

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// The lead statuses of a new org. The last but one is the one that a conversion sets (Object Reference, "LeadStatus").
const (
	leadStatusNew       = "Open - Not Contacted"
	leadStatusConverted = "Closed - Converted"
)

// leadObject is a person who may become a customer (Object Reference, "Lead"). A conversion makes an account, a contact and, unless
// the seller does without, an opportunity of it; the lead can no longer be changed then.
func leadObject() *object {
	status := pick("Status", "Status", false, leadStatusNew, "Working - Contacted", leadStatusConverted, "Closed - Not Converted").require()
	status.Picklist[0].Default = true
	fields := []*field{
		text("LastName", "Last Name", 80).require(),
		text("FirstName", "First Name", 40),
		text("Name", "Full Name", 121).readOnly().isName(),
		text("Title", "Title", 128),
		text("Company", "Company", 255).require(),
	}
	address := addressFields("")
	for _, f := range address {
		f.Label = strings.TrimSpace(f.Label)
	}
	fields = append(fields, address...)
	fields = append(fields,
		typed("Phone", "Phone", typePhone, 40),
		typed("MobilePhone", "Mobile Phone", typePhone, 40),
		typed("Email", "Email", typeEmail, 80),
		typed("Website", "Website", typeURL, 255),
		area("Description", "Description", 32000),
		pick("LeadSource", "Lead Source", false, "Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"),
		status,
		pick("Industry", "Industry", false, "Education", "Finance", "Manufacturing", "Retail", "Technology", "Other"),
		pick("Rating", "Rating", false, "Hot", "Warm", "Cold"),
		number("AnnualRevenue", "Annual Revenue", typeCurrency, 18, 0),
		number("NumberOfEmployees", "Employees", typeInt, 8, 0),
		currencyField(),
		flag("IsConverted", "Converted", false).readOnly(),
		typed("ConvertedDate", "Converted Date", typeDate, 0).readOnly(),
		ref("ConvertedAccountId", "Converted Account ID", "Account", "ConvertedAccount", "", setNull).readOnly(),
		ref("ConvertedContactId", "Converted Contact ID", "Contact", "ConvertedContact", "", setNull).readOnly(),
		ref("ConvertedOpportunityId", "Converted Opportunity ID", "Opportunity", "ConvertedOpportunity", "", setNull).readOnly(),
	)
	obj := newObject("Lead", "Lead", "Leads", "00Q", fields...).withOwner("").withAudit()
	obj.beforeSave = saveLead
	return obj
}

func saveLead(o *Org, w *write) *apiError {
	if w.old != nil && w.old.yes("IsConverted") {
		return badRequest("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
	}
	w.next.values["Name"] = strings.TrimSpace(w.next.str("FirstName") + " " + w.next.str("LastName"))
	return syncAddress(o, w, "")
}

var leadColumns = map[string]string{"first_name": "FirstName", "last_name": "LastName", "company": "Company", "email": "Email", "phone": "Phone",
	"status": "Status", "description": "Description", "street": "Street", "city": "City", "state": "State", "postal_code": "PostalCode", "country": "Country"}

func leadParameters(required bool) []Parameter {
	last, company := may("last_name", "last name"), may("company", "company")
	last.Required, company.Required = required, required
	return []Parameter{last, company, may("first_name", "first name"), may("email", "email"), may("phone", "phone"), may("status", "status, default "+leadStatusNew),
		may("description", "description"), may("street", "street"), may("city", "city"), may("state", "state"), may("postal_code", "postal code"), may("country", "country")}
}

// leadActs are what sellers do with leads.
func (o *Org) leadActs() []Act {
	id := need("id", "lead id")
	return []Act{
		{"create_lead", "create a lead", leadParameters(true), true, o.createLeadAct},
		{"edit_lead", "edit fields of a lead", append([]Parameter{id}, leadParameters(false)...), true, o.editAct("Lead", leadColumns)},
		{"convert_lead", "convert a lead into an account, a contact and an opportunity", []Parameter{id,
			may("account", "id of an account that exists"), may("opportunity", "id of an opportunity that exists"),
			may("name", "name of the new opportunity, default the company and a hyphen"), may("amount", "deal value of the new opportunity"),
			may("stage", "stage of the new opportunity, default "+defaultStage), may("close_date", "YYYY-MM-DD, default the end of the quarter"),
			may("without_opportunity", "true: no opportunity is made")}, false, o.convertLeadAct},
		{"delete_lead", "delete a lead", []Parameter{id}, false, o.deleteAct("Lead")},
	}
}

func (o *Org) createLeadAct(_ context.Context, args map[string]string) (map[string]any, error) {
	id, err := o.createTyped("Lead", pickArgs(args, leadColumns))
	return map[string]any{"id": id}, err
}

// convertLeadAct does what the button Convert does, which the API offers by SOAP only ("convertLead").
func (o *Org) convertLeadAct(_ context.Context, args map[string]string) (map[string]any, error) {
	out := map[string]any{"id": args["id"]}
	err := o.act("update", "Lead", args["id"], nil, func(t *tx, obj *object, _ map[string]any) (string, *apiError) {
		lead, err := o.existing(obj, args["id"])
		if err != nil {
			return args["id"], err
		}
		if lead.yes("IsConverted") {
			return lead.id, badRequest("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
		}
		converted := lead.clone()
		for _, made := range []struct {
			object, column string
			id             func(lead, converted *record) (string, *apiError)
		}{
			{"Account", "ConvertedAccountId", func(lead, _ *record) (string, *apiError) { return o.convertedAccount(t, lead, args) }},
			{"Contact", "ConvertedContactId", func(lead, converted *record) (string, *apiError) { return o.convertedContact(t, lead, converted) }},
			{"Opportunity", "ConvertedOpportunityId", func(lead, converted *record) (string, *apiError) {
				return o.convertedOpportunity(t, lead, converted, args)
			}},
		} {
			id, err := made.id(lead, converted)
			if err != nil {
				return lead.id, err
			}
			if id != "" {
				converted.set(made.column, id)
				out[strings.ToLower(made.object)+"_id"] = id
			}
		}
		now := o.now()
		maps.Copy(converted.values, map[string]any{"IsConverted": true, "Status": leadStatusConverted, "ConvertedDate": now.Format(dateForm),
			"LastModifiedDate": now, "LastModifiedById": o.seller.userID, "SystemModstamp": now})
		t.put(converted)
		return lead.id, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (o *Org) convertedAccount(t *tx, lead *record, args map[string]string) (string, *apiError) {
	accounts := o.data.object("Account")
	if args["account"] != "" {
		account, err := o.existing(accounts, args["account"])
		if err != nil {
			return "", err
		}
		return account.id, nil
	}
	return o.insert(t, o.seller, accounts, filled(lead, map[string]string{"Name": "Company", "BillingStreet": "Street", "BillingCity": "City",
		"BillingState": "State", "BillingPostalCode": "PostalCode", "BillingCountry": "Country", "Phone": "Phone", "Website": "Website"}))
}

func (o *Org) convertedContact(t *tx, lead, converted *record) (string, *apiError) {
	contact := filled(lead, map[string]string{"FirstName": "FirstName", "LastName": "LastName", "Email": "Email", "Phone": "Phone", "Title": "Title"})
	contact["AccountId"] = converted.str("ConvertedAccountId")
	return o.insert(t, o.seller, o.data.object("Contact"), contact)
}

// convertedOpportunity makes the opportunity, with the contact in a role, or takes one that exists.
func (o *Org) convertedOpportunity(t *tx, lead, converted *record, args map[string]string) (string, *apiError) {
	opportunities := o.data.object("Opportunity")
	if args["without_opportunity"] == "true" {
		return "", nil
	}
	if args["opportunity"] != "" {
		chosen, err := o.existing(opportunities, args["opportunity"])
		if err != nil {
			return "", err
		}
		return chosen.id, nil
	}
	deal := filled(lead, map[string]string{"LeadSource": "LeadSource"})
	deal["AccountId"] = converted.str("ConvertedAccountId")
	deal["Name"] = orDefault(args["name"], clipRunes(lead.str("Company"), 119)+"-")
	deal["StageName"] = orDefault(args["stage"], defaultStage)
	deal["CloseDate"] = orDefault(args["close_date"], endOfQuarter(o.now()).Format(dateForm))
	if args["amount"] != "" {
		deal["Amount"] = args["amount"]
	}
	id, err := o.insert(t, o.seller, opportunities, deal)
	if err != nil {
		return "", err
	}
	_, err = o.insert(t, o.seller, o.data.object("OpportunityContactRole"), map[string]any{
		"OpportunityId": id, "ContactId": converted.str("ConvertedContactId"), "IsPrimary": true})
	return id, err
}

// filled gives the columns of another row that have a value, under the names of the keys.
func filled(rec *record, columns map[string]string) map[string]any {
	out := map[string]any{}
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		if value := rec.str(columns[column]); value != "" {
			out[column] = value
		}
	}
	return out
}

func endOfQuarter(now time.Time) time.Time {
	first := time.Month((int(now.Month())-1)/3*3 + 1)
	return time.Date(now.Year(), first+3, 0, 0, 0, 0, 0, time.UTC)
}
