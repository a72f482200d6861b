package dataverse

import (
	"encoding/json"
	"net/http"
)

// The privileges to change definitions, as System Customizer has them.
const (
	privilegeTable   = "prvCreateEntity"
	privilegeColumn  = "prvCreateAttribute"
	privilegePublish = "prvPublishCustomization"
)

var definitionPrivileges = []string{
	privilegeTable, "prvReadEntity", "prvWriteEntity", "prvDeleteEntity", privilegeColumn, "prvReadAttribute", "prvWriteAttribute", "prvDeleteAttribute",
	"prvCreateRelationship", "prvReadRelationship", "prvWriteRelationship", "prvDeleteRelationship", privilegePublish,
}

// depthNames are the depths as the service writes them ("PrivilegeDepth EnumType").
var depthNames = map[depth]string{depthUser: "Basic", depthOrganization: "Global"}

// userPrivileges answers which of the privileges that are named a user holds ("RetrieveUserSetOfPrivilegesByNames Function").
func (c *call) userPrivileges(ent *entity, user *record) response {
	if c.method != http.MethodGet {
		return c.failed(errMethod(c.method))
	}
	if err := c.e.may(c.who, "Read", ent, user); err != nil {
		return c.failed(err)
	}
	arguments, err := c.pairs(c.path[1].args)
	if err != nil {
		return c.failed(err)
	}
	var names []string
	if json.Unmarshal([]byte(arguments["PrivilegeNames"]), &names) != nil {
		return c.failed(badRequest(codeArgument, "The parameter PrivilegeNames is not a list of names."))
	}
	held := []any{}
	for _, name := range names {
		if reach := c.e.reach(&principal{id: user.id}, name); reach != depthNone {
			held = append(held, map[string]any{
				"Depth": depthNames[reach], "PrivilegeId": fixedID("privilege", name), "BusinessUnitId": c.e.names.businessUnit, "PrivilegeName": name,
			})
		}
	}
	return ok(map[string]any{"@odata.context": c.context(namespace + "RetrieveUserSetOfPrivilegesByNamesResponse"), "RolePrivileges": held})
}
