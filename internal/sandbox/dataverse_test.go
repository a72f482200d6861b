package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// A sandbox with Dataverse hands out what a program needs to sign in, and people act in it through the control API.
func TestDataverse(t *testing.T) {
	s, err := New(Options{Dir: t.TempDir(), Seed: 1, Dataverse: &DataverseOptions{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	env := s.DataverseEnv()
	if env["COSELL_PARTNER_CENTER_TENANT_ID"] == "" || env["COSELL_SALESFORCE_ORG_ID"] != "" || s.Env()["COSELL_DATAVERSE_URL"] != "" {
		t.Errorf("the environment is %v", env)
	}
	if key, err := os.ReadFile(env["COSELL_AGENT_DATAVERSE_CERTIFICATE_FILE"]); err != nil || !strings.Contains(string(key), "PRIVATE KEY") {
		t.Errorf("the certificate file holds %d bytes, %v", len(key), err)
	}
	resp, err := http.PostForm(env["COSELL_DATAVERSE_AUTHORITY"]+"/"+env["COSELL_DATAVERSE_TENANT_ID"]+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {env["COSELL_AGENT_DATAVERSE_CLIENT_ID"]},
		"client_secret": {env["COSELL_AGENT_DATAVERSE_CLIENT_SECRET"]}, "scope": {env["COSELL_DATAVERSE_URL"] + "/.default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var token struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&token); err != nil {
		t.Fatal(err)
	}
	made, err := s.Act(t.Context(), "dynamics_create_opportunity", json.RawMessage(`{"name":"Deal","account":"Fabrikam","value":1000}`))
	if err != nil {
		t.Fatal(err)
	}
	id, _ := made.(map[string]any)["id"].(string)
	request, err := http.NewRequest(http.MethodGet, env["COSELL_DATAVERSE_URL"]+"/api/data/v9.2/opportunities("+id+")?$select=name,estimatedvalue", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token.Access)
	row, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer row.Body.Close()
	var deal struct {
		Name  string  `json:"name"`
		Value float64 `json:"estimatedvalue"`
	}
	if err := json.NewDecoder(row.Body).Decode(&deal); err != nil || deal.Name != "Deal" || deal.Value != 1000 {
		t.Errorf("the agent reads %d %+v, %v", row.StatusCode, deal, err)
	}
	if got := s.Dataverse().Snapshot(); len(got.Rows["account"]) != 1 {
		t.Errorf("the snapshot has %d accounts", len(got.Rows["account"]))
	}
}

// Acts in Dynamics 365 say what is missing when the sandbox has no environment.
func TestNoDataverse(t *testing.T) {
	s, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Act(t.Context(), "dynamics_create_account", json.RawMessage(`{"name":"x"}`)); err == nil || !strings.Contains(err.Error(), "--dataverse") {
		t.Errorf("the act failed with %v", err)
	}
}
