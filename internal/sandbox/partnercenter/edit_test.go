package partnercenter

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// edit reads an edit as an act hands it over.
func edit(t *testing.T, parameters string) Edit {
	t.Helper()
	var e Edit
	if err := json.Unmarshal([]byte(parameters), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestSolutionsAreAddedAndRemoved shows that people change the solutions of a deal one by one, both sides, and that the only one
// can be replaced.
func TestSolutionsAreAddedAndRemoved(t *testing.T) {
	w := newWorld(t)
	r := w.receive(Deal{SolutionID: "SOL-1"})
	for _, step := range []struct{ by, parameters, want string }{
		{"microsoft_seller", `"add_solution":"SOL-2, Second"`, "[SOL-1 SOL-2]"},
		{"portal_user", `"remove_solution":"sol-1"`, "[SOL-2]"},
		{"portal_user", `"add_solution":"SOL-3","remove_solution":"SOL-2"`, "[SOL-3]"},
	} {
		edited, err := w.service.EditReferral(edit(t, `{"id":"`+r.ID+`","by":"`+step.by+`",`+step.parameters+`}`))
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, s := range edited.Details.Requirements.Solutions {
			ids = append(ids, s.ID)
		}
		if got := fmt.Sprint(ids); got != step.want {
			t.Errorf("%s gives %s, want %s", step.parameters, got, step.want)
		}
	}
}

// TestEditsThatAreRefused shows that people cannot do what the portal does not let them do.
func TestEditsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	visible, err := w.service.PortalCreate(Deal{SolutionID: "SOL-1"})
	if err != nil {
		t.Fatal(err)
	}
	full, err := w.service.PortalCreate(Deal{SolutionID: "SOL-0"})
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < maxListed; i++ {
		if _, err := w.service.EditReferral(edit(t, fmt.Sprintf(`{"id":%q,"add_solution":"SOL-%d"}`, full.ID, i))); err != nil {
			t.Fatal(err)
		}
	}
	closed := w.receive(Deal{})
	if _, err := w.service.DeclineReferral(closed.ID, "Not a customer"); err != nil {
		t.Fatal(err)
	}
	for name, parameters := range map[string]string{
		"hidden again":          `"id":"` + visible.ID + `","visible":"false","by":"portal_user"`,
		"visible, by Microsoft": `"id":"` + visible.ID + `","visible":true`,
		"contact, by Microsoft": `"id":"` + visible.ID + `","contact_email":"x@example.com"`,
		"the last solution":     `"id":"` + visible.ID + `","remove_solution":"SOL-1"`,
		"an unknown solution":   `"id":"` + visible.ID + `","remove_solution":"SOL-9"`,
		"a solution twice":      `"id":"` + visible.ID + `","add_solution":"SOL-1"`,
		"no solution":           `"id":"` + visible.ID + `","add_solution":" ,Name"`,
		"the fifty-first":       `"id":"` + full.ID + `","add_solution":"SOL-50"`,
		"closed":                `"id":"` + closed.ID + `","add_solution":"SOL-2"`,
		"value 0":               `"id":"` + visible.ID + `","value":"0"`,
	} {
		if r, err := w.service.EditReferral(edit(t, "{"+parameters+"}")); err == nil {
			t.Errorf("%s: accepted, %+v", name, r)
		}
	}
	w.set(switchValidation, "minimal")
	if _, err := w.service.EditReferral(edit(t, `{"id":"`+full.ID+`","add_solution":"SOL-50"}`)); err != nil {
		t.Errorf("without the portal's validation: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"visible":"perhaps"}`), &Edit{}); err == nil {
		t.Error("visible=perhaps was accepted")
	}
}

// TestAPortalUserSharesADeal shows the upgrade from private to partner-led, and the contact that goes with it.
func TestAPortalUserSharesADeal(t *testing.T) {
	w := newWorld(t)
	private, err := w.service.PortalCreate(Deal{Kind: "private"})
	if err != nil {
		t.Fatal(err)
	}
	visible, err := w.service.EditReferral(edit(t, `{"id":"`+private.ID+`","by":"portal_user","visible":"true","contact_first_name":"Ida","contact_email":"ida@example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	contact := visible.CustomerProfile.Team[0]
	if !visible.Consent.ShareWithMicrosoft || visible.Type != "Shared" || contact.FirstName != "Ida" || contact.Email != "ida@example.com" || contact.LastName != "Contact" {
		t.Errorf("%+v", visible)
	}
	body := with(shared(), "customerProfile/team", []any{})
	bare := w.create(body).text("id")
	added, err := w.service.EditReferral(edit(t, `{"id":"`+bare+`","by":"portal_user","contact_first_name":"A","contact_last_name":"B","contact_email":"a@example.com","contact_phone":"1"}`))
	if err != nil || len(added.CustomerProfile.Team) != 1 || added.CustomerProfile.Team[0].LastName != "B" {
		t.Errorf("%+v, %v", added, err)
	}
	w.create(toMicrosoft(added.EngagementID))
	w.set(switchContactAfterShare, "read_only")
	if _, err := w.service.EditReferral(edit(t, `{"id":"`+bare+`","by":"portal_user","contact_last_name":"C"}`)); err == nil {
		t.Error("the contact was changed after help was requested")
	}
}

// TestMicrosoftsAnswers shows what a decline and fourteen days without an answer make of Microsoft's referral, and that each is
// announced as a change of a related referral, without anybody asking.
func TestMicrosoftsAnswers(t *testing.T) {
	w := newWorld(t)
	address, arrived := receiver(t, always(200))
	w.register(address, "related-referral-created", "related-referral-updated")
	ctx, cancel := context.WithCancel(context.Background())
	delivered := make(chan struct{})
	go func() { defer close(delivered); w.service.Deliver(ctx) }()
	t.Cleanup(func() { cancel(); <-delivered })
	ask := func() string {
		counterpart := w.create(toMicrosoft(w.create(shared()).text("engagementId"))).text("id")
		if got := next(t, arrived); got.event.EventName != "related-referral-created" {
			t.Errorf("announced %+v", got.event)
		}
		return counterpart
	}
	answered := func(id, substatus, reason string) {
		t.Helper()
		if got := next(t, arrived); got.event.EventName != "related-referral-updated" || got.event.ResourceURI != resourceURI+id {
			t.Errorf("announced %+v", got.event)
		}
		r, err := w.service.Referral(id)
		if err != nil || r.Status != statusClosed || r.Substatus != substatus || plain(r.StatusReason) != reason {
			t.Errorf("%+v, %v; want %s because of %q", r, err, substatus, reason)
		}
		if own, err := w.service.Referral(w.ownID(r.EngagementID)); err != nil || own.Status != statusActive {
			t.Errorf("the partner's own referral %+v, %v", own, err)
		}
	}
	declined := ask()
	if _, err := w.service.DeclineCounterpart(declined, "No corresponding Microsoft customer record could be found"); err != nil {
		t.Fatal(err)
	}
	answered(declined, "Declined", "No corresponding Microsoft customer record could be found")
	ignored := ask()
	w.kit.Clock.Advance(14*24*time.Hour + time.Second)
	w.service.Tick()
	answered(ignored, "Expired", "")
}

// ownID finds the partner's own referral of an engagement.
func (w *world) ownID(engagement string) string {
	for _, r := range w.service.All() {
		if r.EngagementID == engagement && !r.isMicrosofts() {
			return r.ID
		}
	}
	return ""
}
