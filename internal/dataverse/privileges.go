package dataverse

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Privileges tells which of some privileges a user holds through roles, those of the user's teams included, to whatever depth
// ("RetrieveUserSetOfPrivilegesByNames Function"). Names are as the service writes them, such as prvCreateAttribute; the answer has
// them in lower case. Asking takes the right to read the user.
func (c *Client) Privileges(ctx context.Context, userID string, names []string) (map[string]bool, error) {
	row, err := Row("systemusers", userID)
	if err != nil {
		return nil, err
	}
	list, err := json.Marshal(names)
	if err != nil {
		return nil, fmt.Errorf("dataverse: privileges: %w", err)
	}
	var answer struct {
		RolePrivileges []struct {
			PrivilegeName string `json:"PrivilegeName"`
		} `json:"RolePrivileges"`
	}
	path := row + "/" + typePrefix + "RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@names)?@names=" + escapeOption(string(list))
	if _, err := c.get(ctx, "privileges of the user", path, nil, &answer); err != nil {
		return nil, err
	}
	held := map[string]bool{}
	for _, one := range answer.RolePrivileges {
		held[strings.ToLower(one.PrivilegeName)] = true
	}
	return held, nil
}
