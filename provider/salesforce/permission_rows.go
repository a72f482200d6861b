package salesforce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// grants are the contents of a permission set. A nil map or slice is one that is not managed.
type grants struct {
	fields    map[string]string   // full name → accessRead or accessEdit
	objects   map[string][]string // API name → rights
	assignees []string            // user names
}

// grantsOf reads a plan or state, whose values are known.
func grantsOf(m permissionModel) grants {
	var g grants
	if !m.Fields.IsNull() {
		g.fields = map[string]string{}
		for name, value := range m.Fields.Elements() {
			if access, ok := value.(types.String); ok {
				g.fields[name] = access.ValueString()
			}
		}
	}
	if !m.Objects.IsNull() {
		g.objects = map[string][]string{}
		for name, value := range m.Objects.Elements() {
			if set, ok := value.(types.Set); ok {
				g.objects[name], _ = texts(set)
			}
		}
	}
	if !m.Assignees.IsNull() {
		g.assignees, _ = texts(m.Assignees)
	}
	return g
}

// withRevoked makes what the prior declaration managed and this one leaves out empty instead of not managed.
func (g grants) withRevoked(prior grants) grants {
	if g.fields == nil && prior.fields != nil {
		g.fields = map[string]string{}
	}
	if g.objects == nil && prior.objects != nil {
		g.objects = map[string][]string{}
	}
	if g.assignees == nil && prior.assignees != nil {
		g.assignees = []string{}
	}
	return g
}

// row is one row of a permission set: a key that the object makes unique, and the columns that say what it grants.
type row struct {
	object  string // FieldPermissions, ObjectPermissions, PermissionSetAssignment
	id      client.ID
	key     string // what it is about, lower case
	name    string // the same as it is spelled
	columns map[string]bool
	fixed   map[string]any // columns that are set on create only
}

func (r row) same(other row) bool {
	for column, value := range r.columns {
		if other.columns[column] != value {
			return false
		}
	}
	return true
}

// change is what makes the rows of an organisation those of a declaration.
type change struct {
	create, update, remove []row
}

func (c change) empty() bool { return len(c.create)+len(c.update)+len(c.remove) == 0 }

// compare finds the change from the live rows to the wanted ones, in a stable order.
func compare(live, wanted []row) change {
	var c change
	at := func(rows []row, r row) int {
		return slices.IndexFunc(rows, func(other row) bool { return other.object == r.object && other.key == r.key })
	}
	for _, want := range wanted {
		found := at(live, want)
		switch {
		case found < 0:
			c.create = append(c.create, want)
		case !want.same(live[found]):
			want.id = live[found].id
			c.update = append(c.update, want)
		}
	}
	for _, have := range live {
		if at(wanted, have) < 0 {
			c.remove = append(c.remove, have)
		}
	}
	for _, rows := range [][]row{c.create, c.update, c.remove} {
		slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.object+a.key, b.object+b.key) })
	}
	return c
}

func fieldRow(name, access string) row {
	object, _, _ := strings.Cut(name, ".")
	return row{
		object: "FieldPermissions", key: strings.ToLower(name), name: name,
		columns: map[string]bool{"PermissionsRead": true, "PermissionsEdit": access == accessEdit},
		fixed:   map[string]any{"SobjectType": object, "Field": name},
	}
}

func objectRow(name string, rights []string) row {
	r := row{
		object: "ObjectPermissions", key: strings.ToLower(name), name: name,
		columns: map[string]bool{}, fixed: map[string]any{"SobjectType": name},
	}
	for _, right := range objectRights {
		r.columns[right.column] = slices.Contains(rights, right.name)
	}
	return r
}

func assignmentRow(user string, id client.ID) row {
	return row{object: "PermissionSetAssignment", key: strings.ToLower(user), name: user, fixed: map[string]any{"AssigneeId": string(id)}}
}

// rows gives the wanted rows. Fields without field permissions are left out; users are named by id.
func (g grants) rows(skip []string, users map[string]client.ID) []row {
	var list []row
	for name, access := range g.fields {
		if !slices.Contains(skip, name) {
			list = append(list, fieldRow(name, access))
		}
	}
	for name, rights := range g.objects {
		list = append(list, objectRow(name, rights))
	}
	for _, user := range g.assignees {
		list = append(list, assignmentRow(user, users[strings.ToLower(user)]))
	}
	return list
}

// holder is a permission set in the organisation.
type holder struct {
	ID          client.ID `json:"Id"`
	Name        string    `json:"Name"`
	Label       string    `json:"Label"`
	Description *string   `json:"Description"`
}

// permissions reads and writes permission sets as rows (source: Object Reference, "PermissionSet"): writing the metadata
// component would overwrite what it leaves out.
type permissions struct{ api *client.Client }

func (p permissions) find(ctx context.Context, name string) (holder, bool, error) {
	return client.QueryRow[holder](ctx, p.api.Data(),
		"SELECT Id, Name, Label, Description FROM PermissionSet WHERE Name = "+client.Quote(name)+" AND IsOwnedByProfile = false")
}

// live reads the rows of the kinds that are managed.
func (p permissions) live(ctx context.Context, parent client.ID, managed grants) ([]row, error) {
	var list []row
	for _, part := range []struct {
		managed bool
		read    func(context.Context, client.ID) ([]row, error)
	}{{managed.fields != nil, p.fieldRows}, {managed.objects != nil, p.objectRows}, {managed.assignees != nil, p.assignmentRows}} {
		if !part.managed {
			continue
		}
		rows, err := part.read(ctx, parent)
		if err != nil {
			return nil, err
		}
		list = append(list, rows...)
	}
	return list, nil
}

func (p permissions) fieldRows(ctx context.Context, parent client.ID) ([]row, error) {
	type record struct {
		ID    client.ID `json:"Id"`
		Field string    `json:"Field"`
		Read  bool      `json:"PermissionsRead"`
		Edit  bool      `json:"PermissionsEdit"`
	}
	records, err := client.Query[record](ctx, p.api.Data(),
		"SELECT Id, Field, PermissionsRead, PermissionsEdit FROM FieldPermissions WHERE ParentId = "+client.Quote(string(parent)))
	var list []row
	for _, found := range records {
		access := accessRead
		if found.Edit {
			access = accessEdit
		}
		r := fieldRow(found.Field, access)
		r.id = found.ID
		list = append(list, r)
	}
	return list, err
}

func (p permissions) objectRows(ctx context.Context, parent client.ID) ([]row, error) {
	type record struct {
		ID        client.ID `json:"Id"`
		Object    string    `json:"SobjectType"`
		Read      bool      `json:"PermissionsRead"`
		Create    bool      `json:"PermissionsCreate"`
		Edit      bool      `json:"PermissionsEdit"`
		Delete    bool      `json:"PermissionsDelete"`
		ViewAll   bool      `json:"PermissionsViewAllRecords"`
		ModifyAll bool      `json:"PermissionsModifyAllRecords"`
	}
	columns := []string{"Id", "SobjectType"}
	for _, right := range objectRights {
		columns = append(columns, right.column)
	}
	records, err := client.Query[record](ctx, p.api.Data(),
		"SELECT "+strings.Join(columns, ", ")+" FROM ObjectPermissions WHERE ParentId = "+client.Quote(string(parent)))
	var list []row
	for _, found := range records {
		var rights []string
		for i, granted := range []bool{found.Read, found.Create, found.Edit, found.Delete, found.ViewAll, found.ModifyAll} {
			if granted {
				rights = append(rights, objectRights[i].name)
			}
		}
		r := objectRow(found.Object, rights)
		r.id = found.ID
		list = append(list, r)
	}
	return list, err
}

func (p permissions) assignmentRows(ctx context.Context, parent client.ID) ([]row, error) {
	type record struct {
		ID         client.ID `json:"Id"`
		AssigneeID client.ID `json:"AssigneeId"`
		Assignee   struct {
			Username string `json:"Username"`
		} `json:"Assignee"`
	}
	records, err := client.Query[record](ctx, p.api.Data(),
		"SELECT Id, AssigneeId, Assignee.Username FROM PermissionSetAssignment WHERE PermissionSetId = "+client.Quote(string(parent)))
	var list []row
	for _, found := range records {
		r := assignmentRow(found.Assignee.Username, found.AssigneeID)
		r.id = found.ID
		list = append(list, r)
	}
	return list, err
}

// users finds users by name. Names without a user are missing from the result, whose keys are in lower case.
func (p permissions) users(ctx context.Context, names []string) (map[string]client.ID, error) {
	ids := map[string]client.ID{}
	for part := range slices.Chunk(names, client.MaxCollection) {
		type record struct {
			ID       client.ID `json:"Id"`
			Username string    `json:"Username"`
		}
		records, err := client.Query[record](ctx, p.api.Data(), "SELECT Id, Username FROM User WHERE Username IN "+client.QuoteAll(part))
		if err != nil {
			return nil, err
		}
		for _, found := range records {
			ids[strings.ToLower(found.Username)] = found.ID
		}
	}
	return ids, nil
}

// apply makes the change, removals first: they can only take rights away. Rows that are refused do not keep the others
// from being written; a call that fails as a whole ends it.
func (p permissions) apply(ctx context.Context, parent client.ID, c change) error {
	var refused []error
	for _, step := range []struct {
		verb string
		rows []row
		send func(context.Context, []row) ([]client.RowResult, error)
	}{
		{revoke, c.remove, func(ctx context.Context, rows []row) ([]client.RowResult, error) {
			ids := make([]client.ID, len(rows))
			for i, r := range rows {
				ids[i] = r.id
			}
			return p.api.DeleteRows(ctx, ids, false)
		}},
		{"change", c.update, func(ctx context.Context, rows []row) ([]client.RowResult, error) {
			records := make([]client.Record, len(rows))
			for i, r := range rows {
				records[i] = client.Record{Object: r.object, ID: r.id, Fields: values(r.columns)}
			}
			return p.api.UpdateRows(ctx, records, false)
		}},
		{"grant", c.create, func(ctx context.Context, rows []row) ([]client.RowResult, error) {
			records := make([]client.Record, len(rows))
			for i, r := range rows {
				records[i] = client.Record{Object: r.object, Fields: r.fields(parent)}
			}
			return p.api.CreateRows(ctx, records, false)
		}},
	} {
		for part := range slices.Chunk(step.rows, client.MaxCollection) {
			results, err := step.send(ctx, part)
			if err != nil {
				return err
			}
			refused = append(refused, refusals(step.verb, part, results)...)
		}
	}
	return errors.Join(refused...)
}

func (r row) fields(parent client.ID) map[string]any {
	fields := values(r.columns)
	for name, value := range r.fixed {
		fields[name] = value
	}
	column := "ParentId"
	if r.object == "PermissionSetAssignment" {
		column = "PermissionSetId"
	}
	fields[column] = string(parent)
	return fields
}

func values(columns map[string]bool) map[string]any {
	fields := map[string]any{}
	for name, value := range columns {
		fields[name] = value
	}
	return fields
}

const revoke = "revoke"

// refusals names the rows that were refused. A row that is gone already needs no removal.
func refusals(verb string, rows []row, results []client.RowResult) []error {
	var list []error
	for i, result := range results {
		err := result.Err(verb + " " + rows[i].object)
		if err == nil || verb == revoke && client.IsNotFound(err) {
			continue
		}
		list = append(list, fmt.Errorf("%s: %w", rows[i].name, err))
	}
	return list
}
