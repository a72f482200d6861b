package dataverse

import (
	"context"
	"fmt"
	"strconv"
)

// MainForm is the type of a table's main forms ("systemform table reference").
const MainForm = 2

// Form is a form of a table.
type Form struct {
	ID      string  `json:"formid"`
	Name    string  `json:"name"`
	XML     string  `json:"formxml"`
	Default bool    `json:"isdefault"`
	Managed bool    `json:"ismanaged"`
	Version Version `json:"@odata.etag"`
}

var formColumns = []string{"formid", "name", "formxml", "isdefault", "ismanaged"}

// Forms reads the published forms of a table.
func (c *Client) Forms(ctx context.Context, table string, formType int) ([]Form, error) {
	return List[Form](ctx, c, "systemforms", Query{
		Select: formColumns, Filter: "objecttypecode eq " + Quote(table) + " and type eq " + strconv.Itoa(formType), OrderBy: "formid",
	})
}

// UnpublishedForm reads the draft of a form, which is what an edit must start from ("RetrieveUnpublished Function").
func (c *Client) UnpublishedForm(ctx context.Context, id string) (Form, error) {
	var form Form
	row, err := Row("systemforms", id)
	if err != nil {
		return form, err
	}
	_, err = c.get(ctx, "read draft of form "+id, row+"/"+typePrefix+"RetrieveUnpublished()"+Query{Select: formColumns}.Encode(), nil, &form)
	return form, err
}

// UpdateForm writes the draft of a form. It is visible once its table is published.
func (c *Client) UpdateForm(ctx context.Context, id string, version Version, formXML string) error {
	row, err := Row("systemforms", id)
	if err != nil {
		return fmt.Errorf("dataverse: form: %w", err)
	}
	return c.Update(ctx, row, version, map[string]string{"formxml": formXML})
}
