package sandbox

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func startStaging(t *testing.T) *Sandbox {
	t.Helper()
	return start(t, Options{Staging: &SalesforceOptions{}})
}

// TestStagingSharesTheTenantOnly shows that the staging org has its own address, id, users, keys and application, and the same
// Partner Center, clock and trust as production.
func TestStagingSharesTheTenantOnly(t *testing.T) {
	s := startStaging(t)
	production, staging := s.Env(), s.StagingEnv()
	shared := map[string]bool{
		"COSELL_PARTNER_CENTER_TENANT_ID": true, "COSELL_PARTNER_CENTER_PARTNER_ID": true, "COSELL_PARTNER_CENTER_AUTHORITY": true,
		"COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT": true, "COSELL_PARTNER_CENTER_EVENTS_ENDPOINT": true, "COSELL_SANDBOX_URL": true,
		"COSELL_AGENT_TRUST_BUNDLE": true, "COSELL_AGENT_CERTIFICATE_HOSTS": true, "COSELL_SALESFORCE_API_VERSION": true,
	}
	if len(production) != len(staging) {
		t.Errorf("%d and %d variables", len(production), len(staging))
	}
	for name, value := range production {
		if (staging[name] == value) != shared[name] {
			t.Errorf("%s is %q in production and %q in staging", name, value, staging[name])
		}
	}
	for _, file := range []string{"COSELL_SALESFORCE_PRIVATE_KEY_FILE", "COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE"} {
		if info, err := os.Stat(staging[file]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	path := filepath.Join(t.TempDir(), "sandbox-staging.env")
	if err := s.WriteStagingEnv(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(content), "COSELL_SALESFORCE_ORG_ID='"+s.Staging().Credentials().OrgID+"'") {
		t.Errorf("%s, %v", content, err)
	}
}

// TestTheLogTellsTheOrgsApart shows that rows and referrals of the two sides are told apart by service and actor.
func TestTheLogTellsTheOrgsApart(t *testing.T) {
	s := startStaging(t)
	for _, org := range []string{"production", "staging"} {
		if status, body := control(t, s, http.MethodPost, "act/create_account", `{"name":"Of `+org+`","org":"`+org+`"}`); status != http.StatusOK {
			t.Fatalf("%s: %v", org, body)
		}
	}
	for org, name := range map[*organization]string{s.production: "Of production", s.staging: "Of staging"} {
		if rows := org.Rows("Account"); len(rows) != 1 || rows[0]["Name"] != name {
			t.Errorf("%s: %v", name, rows)
		}
	}
	for _, env := range []map[string]string{s.Env(), s.StagingEnv()} {
		call(t, token(t, env, "https://api.partner.microsoft.com"), http.MethodGet, env["COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT"]+"/referrals", nil)
	}
	var told []string
	for _, op := range s.Kit().Log.Since(0) {
		if op.Action != "token" {
			told = append(told, op.Service+" "+op.Actor+" "+op.Action)
		}
	}
	want := "salesforce seller create, salesforce_staging seller create, partner_center partner-user@example.com read, " +
		"partner_center partner-user.staging@example.com read"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("the log says\n%s\nwant\n%s", got, want)
	}
}

// TestOrgsOfActs shows that an act names an org that exists, and that the staging org is there only when asked for.
func TestOrgsOfActs(t *testing.T) {
	s := start(t, Options{})
	if s.Staging() != nil || s.StagingEnv() != nil {
		t.Error("there is a staging org that nobody asked for")
	}
	for _, parameters := range []string{`{"name":"Fabrikam","org":"staging"}`, `{"name":"Fabrikam","org":"test"}`} {
		if _, err := s.Act(t.Context(), "create_account", []byte(parameters)); err == nil {
			t.Errorf("%s was accepted", parameters)
		}
	}
	for _, act := range []string{"expire_sessions", "refresh_staging"} {
		if _, err := s.Act(t.Context(), act, []byte(`{}`)); (err == nil) != (act == "expire_sessions") {
			t.Errorf("%s: %v", act, err)
		}
	}
}

// TestRefreshStaging shows that a refresh brings production's rows with their ids, under staging's people, and nothing remains
// of what was there, however often it is done.
func TestRefreshStaging(t *testing.T) {
	s := startStaging(t)
	do := func(name, parameters string) map[string]any {
		t.Helper()
		result, err := s.Act(t.Context(), name, []byte(parameters))
		if err != nil {
			t.Fatal(err)
		}
		fields, _ := result.(map[string]any)
		return fields
	}
	do("create_account", `{"name":"Only in staging","org":"staging"}`)
	made := do("create_opportunity", `{"name":"Rollout","account":"Fabrikam","amount":"1200","contact":"Buyer"}`)
	for range 2 {
		do("refresh_staging", `{}`)
	}
	id, _ := made["id"].(string)
	original, _ := s.Salesforce().Row("Opportunity", id)
	copied, found := s.Staging().Row("Opportunity", id)
	if !found || copied["Name"] != "Rollout" || copied["AccountId"] != made["account_id"] || copied["SystemModstamp"] != original["SystemModstamp"] {
		t.Errorf("copied %v", copied)
	}
	if copied["OwnerId"] == original["OwnerId"] {
		t.Error("the copy belongs to a user of the other org")
	}
	if roles := s.Staging().Rows("OpportunityContactRole"); len(roles) != 1 || roles[0]["OpportunityId"] != id {
		t.Errorf("contact roles %v", roles)
	}
	if accounts := s.Staging().Rows("Account"); len(accounts) != 1 || accounts[0]["Name"] != "Fabrikam" {
		t.Errorf("accounts %v", accounts)
	}
	do("edit_opportunity", `{"id":"`+id+`","amount":"5","org":"staging"}`)
	if untouched, _ := s.Salesforce().Row("Opportunity", id); untouched["Amount"] != 1200.0 {
		t.Errorf("an edit in staging changed production: %v", untouched["Amount"])
	}
}
