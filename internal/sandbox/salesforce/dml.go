package salesforce

import (
	"maps"
	"slices"
	"strings"
)

// principal is who acts: a user by an API session, or a person at the screen.
type principal struct {
	userID   string
	username string
	actor    string // how the operation log names this principal
	admin    bool
	person   bool // people act on the screen: no field-level security of the integration applies
}

// write is one row change on its way to the store.
type write struct {
	tx   *tx
	who  *principal
	old  *record // nil on create
	next *record
}

func (w *write) changed(name string) bool {
	return w.old == nil || w.old.values[name] != w.next.values[name]
}

// insert creates a row and returns its id.
func (o *Org) insert(t *tx, who *principal, obj *object, in map[string]any) (string, *apiError) {
	acc := o.accessOf(who)
	if err := o.mayWrite(acc, obj, permCreate); err != nil {
		return "", err
	}
	rec := &record{id: t.nextID(obj.KeyPrefix), object: obj, values: map[string]any{}}
	for _, f := range obj.fields {
		if o.fieldExists(f) && f.compute == nil && f.Type != typeID && f.Name != "IsDeleted" {
			rec.set(f.Name, f.initial(o))
		}
	}
	if err := o.assign(acc, rec, in, true); err != nil {
		return "", err
	}
	now := o.now()
	if obj.field("OwnerId") != nil && rec.str("OwnerId") == "" {
		rec.values["OwnerId"] = who.userID
	}
	o.stampCreated(rec, who)
	rec.set("SystemModstamp", now)
	if name := obj.nameField(); name.AutoNumber != "" {
		rec.values[name.Name] = t.autoNumber(obj, name)
	} else if obj.Custom && rec.str(name.Name) == "" {
		rec.values[name.Name] = rec.id
	}
	w := &write{tx: t, who: who, next: rec}
	if err := o.save(w); err != nil {
		return "", err
	}
	return rec.id, nil
}

func (o *Org) stampCreated(rec *record, who *principal) {
	now := o.now()
	for name, value := range map[string]any{"CreatedDate": now, "CreatedById": who.userID, "LastModifiedDate": now, "LastModifiedById": who.userID} {
		if rec.object.field(name) != nil {
			rec.values[name] = value
		}
	}
}

func (f *field) initial(o *Org) any {
	if f.Default != nil {
		return f.Default
	}
	if f.Type == typeBoolean {
		return false
	}
	for _, v := range f.picklist(o) {
		if v.Default && !v.Inactive {
			return v.Value
		}
	}
	return nil
}

// update changes the given columns of a row.
func (o *Org) update(t *tx, who *principal, obj *object, id string, in map[string]any) *apiError {
	acc := o.accessOf(who)
	if err := o.mayWrite(acc, obj, permEdit); err != nil {
		return err
	}
	old, err := o.existing(obj, id)
	if err != nil {
		return err
	}
	rec := old.clone()
	if err := o.assign(acc, rec, in, false); err != nil {
		return err
	}
	now := o.now()
	if obj.field("LastModifiedDate") != nil {
		rec.values["LastModifiedDate"], rec.values["LastModifiedById"] = now, who.userID
	}
	rec.values["SystemModstamp"] = now
	return o.save(&write{tx: t, who: who, old: old, next: rec})
}

// existing finds a live row by an id in either length.
func (o *Org) existing(obj *object, id string) (*record, *apiError) {
	full, ok := normalizeID(id)
	if !ok || !strings.HasPrefix(full, obj.KeyPrefix) {
		return nil, errorf(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", clip(id))
	}
	rec := o.find(obj, full)
	if rec == nil {
		return nil, errNotFound()
	}
	if rec.deleted {
		return nil, errDeleted()
	}
	return rec, nil
}

// assign copies the caller's values into the row, checking each against the schema and the caller's rights.
func (o *Org) assign(acc *access, rec *record, in map[string]any, creating bool) *apiError {
	obj := rec.object
	for _, name := range slices.Sorted(maps.Keys(in)) {
		f := obj.field(name)
		value := in[name]
		if f == nil || !acc.seesField(obj, f) {
			resolved, id, err := o.byExternalParent(acc, obj, name, value)
			if err != nil {
				return err
			}
			if resolved == nil {
				return badRequest("INVALID_FIELD", "No such column '%s' on sobject of type %s", name, obj.Name)
			}
			f, value = resolved, id
		}
		fixed := (creating && f.NotCreateable) || (!creating && f.NotUpdateable) || f.compute != nil || f.AutoNumber != ""
		if fixed || !acc.editsField(obj, f) {
			return badRequest("INVALID_FIELD_FOR_INSERT_UPDATE",
				"Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.", f.Name).on(f.Name)
		}
		stored, err := f.coerce(o, value)
		if err != nil {
			return err
		}
		rec.set(f.Name, stored)
	}
	return nil
}

// byExternalParent reads {"Parent__r": {"Key__c": "x"}}: a reference set by the parent's external id.
func (o *Org) byExternalParent(acc *access, obj *object, name string, value any) (*field, any, *apiError) {
	nested, ok := value.(map[string]any)
	if !ok {
		return nil, nil, nil
	}
	for _, f := range obj.fields {
		if f.Relationship == "" || !strings.EqualFold(f.Relationship, name) || !acc.seesField(obj, f) {
			continue
		}
		parent := o.data.object(f.ReferenceTo[0])
		for key, want := range nested {
			if key == "attributes" {
				continue
			}
			ext := parent.field(key)
			if ext == nil || !ext.ExternalID || !acc.seesField(parent, ext) || len(nested) > 2 {
				return nil, nil, badRequest("INVALID_FIELD", "%s is not an External ID or indexed field for %s", key, parent.Name)
			}
			found := o.byField(parent, ext, want)
			if len(found) != 1 {
				return nil, nil, badRequest("INVALID_FIELD", "Foreign key external ID: %v not found for field %s in entity %s", want, ext.Name, parent.Name)
			}
			return f, found[0].id, nil
		}
	}
	return nil, nil, nil
}

// byField finds live rows by an exact value, compared as the field compares.
func (o *Org) byField(obj *object, f *field, want any) []*record {
	key, tab := f.uniqueKey(want), o.table(obj)
	var found []*record
	for _, id := range tab.idsWith(f.Name, want) {
		if rec := tab.rows[id]; !rec.deleted && f.uniqueKey(rec.values[f.Name]) == key {
			found = append(found, rec)
		}
	}
	return found
}

func (f *field) uniqueKey(value any) string {
	s := literalText(value)
	if f.CaseSensitive {
		return s
	}
	return strings.ToLower(s)
}

// save runs the checks that need the whole row, then stores it.
func (o *Org) save(w *write) *apiError {
	obj := w.next.object
	if err := o.requireFields(w); err != nil {
		return err
	}
	if err := o.activeOwner(w); err != nil {
		return err
	}
	if obj.beforeSave != nil {
		if err := obj.beforeSave(o, w); err != nil {
			return err
		}
	}
	for _, f := range obj.fields {
		value := w.next.values[f.Name]
		if !f.Unique || value == nil || !w.changed(f.Name) {
			continue
		}
		for _, other := range o.byField(obj, f, value) {
			if other.id != w.next.id {
				return badRequest("DUPLICATE_VALUE", "duplicate value found: %s duplicates value on record with id: %s", f.Name, other.id).on(f.Name)
			}
		}
	}
	w.tx.put(w.next)
	if obj.afterSave != nil {
		obj.afterSave(o, w)
	}
	o.touchParent(w.tx, w.next)
	return nil
}

func (o *Org) requireFields(w *write) *apiError {
	var missing []string
	for _, f := range w.next.object.fields {
		if f.Required && w.next.values[f.Name] == nil && (w.old == nil || w.changed(f.Name)) {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) > 0 {
		return badRequest("REQUIRED_FIELD_MISSING", "Required fields are missing: [%s]", strings.Join(missing, ", ")).on(missing...)
	}
	return nil
}

// remove deletes a row and what hangs on it: into the recycle bin where the object has one.
func (o *Org) remove(t *tx, who *principal, obj *object, id string) *apiError {
	if err := o.mayWrite(o.accessOf(who), obj, permDelete); err != nil {
		return err
	}
	rec, err := o.existing(obj, id)
	if err != nil {
		return err
	}
	return o.removeRecord(t, who, rec)
}

func (o *Org) removeRecord(t *tx, who *principal, rec *record) *apiError {
	for _, rel := range o.data.children(rec.object) {
		for _, child := range o.byField(rel.child, rel.field, rec.id) {
			if child.str(rel.field.Name) != rec.id { // ids differ by case alone
				continue
			}
			if err := o.detach(t, who, rel, child); err != nil {
				return err
			}
		}
	}
	if rec.object.NoRecycleBin {
		t.erase(rec)
		return nil
	}
	gone := rec.clone()
	now := o.now()
	gone.deleted, gone.deletedAt = true, now
	gone.values["SystemModstamp"] = now
	gone.set("LastModifiedDate", now)
	gone.set("LastModifiedById", who.userID)
	t.put(gone)
	o.touchParent(t, gone)
	return nil
}

// detach deals with one child of a row that is being deleted.
func (o *Org) detach(t *tx, who *principal, rel childRelation, child *record) *apiError {
	switch rel.field.OnDelete {
	case cascade:
		return o.removeRecord(t, who, child)
	case restrict:
		return badRequest("DELETE_FAILED", "Your attempt to delete the record could not be completed because it is associated with the following %s: %s",
			rel.child.Plural, child.id)
	case setNull:
		orphan := child.clone()
		orphan.set(rel.field.Name, nil)
		orphan.values["SystemModstamp"] = o.now()
		t.put(orphan)
	}
	return nil
}

// touchParent moves the opportunity's SystemModstamp when one of its child rows changes, if the switch says so.
func (o *Org) touchParent(t *tx, child *record) {
	if !o.kit.Switches.Is(switchRoleTouchesParent, "yes") {
		return
	}
	for _, f := range child.object.fields {
		if f.OnDelete != cascade || !slices.Contains(f.ReferenceTo, "Opportunity") {
			continue
		}
		if parent := o.find(o.data.object("Opportunity"), child.str(f.Name)); parent != nil && !parent.deleted {
			touched := parent.clone()
			touched.values["SystemModstamp"] = o.now()
			t.put(touched)
		}
	}
}
