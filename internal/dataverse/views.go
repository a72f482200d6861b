package dataverse

import "context"

// View is a list of rows that people see ("savedquery table reference").
type View struct {
	ID      string `json:"savedqueryid"`
	Name    string `json:"name"`
	Default bool   `json:"isdefault"`
}

// Views reads the public views of a table, the default one first.
func (c *Client) Views(ctx context.Context, table string) ([]View, error) {
	return List[View](ctx, c, "savedqueries", Query{
		Select: []string{"savedqueryid", "name", "isdefault"}, Filter: "returnedtypecode eq " + Quote(table) + " and querytype eq 0", OrderBy: "isdefault desc,name",
	})
}
