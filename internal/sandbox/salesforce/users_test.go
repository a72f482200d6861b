package salesforce

import (
	"net/http"
	"testing"
)

// A record can be given to an active user only, at its creation and later.
func TestOwnersAreActive(t *testing.T) {
	r := newRig(t)
	user := func(email, active string) string {
		for _, act := range r.org.Acts() {
			if act.Name != "add_user" {
				continue
			}
			made, err := act.Do(t.Context(), map[string]string{"email": email, "active": active})
			if err != nil {
				t.Fatal(err)
			}
			return made["id"].(string)
		}
		t.Fatal("there is no act add_user")
		return ""
	}
	left, here := user("left@example.com", "false"), user("here@example.com", "")
	fields := map[string]any{"Name": "Owned", "StageName": "Prospecting", "CloseDate": "2027-01-31", "OwnerId": left}
	r.rest(r.agent, "POST", "/sobjects/Opportunity", fields).refused(http.StatusBadRequest, "INACTIVE_OWNER_OR_USER")
	fields["OwnerId"] = here
	id := r.create(r.agent, "Opportunity", fields)
	r.rest(r.agent, "PATCH", "/sobjects/Opportunity/"+id, map[string]any{"OwnerId": left}).refused(http.StatusBadRequest, "INACTIVE_OWNER_OR_USER")
	r.query(r.agent, "SELECT Id FROM User WHERE IsActive = true AND Email = 'HERE@example.com'").equal("records.0.Id", here)
}
