package dataverse

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
)

// Switches change what the references leave open: here those that show in the status or code of one answer.
func TestSwitches(t *testing.T) {
	const name = "EntityDefinitions(LogicalName='opportunity')/Attributes(LogicalName='name')"
	for id, c := range map[string]struct {
		value  string
		prove  func(r *rig) answer
		status int
		code   string
	}{
		switchMetadataPatch: {"501", func(r *rig) answer { return r.send(http.MethodPatch, name, m{}) }, 501, codeResource},
		switchShorten: {refused, func(r *rig) answer {
			return r.send(http.MethodPut, name, m{"MaxLength": 10})
		}, 400, codeArgument},
		switchPrefixCode: {codeArgument, func(r *rig) answer {
			return r.send(http.MethodPost, "EntityDefinitions(LogicalName='opportunity')/Attributes", textColumn("Nothing", 10))
		}, 400, codeArgument},
		switchPublishElements: {refused, func(r *rig) answer {
			return r.send(http.MethodPost, "PublishXml", m{"ParameterXml": "<importexportxml><ribbons><ribbon>x</ribbon></ribbons></importexportxml>"})
		}, 400, codeArgument},
		switchFormError: {codeUnexpected, func(r *rig) answer {
			return r.send(http.MethodPost, "systemforms", m{"name": "x", "objecttypecode": "lead", "type": 2, "formxml": "<x/>"})
		}, 500, codeUnexpected},
		switchRuleStatus: {"403", func(r *rig) answer {
			return r.send(http.MethodPatch, "opportunities("+r.create("opportunities", m{"name": "Deal"})+")", m{"statecode": 1}, "If-Match", "*")
		}, 403, codeStateMessage},
		switchRequired: {"api", func(r *rig) answer { return r.send(http.MethodPost, "opportunities", m{}) }, 400, codeArgument},
		switchNullKeys: {"unique", func(r *rig) answer {
			r.referralColumn()
			r.create("opportunities", m{"name": "Without"})
			return r.send(http.MethodPost, "opportunities", m{"name": "Without"})
		}, 412, codeKeyTaken},
		switchColumnLag: {"3s", func(r *rig) answer {
			r.referralColumn()
			return r.send(http.MethodGet, "opportunities?$select=cosell_referralid", nil)
		}, 400, codePayload},
		switchDependency: {codeOperation + "/405", func(r *rig) answer {
			r.referralColumn()
			return r.send(http.MethodDelete, "EntityDefinitions(LogicalName='opportunity')/Attributes(LogicalName='cosell_referralid')", nil)
		}, 405, codeOperation},
		switchFormMatch: {ignored, func(r *rig) answer {
			form := r.send(http.MethodGet, "systemforms", nil).text("value", 0, "formid")
			return r.send(http.MethodPatch, "systemforms("+form+")", m{"description": "x"}, "If-Match", `W/"1"`)
		}, 204, ""},
	} {
		r := newRig(t)
		r.set(id, c.value)
		got := c.prove(r).want(c.status)
		if c.code != "" {
			got.want(c.status, c.code)
		}
	}
}

// A second change of metadata is refused while the first is being made, where the switch says so.
func TestMetadataLock(t *testing.T) {
	r := newRig(t)
	r.publisher()
	r.set(switchMetadataLock, codeSolutionImport)
	if err := r.kit.Trap.Arm(1, lab.TrapBefore); err != nil {
		t.Fatal(err)
	}
	const columns = "EntityDefinitions(LogicalName='opportunity')/Attributes"
	hit, done := r.kit.Trap.Hit(), make(chan answer, 1)
	go func() { done <- r.send(http.MethodPost, columns, textColumn("cosell_One", 10)) }()
	<-hit
	r.send(http.MethodPost, columns, textColumn("cosell_Two", 10)).want(400, codeSolutionImport)
	r.kit.Trap.Release()
	(<-done).want(204)
}

// A metadata read may be half a minute old where the switch says so, unless it asks for strong consistency.
func TestMetadataCache(t *testing.T) {
	r := newRig(t)
	r.publisher()
	r.set(switchMetadataCache, "30s")
	const columns = "EntityDefinitions(LogicalName='opportunity')/Attributes"
	count := func(headers ...string) int {
		return len(r.send(http.MethodGet, columns, nil, headers...).want(200).list("value"))
	}
	before := count()
	r.send(http.MethodPost, columns, textColumn("cosell_One", 10)).want(204)
	if count() != before || count("Consistency", "Strong") != before+1 {
		t.Error("the cache is not as the switch says")
	}
	r.kit.Clock.Advance(31 * time.Second)
	if count() != before+1 {
		t.Error("the cache did not end")
	}
}

// An injected fault answers in the shapes of the Web API, and a lost answer is of a write that was applied.
func TestFaults(t *testing.T) {
	r := newRig(t)
	for kind, status := range map[string]int{lab.FaultThrottled: 429, lab.FaultUnavailable: 503, lab.FaultExpiredSession: 401} {
		if err := r.kit.Faults.Set(lab.FaultPlan{Rate: 1, Kinds: []string{kind}, Services: []string{Service}}); err != nil {
			t.Fatal(err)
		}
		if got := r.send(http.MethodGet, "WhoAmI", nil).want(status); got.text("error", "code") == "" {
			t.Errorf("%s answered %s", kind, got.raw)
		}
	}
	if err := r.kit.Faults.Set(lab.FaultPlan{Rate: 1, Kinds: []string{lab.FaultLostResponse}, Services: []string{Service}}); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPatch, r.url+"/api/data/v9.2/accounts(11111111-1111-4111-8111-111111111111)", strings.NewReader(`{"name":"Fabrikam"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.admin)
	request.Header.Set("Content-Type", "application/json")
	if resp, err := http.DefaultClient.Do(request); err == nil {
		resp.Body.Close()
		t.Error("the answer arrived")
	}
	if _, found := r.env.Row("account", "11111111-1111-4111-8111-111111111111"); !found {
		t.Error("the write whose answer was lost was not applied")
	}
}

// An environment that is made with change tracking of opportunity has it.
func TestBornWithChangeTracking(t *testing.T) {
	kit := lab.NewKit(append(Switches(), entra.Switches()...)...)
	if err := kit.Switches.Set(switchTrackOpportunity, "on"); err != nil {
		t.Fatal(err)
	}
	tenant, err := entra.New(kit, entra.Options{})
	if err != nil {
		t.Fatal(err)
	}
	env, err := New(kit, Options{Tokens: tenant})
	if err != nil {
		t.Fatal(err)
	}
	if !env.catalog.entity("opportunity").yes("ChangeTrackingEnabled") {
		t.Error("opportunity is not tracked")
	}
}
