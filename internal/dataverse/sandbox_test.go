package dataverse_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	sandbox "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// rig is an environment of the sandbox, and a client that signs in as its administrator.
type rig struct {
	*testing.T
	kit    *lab.Kit
	client *dataverse.Client
}

const solution = "cosell"

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, kit: lab.NewKit(append(sandbox.Switches(), entra.Switches()...)...)}
	var identity, service http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if strings.HasPrefix(request.URL.Path, "/api/") {
			service.ServeHTTP(w, request)
			return
		}
		identity.ServeHTTP(w, request)
	}))
	t.Cleanup(server.Close)
	tenant, err := entra.New(r.kit, entra.Options{Audiences: []string{server.URL}})
	r.must(err)
	c := tenant.Credentials()
	environment, err := sandbox.New(r.kit, sandbox.Options{Tokens: tenant, Provider: c.ClientID, Agent: "agent", KeyIndexTime: 10 * time.Second})
	r.must(err)
	environment.SetBaseURL(server.URL)
	identity, service = tenant.Handler(), environment.Handler()
	transport := wire.NewTransport(nil)
	t.Cleanup(transport.CloseIdleConnections)
	stack, err := wire.New(wire.Options{Transport: transport, Clock: r.kit.Clock.Now, NewID: uuid.NewString})
	r.must(err)
	r.client, err = dataverse.New(dataverse.Config{EnvironmentURL: server.URL, Authority: server.URL, TenantID: c.TenantID, ClientID: c.ClientID, ClientSecret: secret.New(c.ClientSecret)}, stack)
	r.must(err)
	publisher, err := r.client.Create(t.Context(), "publishers", map[string]any{"uniquename": "cosell", "friendlyname": "Cosell", "customizationprefix": "cosell", "customizationoptionvalueprefix": 80424})
	r.must(err)
	_, err = r.client.Create(t.Context(), "solutions", map[string]any{"uniquename": solution, "friendlyname": "Cosell", "version": "1.0.0.0", "publisherid@odata.bind": "/publishers(" + publisher.ID + ")"})
	r.must(err)
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func label(text string) dataverse.Label { return dataverse.NewLabel(text, 1033) }

// An administrator holds every privilege that is asked for.
func TestPrivileges(t *testing.T) {
	r := newRig(t)
	who, err := r.client.WhoAmI(t.Context())
	r.must(err)
	held, err := r.client.Privileges(t.Context(), who.UserID, []string{"prvCreateEntity", "prvCreateAttribute"})
	r.must(err)
	if len(held) != 2 || !held["prvcreateentity"] || !held["prvcreateattribute"] {
		t.Errorf("the administrator holds %v", held)
	}
	if _, err := r.client.Privileges(t.Context(), "nobody", nil); err == nil {
		t.Error("a user without an id is asked for")
	}
}

// Each kind of column is created, read back with what is special to it, changed as a whole definition, and deleted.
func TestColumns(t *testing.T) {
	r := newRig(t)
	five, most := 5, 1000.0
	_, err := r.client.CreateGlobalChoice(t.Context(), solution, dataverse.GlobalChoice{Name: "cosell_assistance", DisplayName: label("Assistance"), Options: []dataverse.Option{{Label: label("A")}, {Label: label("B")}}})
	r.must(err)
	for _, want := range []dataverse.Column{
		{Kind: dataverse.Text, SchemaName: "cosell_Text", MaxLength: 100, Format: "Url"}, {Kind: dataverse.Text, SchemaName: "cosell_Numbered", MaxLength: 50, AutoNumber: "{SEQNUM:5}"},
		{Kind: dataverse.Memo, SchemaName: "cosell_Memo", MaxLength: 2000}, {Kind: dataverse.YesNo, SchemaName: "cosell_YesNo", YesLabel: label("Visible"), NoLabel: label("Not visible"), DefaultYes: true},
		{Kind: dataverse.Choice, SchemaName: "cosell_Choice", Options: []dataverse.Option{{Value: &five, Label: label("Five")}}, Default: &five},
		{Kind: dataverse.Choice, SchemaName: "cosell_Shared", GlobalChoice: "cosell_assistance"},
		{Kind: dataverse.Choices, SchemaName: "cosell_Choices", Options: []dataverse.Option{{Value: &five, Label: label("Five")}}},
		{Kind: dataverse.Money, SchemaName: "cosell_Money", Max: &most}, {Kind: dataverse.DateTime, SchemaName: "cosell_Date", Format: "DateOnly", Behavior: "DateOnly"},
		{Kind: dataverse.Decimal, SchemaName: "cosell_Decimal", Precision: 3, Max: &most}, {Kind: dataverse.Integer, SchemaName: "cosell_Integer", Max: &most},
	} {
		want.DisplayName, want.Description, want.Required = label("Shown "+want.SchemaName), label("Told"), "Recommended"
		if _, err := r.client.CreateColumn(t.Context(), solution, "opportunity", want); err != nil {
			t.Errorf("%s: %v", want.SchemaName, err)
			continue
		}
		if _, err := r.client.CreateColumn(t.Context(), solution, "opportunity", want); err == nil {
			t.Errorf("%s is created twice", want.SchemaName)
		}
		got, err := r.client.Column(t.Context(), "opportunity", want.SchemaName, want.Kind)
		r.must(err)
		if got.LogicalName != strings.ToLower(want.SchemaName) || got.DisplayName.Text() != want.DisplayName.Text() || got.Required != "Recommended" || got.MaxLength != want.MaxLength && want.MaxLength > 0 ||
			got.Format != want.Format && want.Format != "" || got.AutoNumber != want.AutoNumber || got.Precision != want.Precision && want.Precision > 0 || got.GlobalChoice != want.GlobalChoice ||
			got.DefaultYes != want.DefaultYes || got.YesLabel.Text() != want.YesLabel.Text() || want.Max != nil && (got.Max == nil || *got.Max != *want.Max) || got.Behavior != want.Behavior && want.Behavior != "" ||
			want.Default != nil && (got.Default == nil || *got.Default != *want.Default) || len(want.Options) > 0 && (len(got.Options) != 1 || *got.Options[0].Value != five) {
			t.Errorf("%s is read back as %+v", want.SchemaName, got)
		}
		definition, err := r.client.ColumnDefinition(t.Context(), "opportunity", want.SchemaName, want.Kind)
		r.must(err)
		definition["DisplayName"] = label("Renamed")
		r.must(r.client.UpdateColumn(t.Context(), solution, "opportunity", definition))
		r.must(r.client.Publish(t.Context(), []string{"opportunity"}, nil))
		if got, err = r.client.Column(t.Context(), "opportunity", want.SchemaName, want.Kind); err != nil || got.DisplayName.Text() != "Renamed" {
			t.Errorf("%s is called %q, %v", want.SchemaName, got.DisplayName.Text(), err)
		}
		r.must(r.client.DeleteColumn(t.Context(), solution, "opportunity", want.SchemaName))
		if _, err := r.client.Column(t.Context(), "opportunity", want.SchemaName, want.Kind); !dataverse.IsNotFound(err) {
			t.Errorf("%s was deleted, and reading it gives %v", want.SchemaName, err)
		}
	}
}

// Options change by actions of their own, those of a column and those of a global choice.
func TestOptions(t *testing.T) {
	r := newRig(t)
	_, err := r.client.CreateGlobalChoice(t.Context(), solution, dataverse.GlobalChoice{Name: "cosell_help", DisplayName: label("Help"), Options: []dataverse.Option{{Label: label("A")}}})
	r.must(err)
	place := dataverse.OptionPlace{GlobalChoice: "cosell_help"}
	added, err := r.client.InsertOption(t.Context(), solution, place, nil, label("B"))
	r.must(err)
	r.must(r.client.UpdateOption(t.Context(), solution, place, added, label("Bee")))
	r.must(r.client.Publish(t.Context(), nil, []string{"cosell_help"}))
	choice, err := r.client.GlobalChoice(t.Context(), "cosell_help")
	r.must(err)
	if len(choice.Options) != 2 || choice.Options[1].Label.Text() != "Bee" || *choice.Options[0].Value != 804240000 {
		t.Fatalf("the choice is %+v", choice)
	}
	r.must(r.client.OrderOptions(t.Context(), solution, place, []int{added, *choice.Options[0].Value}))
	r.must(r.client.DeleteOption(t.Context(), solution, place, *choice.Options[0].Value))
	r.must(r.client.Publish(t.Context(), nil, []string{"cosell_help"}))
	if choice, err = r.client.GlobalChoice(t.Context(), "cosell_help"); err != nil || len(choice.Options) != 1 || *choice.Options[0].Value != added {
		t.Errorf("the choice is %+v, %v", choice, err)
	}
	if status, err := r.client.InsertStatus(t.Context(), solution, "opportunity", 0, label("Waiting")); err != nil || status == 0 {
		t.Errorf("the status reason is %d, %v", status, err)
	}
	r.must(r.client.DeleteGlobalChoice(t.Context(), "cosell_help"))
	if _, err := r.client.GlobalChoice(t.Context(), "cosell_help"); !dataverse.IsNotFound(err) {
		t.Errorf("the choice was deleted, and reading it gives %v", err)
	}
}

// A key works once its index was built, rows are then inserted by it once, changed on their version, and deleted.
func TestKeysAndRows(t *testing.T) {
	r := newRig(t)
	_, err := r.client.CreateColumn(t.Context(), solution, "account", dataverse.Column{Kind: dataverse.Text, SchemaName: "cosell_Code", MaxLength: 50, DisplayName: label("Code")})
	r.must(err)
	_, err = r.client.CreateAlternateKey(t.Context(), solution, "account", "cosell_CodeKey", label("Code"), []string{"cosell_code"})
	r.must(err)
	active := func() bool {
		keys, err := r.client.AlternateKeys(t.Context(), "account")
		r.must(err)
		return len(keys) == 1 && keys[0].Active()
	}
	if active() {
		t.Error("the key is active at once")
	}
	r.kit.Clock.Advance(time.Minute)
	if !active() {
		t.Fatal("the key is not active after a minute")
	}
	row, err := dataverse.RowByKey("accounts", "cosell_code", "O'1")
	r.must(err)
	_, err = r.client.Insert(t.Context(), row, map[string]any{"name": "First"})
	r.must(err)
	if _, err := r.client.Insert(t.Context(), row, map[string]any{"name": "Second"}); !dataverse.IsDuplicate(err) {
		t.Errorf("the second insert gives %v", err)
	}
	var got map[string]any
	r.must(r.client.Get(t.Context(), row, dataverse.Query{Select: []string{"name"}}, &got))
	version, _ := got["@odata.etag"].(string)
	r.must(r.client.Update(t.Context(), row, version, map[string]any{"name": "Changed"}))
	if err := r.client.Update(t.Context(), row, version, map[string]any{"name": "Late"}); !dataverse.IsConflict(err) {
		t.Errorf("an update of an old version gives %v", err)
	}
	_, err = r.client.Upsert(t.Context(), row, map[string]any{"name": "Upserted"})
	r.must(err)
	r.must(r.client.Delete(t.Context(), row, ""))
	if err := r.client.Update(t.Context(), row, dataverse.Any, map[string]any{"name": "Ghost"}); !dataverse.IsNotFound(err) {
		t.Errorf("an update of a deleted row gives %v", err)
	}
	ids, err := r.client.CreateMultiple(t.Context(), "accounts", "account", []map[string]any{{"name": "A"}, {"name": "B"}})
	r.must(err)
	r.must(r.client.UpdateMultiple(t.Context(), "accounts", "account", []map[string]any{{"accountid": ids[0], "name": "AA"}}))
	r.must(r.client.UpsertMultiple(t.Context(), "accounts", "account", []map[string]any{{"@odata.id": "accounts(cosell_code='X')", "name": "C"}}))
	found, err := dataverse.List[json.RawMessage](t.Context(), r.client, "accounts", dataverse.Query{Filter: "name eq 'AA' or name eq 'B' or name eq 'C'"})
	if err != nil || len(found) != 3 {
		t.Errorf("found %d rows, %v", len(found), err)
	}
}

// An environment variable has its own value or the default; forms are edited in their draft; steps belong to a webhook.
func TestVariablesFormsAndWebhooks(t *testing.T) {
	r := newRig(t)
	_, err := r.client.Create(t.Context(), "environmentvariabledefinitions", map[string]any{"schemaname": "cosell_DealValueField", "displayname": "Deal value", "type": dataverse.VariableText, "defaultvalue": "estimatedvalue"})
	r.must(err)
	effective := func(want string) dataverse.Variable {
		t.Helper()
		v, found, err := r.client.Variable(t.Context(), "cosell_DealValueField")
		if err != nil || !found || v.Effective() != want {
			t.Fatalf("the variable is %+v, %v, %v; want %s", v, found, err, want)
		}
		return v
	}
	r.must(r.client.SetVariable(t.Context(), effective("estimatedvalue"), "actualvalue"))
	r.must(r.client.SetVariable(t.Context(), effective("actualvalue"), "totalamount"))
	r.must(r.client.UnsetVariable(t.Context(), effective("totalamount")))
	effective("estimatedvalue")
	if _, found, err := r.client.Variable(t.Context(), "cosell_Another"); found || err != nil {
		t.Errorf("an unknown variable: %v, %v", found, err)
	}

	forms, err := r.client.Forms(t.Context(), "opportunity", dataverse.MainForm)
	if err != nil || len(forms) == 0 {
		t.Fatal(forms, err)
	}
	draft, err := r.client.UnpublishedForm(t.Context(), forms[0].ID)
	r.must(err)
	changed := strings.Replace(draft.XML, "<form", `<form headerdensity="HighWithControls"`, 1)
	r.must(r.client.UpdateForm(t.Context(), draft.ID, dataverse.Any, changed))
	if now, err := r.client.Forms(t.Context(), "opportunity", dataverse.MainForm); err != nil || now[0].XML != forms[0].XML {
		t.Errorf("the draft is visible before it is published, %v", err)
	}
	r.must(r.client.Publish(t.Context(), []string{"opportunity"}, nil))
	if now, err := r.client.Forms(t.Context(), "opportunity", dataverse.MainForm); err != nil || now[0].XML != changed {
		t.Errorf("the published form is not the draft, %v", err)
	}

	hook, err := r.client.CreateWebhook(t.Context(), "cosell-agent", "https://agent.example/dataverse", "x-cosell-key", secret.New(`a"b`))
	r.must(err)
	r.must(r.client.UpdateWebhook(t.Context(), hook, "https://agent.example/other", "x-cosell-key", secret.New("c")))
	step, err := r.client.CreateStep(t.Context(), dataverse.Step{Name: "opportunity", WebhookID: hook, Message: "Update", Table: "opportunity", Columns: []string{"name", "estimatedvalue"}})
	r.must(err)
	steps, err := r.client.Steps(t.Context(), hook)
	if err != nil || len(steps) != 1 || steps[0].ID != step || steps[0].Columns != "name,estimatedvalue" {
		t.Errorf("the steps are %+v, %v", steps, err)
	}
	if hooks, err := r.client.Webhooks(t.Context(), "cosell-agent"); err != nil || len(hooks) != 1 || hooks[0].URL != "https://agent.example/other" || !hooks[0].HasKey {
		t.Errorf("the webhooks are %+v, %v", hooks, err)
	}
	r.must(errors.Join(r.client.DeleteStep(t.Context(), step), r.client.DeleteWebhook(t.Context(), hook)))
	if _, err := r.client.CreateStep(t.Context(), dataverse.Step{Message: "Explode", Table: "opportunity", WebhookID: hook}); err == nil {
		t.Error("a step of an unknown message is created")
	}
}

// The client works under every setting of what the references leave open about reading rows and changes.
func TestSwitches(t *testing.T) {
	for _, s := range sandbox.Switches() {
		for _, value := range s.Values {
			t.Run(s.ID+"="+value, func(t *testing.T) {
				r := newRig(t)
				r.must(r.kit.Switches.Set(s.ID, value))
				if _, err := r.client.WhoAmI(t.Context()); err != nil {
					t.Fatal(err)
				}
				created, err := r.client.Create(t.Context(), "leads", map[string]any{"subject": "A", "lastname": "B"})
				r.must(err)
				rows, token, err := r.client.Track(t.Context(), "leads", []string{"leadid", "subject"})
				if err != nil || len(rows) != 1 || rows[0].ID != created.ID {
					t.Fatalf("the leads are %v, %v", rows, err)
				}
				r.must(r.client.Delete(t.Context(), "leads("+created.ID+")", ""))
				changed, _, err := r.client.ChangesSince(t.Context(), "leads", []string{"leadid", "subject"}, token)
				if err != nil || len(changed) != 1 || !changed[0].Deleted || changed[0].ID != created.ID {
					t.Errorf("the changes are %v, %v", changed, err)
				}
				r.kit.Clock.Advance(60 * 24 * time.Hour)
				if _, _, err := r.client.ChangesSince(t.Context(), "leads", []string{"leadid", "subject"}, token); !dataverse.IsExpiredToken(err) {
					t.Errorf("an old token gives %v", err)
				}
			})
		}
	}
}
