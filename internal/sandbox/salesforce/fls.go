package salesforce

import "strings"

// permission is a right on an object or a field.
type permission uint8

const (
	permRead permission = 1 << iota
	permCreate
	permEdit
	permDelete
	permAll = permRead | permCreate | permEdit | permDelete
)

// access is what one user may do: the sum of the permission sets assigned to the user. Standard objects and fields are
// open to both integration users; custom ones only as far as a permission set grants them, even for an administrator.
type access struct {
	o       *Org
	who     *principal
	objects map[string]permission // lower-case object name
	fields  map[string]permission // lower-case Object.Field
}

// accessOf sums up the permission sets of a user. It is computed anew for each request, so a grant works at once.
func (o *Org) accessOf(who *principal) *access {
	acc := &access{o: o, who: who, objects: map[string]permission{}, fields: map[string]permission{}}
	if who.person {
		return acc
	}
	sets := map[string]bool{}
	for _, rec := range o.live(o.data.object("PermissionSetAssignment")) {
		if rec.str("AssigneeId") == who.userID {
			sets[rec.str("PermissionSetId")] = true
		}
	}
	for _, rec := range o.live(o.data.object("FieldPermissions")) {
		if sets[rec.str("ParentId")] {
			acc.fields[strings.ToLower(rec.str("Field"))] |= grants(rec, map[string]permission{"PermissionsRead": permRead, "PermissionsEdit": permEdit})
		}
	}
	for _, rec := range o.live(o.data.object("ObjectPermissions")) {
		if sets[rec.str("ParentId")] {
			acc.objects[strings.ToLower(rec.str("SobjectType"))] |= grants(rec, map[string]permission{
				"PermissionsRead": permRead, "PermissionsCreate": permCreate, "PermissionsEdit": permEdit, "PermissionsDelete": permDelete})
		}
	}
	return acc
}

func grants(rec *record, columns map[string]permission) (p permission) {
	for name, bit := range columns {
		if rec.yes(name) {
			p |= bit
		}
	}
	return p
}

// open says whether the caller sees everything that exists: people, and administrators where the switch says so.
func (a *access) open() bool {
	return a.who.person || a.who.admin && a.o.kit.Switches.Is(switchDefaultAccess, "admin")
}

func (a *access) may(obj *object, p permission) bool {
	if obj == nil || obj.Hidden != nil && obj.Hidden(a.o) {
		return false
	}
	return !obj.Custom || a.open() || a.objects[strings.ToLower(obj.Name)]&p == p
}

func (a *access) seesObject(obj *object) bool { return a.may(obj, permRead) }

func (a *access) seesField(obj *object, f *field) bool { return a.mayField(obj, f, permRead) }

func (a *access) editsField(obj *object, f *field) bool { return a.mayField(obj, f, permEdit) }

// mayField: required and master-detail fields have no field-level security; whoever sees the object sees them.
func (a *access) mayField(obj *object, f *field, p permission) bool {
	if !a.o.fieldExists(f) {
		return false
	}
	if !f.Custom || f.Required || f.MasterDetail || a.open() {
		return true
	}
	return a.fields[strings.ToLower(obj.Name+"."+f.Name)]&p == p
}

// fieldExists is false for a column that belongs to an org feature that is off.
func (o *Org) fieldExists(f *field) bool { return f.Hidden == nil || !f.Hidden(o) }

// mayWrite checks the right to change rows of an object.
func (o *Org) mayWrite(acc *access, obj *object, p permission) *apiError {
	switch {
	case obj.ReadOnly || obj.rows != nil:
		return badRequest("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type %s does not support this operation through the API", obj.Name)
	case obj.Setup && !acc.who.admin, !acc.may(obj, p):
		return errAccess()
	}
	return nil
}

// visibleFields lists the columns of an object that the caller sees, in schema order.
func (a *access) visibleFields(obj *object) []*field {
	var list []*field
	for _, f := range obj.fields {
		if a.seesField(obj, f) {
			list = append(list, f)
		}
	}
	return list
}
