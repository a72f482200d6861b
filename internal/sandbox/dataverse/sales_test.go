package dataverse

import (
	"net/http"
	"testing"
)

// An opportunity is closed by its messages only, is read-only then, and can be opened again.
func TestCloseOpportunity(t *testing.T) {
	r := newRig(t)
	id := r.create("opportunities", m{"name": "Deal", "estimatedvalue": 500})
	path := "opportunities(" + id + ")"
	closing := func(status int) m {
		return m{"Status": status, "OpportunityClose": m{
			"@odata.type": "Microsoft.Dynamics.CRM.opportunityclose", "subject": "Won", "actualrevenue": 450, "opportunityid@odata.bind": "/" + path,
		}}
	}
	r.send(http.MethodPatch, path, m{"statecode": 1, "statuscode": 3}, "If-Match", "*").want(400, codeStateMessage)
	r.send(http.MethodPost, "WinOpportunity", closing(4)).want(400, codeStatePair)
	r.as(r.agent, http.MethodPost, "WinOpportunity", closing(3)).want(204)
	r.as(r.agent, http.MethodPost, "WinOpportunity", closing(3)).want(400, codeClosed)
	won := r.send(http.MethodGet, path+"?$expand=Opportunity_OpportunityClose($select=subject,opportunitystatecode)", nil).want(200)
	if won.get("statecode") != 1.0 || won.get("statuscode") != 3.0 || won.get("actualvalue") != 450.0 || won.text("actualclosedate") == "" ||
		won.text("Opportunity_OpportunityClose", 0, "subject") != "Won" {
		t.Errorf("the won deal is %s", won.raw)
	}
	r.send(http.MethodPatch, path, m{"name": "Edited"}, "If-Match", "*").want(400, codeClosed)
	r.send(http.MethodPatch, path, m{"statecode": 0, "statuscode": 1}, "If-Match", "*").want(204)
	r.send(http.MethodPatch, path, m{"statecode": 0, "statuscode": 1}, "If-Match", "*").want(400, codeAlreadyOpen)
	r.send(http.MethodPatch, path, m{"statuscode": 4}, "If-Match", "*").want(400, codeStatePair)
	r.send(http.MethodPatch, path, m{"statuscode": 2}, "If-Match", "*").want(204)
	r.set(switchDefaultReason, refused)
	r.send(http.MethodPost, "LoseOpportunity", closing(-1)).want(400, codeStatePair)
	r.set(switchDefaultReason, accepted)
	r.send(http.MethodPost, "LoseOpportunity", closing(-1)).want(204)
	if lost := r.send(http.MethodGet, path, nil).want(200); lost.get("statuscode") != 4.0 {
		t.Errorf("the lost deal is %s", lost.raw)
	}
}

// A lead becomes an account, a contact and an opportunity, once.
func TestQualifyLead(t *testing.T) {
	r := newRig(t)
	id := r.create("leads", m{"subject": "Interest", "firstname": "Kim", "lastname": "Ng", "companyname": "Fabrikam", "address1_country": "NO", "estimatedamount": 10})
	in := m{"CreateAccount": true, "CreateContact": true, "CreateOpportunity": true, "Status": 3}
	made := r.send(http.MethodPost, "leads("+id+")/Microsoft.Dynamics.CRM.QualifyLead", in).want(200)
	if len(made.list("value")) != 3 {
		t.Fatalf("the lead became %s", made.raw)
	}
	deal := r.send(http.MethodGet, "opportunities("+made.text("value", 2, "opportunityid")+")?$expand=originatingleadid($select=fullname),parentaccountid($select=name,address1_country)", nil).want(200)
	if deal.text("name") != "Interest" || deal.text("originatingleadid", "fullname") != "Kim Ng" || deal.text("parentaccountid", "address1_country") != "NO" {
		t.Errorf("the deal is %s", deal.raw)
	}
	r.send(http.MethodPost, "leads("+id+")/Microsoft.Dynamics.CRM.QualifyLead", in).want(400, codeNotQualifiable)
	r.send(http.MethodPatch, "leads("+id+")", m{"subject": "x"}, "If-Match", "*").want(400, codeLeadClosed)
}

// Notes belong to a row and go with it; duplicates are looked for only if asked.
func TestNotesAndDuplicates(t *testing.T) {
	r := newRig(t)
	deal := r.create("opportunities", m{"name": "Deal"})
	note := r.create("annotations", m{"subject": "Hello", "notetext": "text", "objectid_opportunity@odata.bind": "/opportunities(" + deal + ")"})
	if got := r.send(http.MethodGet, "opportunities("+deal+")/Opportunity_Annotation?$select=notetext,objecttypecode", nil).want(200); got.text("value", 0, "objecttypecode") != "opportunity" {
		t.Errorf("the notes are %s", got.raw)
	}
	r.send(http.MethodDelete, "opportunities("+deal+")", nil).want(204)
	r.send(http.MethodGet, "annotations("+note+")", nil).want(404)
	r.create("accounts", m{"name": "Fabrikam"})
	r.create("accounts", m{"name": "Fabrikam"})
	r.send(http.MethodPost, "accounts", m{"name": "fabrikam"}, "MSCRM.SuppressDuplicateDetection", "false").want(412, codeDuplicateFound)
}

// People act as on the screens: with rows, closings, leads and merges, which a reader of changes sees.
func TestActs(t *testing.T) {
	r := newRig(t)
	act := func(name string, args map[string]string) map[string]any {
		t.Helper()
		for _, a := range r.env.Acts() {
			if a.Name == name {
				out, err := a.Do(t.Context(), args)
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
		}
		t.Fatalf("there is no act %s", name)
		return nil
	}
	id := func(out map[string]any) string { s, _ := out["id"].(string); return s }
	deal := act("create_opportunity", map[string]string{"name": "Deal", "account": "Fabrikam", "country": "NO", "value": "100"})
	other := id(act("create_account", map[string]string{"name": "Contoso"}))
	act("edit_opportunity", map[string]string{"id": id(deal), "account": "Contoso", "close_date": "2027-01-31"})
	account, _ := deal["account_id"].(string)
	act("merge_accounts", map[string]string{"id": account, "other": other})
	act("add_note", map[string]string{"opportunity": id(deal), "text": "Called"})
	act("win_opportunity", map[string]string{"id": id(deal), "revenue": "90"})
	act("reopen_opportunity", map[string]string{"id": id(deal)})
	act("lose_opportunity", map[string]string{"id": id(deal), "reason": "5"})
	row, found := r.env.Row("opportunity", id(deal))
	if !found || row["_parentaccountid_value"] != account || row["statuscode"] != int64(5) || row["estimatedclosedate"] != "2027-01-31" {
		t.Errorf("the deal is %v", row)
	}
	if gone, _ := r.env.Row("account", other); gone["statecode"] != int64(1) || gone["_masterid_value"] != account {
		t.Errorf("the merged account is %v", gone)
	}
	lead := act("create_lead", map[string]string{"topic": "Interest", "last_name": "Ng", "company": "Fabrikam"})
	if made := act("qualify_lead", map[string]string{"id": id(lead)}); made["opportunity_id"] == nil {
		t.Errorf("the lead became %v", made)
	}
	act("add_user", map[string]string{"email": "kim@example.com"})
	if _, err := r.env.Create("opportunity", m{"description": "no name"}); err == nil {
		t.Error("the screen let a deal pass without a name")
	}
	if _, err := r.env.Create("nothing", m{}); err == nil {
		t.Error("the screen made a row of no table")
	}
}

// A row that a user owns names the user once more, and one of a team does not; users have phones like people.
func TestOwningUser(t *testing.T) {
	r := newRig(t)
	unit := r.send(http.MethodGet, "WhoAmI", nil).want(200).text("BusinessUnitId")
	user := r.create("systemusers", m{
		"firstname": "Kim", "lastname": "Ng", "address1_telephone1": "+47 22 00 00 00", "mobilephone": "+47 40 00 00 00", "accessmode": 0,
		"businessunitid@odata.bind": "/businessunits(" + unit + ")",
	})
	team := r.create("teams", m{"name": "Sales", "teamtype": 0})
	id := r.create("opportunities", m{"name": "Deal", "ownerid@odata.bind": "/systemusers(" + user + ")"})
	read := func() answer {
		return r.send(http.MethodGet, "opportunities("+id+")?$select=_owninguser_value&$expand=owninguser($select=address1_telephone1,mobilephone)", nil).want(200)
	}
	if got := read(); got.get("_owninguser_value") != user || got.text("owninguser", "address1_telephone1") != "+47 22 00 00 00" {
		t.Errorf("the user's deal is %s", got.raw)
	}
	r.send(http.MethodPatch, "opportunities("+id+")", m{"ownerid@odata.bind": "/teams(" + team + ")"}, "If-Match", "*").want(204)
	if got := read(); got.get("_owninguser_value") != nil || got.get("owninguser") != nil {
		t.Errorf("the team's deal is %s", got.raw)
	}
}
