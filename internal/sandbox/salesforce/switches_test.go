package salesforce

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSwitchTable: every switch says what it is and where the question comes from, and some code asks for it.
func TestSwitchTable(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	source := ""
	for _, name := range files {
		if name == "switches.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source += string(text)
	}
	table, err := os.ReadFile("switches.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := regexp.MustCompile(`(switch\w+)\s+= "(salesforce\.\w+)"`).FindAllStringSubmatch(string(table), -1)
	if len(constants) != len(Switches()) {
		t.Errorf("%d identifiers and %d switches", len(constants), len(Switches()))
	}
	for _, c := range constants {
		if !regexp.MustCompile(c[1] + `\b`).MatchString(source) {
			t.Errorf("nothing asks for %s", c[2])
		}
	}
	for _, s := range Switches() {
		if s.Title == "" || !strings.HasPrefix(s.Reference, "salesforce.md §") || len(s.Values) < 2 {
			t.Errorf("%+v", s)
		}
	}
}

// TestEverySwitchSetting: what the clients depend on works under every value of every switch.
func TestEverySwitchSetting(t *testing.T) {
	for _, s := range Switches() {
		for _, value := range s.Values {
			t.Run(s.ID+"="+value, func(t *testing.T) {
				r := newRig(t)
				r.set(s.ID, value)
				r.agent = r.login(r.org.Credentials().Agent)
				r.solutions()
				r.must("createMetadata", fieldXML("Opportunity.Key__c", keyField))
				r.grant("Opportunity.Key__c")
				id := r.create(r.agent, "Opportunity", map[string]any{"Name": "x", "StageName": "Prospecting", "CloseDate": "2027-01-31", "Key__c": "k"})
				r.create(r.agent, "Microsoft_Solution__c", map[string]any{"Opportunity__c": id, "Solution_Identifier__c": "s"})
				r.rest(r.agent, "PATCH", "/sobjects/Opportunity/"+id, map[string]any{"NextStep": "call"}).want(http.StatusNoContent)
				r.query(r.agent, "SELECT Key__c, (SELECT Id FROM Microsoft_Solutions__r) FROM Opportunity").equal("records.0.Key__c", "k")
				layout := r.read("Layout", seedLayoutName)
				layout.name = "metadata"
				r.must("updateMetadata", layout.render())
			})
		}
	}
}

func TestTokenSwitches(t *testing.T) {
	r := newRig(t)
	r.set(switchTokenFormat, "jwt")
	token := r.login(r.org.Credentials().Provider)
	if strings.Count(token, ".") != 2 || strings.Contains(token, "!") {
		t.Errorf("token %s", token)
	}
	r.rest(token, "GET", "/limits", nil).want(http.StatusOK)
	if _, body := r.soap(token, "<describeMetadata/>"); body.value("faultcode") != "sf:INVALID_SESSION_ID" {
		t.Error("SOAP takes opaque tokens only: " + fault(body))
	}
	login := r.org.Credentials().Agent
	claims := map[string]any{"iss": login.ClientID, "sub": login.Username, "aud": r.server.URL, "exp": r.kit.Clock.Now().Unix() + 240}
	form := url.Values{"grant_type": {jwtBearer}, "assertion": {r.assertion(login, claims)}}
	for ceiling, want := range map[string]int{"none": http.StatusOK, "5m": http.StatusOK, "3m": http.StatusBadRequest} {
		r.set(switchJWTCeiling, ceiling)
		if status, body := r.token(form); status != want {
			t.Errorf("%s: %d %v", ceiling, status, body)
		}
	}
	r.set(switchBadClientStatus, "401")
	if status, _ := r.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {"nobody"}}); status != http.StatusUnauthorized {
		t.Errorf("status %d", status)
	}
}

func TestMetadataSwitches(t *testing.T) {
	r := newRig(t)
	r.must("createMetadata", fieldXML("Opportunity.Note__c", `<description>kept</description><length>10</length><type>Text</type>`))
	r.set(switchHiddenFieldRead, "empty")
	if !r.read("CustomField", "Opportunity.Note__c").isNil {
		t.Error("a field without access reads as missing")
	}
	r.grant("Opportunity.Note__c")
	if r.read("CustomField", "Opportunity.Note__c").isNil {
		t.Error("a field with access reads")
	}
	r.set(switchMetadataUpdate, "merge")
	r.must("updateMetadata", fieldXML("Opportunity.Note__c", `<length>20</length><type>Text</type>`))
	if got := r.read("CustomField", "Opportunity.Note__c"); got.value("description") != "kept" || got.value("length") != "20" {
		t.Error(got.render())
	}
	r.set(switchDuplicateCode, "DUPLICATE_VALUE")
	if code, _ := r.failure("createMetadata", fieldXML("Opportunity.Note__c", `<length>20</length><type>Text</type>`)); code != "DUPLICATE_VALUE" {
		t.Error(code)
	}
	r.set(switchElementOrder, "wsdl")
	if _, body := r.soap(r.admin, `<createMetadata><metadata xsi:type="CustomField"><fullName>Opportunity.A__c</fullName><type>Date</type><label>A</label></metadata></createMetadata>`); body.value("faultcode") != "soapenv:Client" {
		t.Error(body.render())
	}
}
