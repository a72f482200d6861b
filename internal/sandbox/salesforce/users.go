package salesforce

import (
	"context"
	"strings"
)

// activeOwner refuses a record that is given to a user who is not active ("Status Codes": INACTIVE_OWNER_OR_USER).
func (o *Org) activeOwner(w *write) *apiError {
	if w.next.object.field("OwnerId") == nil || !w.changed("OwnerId") {
		return nil
	}
	owner := o.find(o.data.object("User"), w.next.str("OwnerId"))
	if owner == nil || owner.yes("IsActive") {
		return nil
	}
	return badRequest("INACTIVE_OWNER_OR_USER", "operation performed with inactive user [%s] as owner of %s", owner.id, strings.ToLower(w.next.object.Name)).on("OwnerId")
}

func (o *Org) addUserAct(_ context.Context, args map[string]string) (map[string]any, error) {
	email := args["email"]
	id := o.addUser(email, orDefault(args["first_name"], "First"), orDefault(args["last_name"], "Colleague"), orDefault(args["phone"], "+1 425 555 0101"))
	o.mu.Lock()
	defer o.mu.Unlock()
	user := o.find(o.data.object("User"), id)
	user.values["Username"] = orDefault(args["username"], email)
	user.values["IsActive"] = args["active"] != "false"
	return map[string]any{"id": id}, nil
}
