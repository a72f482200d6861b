package salesforce

import (
	"context"
	"net/http"
	"testing"
)

// A conversion makes an account, a contact and an opportunity, marks the lead, and nobody can change the lead from then on. A
// program can create and edit leads but not mark them.
func TestLeadsAreConverted(t *testing.T) {
	r := newRig(t)
	do := func(name string, args map[string]string) map[string]any {
		t.Helper()
		for _, act := range r.org.Acts() {
			if act.Name == name {
				out, err := act.Do(context.Background(), args)
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
		}
		t.Fatalf("there is no act %s", name)
		return nil
	}
	created := r.rest(r.agent, "POST", "/sobjects/Lead", map[string]any{"LastName": "Buyer", "FirstName": "First", "Company": "Fabrikam", "Email": "buyer@example.com",
		"Country": "Norway", "LeadSource": "Web"}).want(http.StatusCreated)
	id, _ := created.at("id").(string)
	r.query(r.agent, "SELECT Name, Status, IsConverted, ConvertedOpportunityId FROM Lead").equal("records.0.Name", "First Buyer").
		equal("records.0.Status", leadStatusNew).equal("records.0.IsConverted", false).equal("records.0.ConvertedOpportunityId", nil)
	r.rest(r.agent, "PATCH", "/sobjects/Lead/"+id, map[string]any{"IsConverted": true}).refused(http.StatusBadRequest, "INVALID_FIELD_FOR_INSERT_UPDATE")
	r.rest(r.agent, "POST", "/sobjects/Lead", map[string]any{"LastName": "Buyer"}).refused(http.StatusBadRequest, "REQUIRED_FIELD_MISSING")

	made := do("convert_lead", map[string]string{"id": id, "amount": "1200"})
	r.query(r.agent, "SELECT IsConverted, Status, ConvertedAccount.Name, ConvertedContact.Email, ConvertedOpportunityId FROM Lead").
		equal("records.0.IsConverted", true).equal("records.0.Status", leadStatusConverted).equal("records.0.ConvertedAccount.Name", "Fabrikam").
		equal("records.0.ConvertedContact.Email", "buyer@example.com").equal("records.0.ConvertedOpportunityId", made["opportunity_id"])
	r.query(r.agent, "SELECT Name, StageName, Amount, LeadSource, Account.BillingCountry, (SELECT IsPrimary FROM OpportunityContactRoles) FROM Opportunity").
		equal("records.0.Name", "Fabrikam-").equal("records.0.StageName", defaultStage).equal("records.0.Amount", 1200.0).equal("records.0.LeadSource", "Web").
		equal("records.0.Account.BillingCountry", "Norway").equal("records.0.OpportunityContactRoles.records.0.IsPrimary", true)
	r.rest(r.agent, "PATCH", "/sobjects/Lead/"+id, map[string]any{"Description": "late"}).refused(http.StatusBadRequest, "CANNOT_UPDATE_CONVERTED_LEAD")

	second := do("create_lead", map[string]string{"last_name": "Other", "company": "Contoso"})["id"].(string)
	do("edit_lead", map[string]string{"id": second, "phone": "+47 1"})
	without := do("convert_lead", map[string]string{"id": second, "without_opportunity": "true", "account": made["account_id"].(string)})
	if row, _ := r.org.Row("Lead", second); row["IsConverted"] != true || row["ConvertedOpportunityId"] != nil || row["ConvertedAccountId"] != made["account_id"] {
		t.Errorf("converted without an opportunity: %v, %v", without, row)
	}
	if accounts := r.org.Rows("Account"); len(accounts) != 1 {
		t.Errorf("%d accounts", len(accounts))
	}
}
