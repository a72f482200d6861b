package salesforce

import (
	"regexp"
	"strconv"
	"strings"
)

// stageRow finds the stage definition with a label.
func (o *Org) stageRow(label string) *record {
	for _, rec := range o.live(o.data.object("OpportunityStage")) {
		if strings.EqualFold(rec.str("MasterLabel"), label) {
			return rec
		}
	}
	return nil
}

func (o *Org) stageValues() []picklistValue {
	var list []picklistValue
	for _, rec := range o.live(o.data.object("OpportunityStage")) {
		list = append(list, picklistValue{Value: rec.str("MasterLabel"), Label: rec.str("MasterLabel"), Inactive: !rec.yes("IsActive")})
	}
	return list
}

// deriveStage fills what Salesforce computes from the stage. The stage picklist is not restricted for API callers: a value
// that is not defined is stored and counts as open.
func deriveStage(o *Org, w *write) *apiError {
	rec := w.next
	stage := o.stageRow(rec.str("StageName"))
	rec.values["IsClosed"] = stage != nil && stage.yes("IsClosed")
	rec.values["IsWon"] = stage != nil && stage.yes("IsWon")
	if stage != nil && w.changed("StageName") {
		if !given(w, "Probability") {
			rec.set("Probability", stage.values["DefaultProbability"])
		}
		if !given(w, "ForecastCategoryName") {
			rec.set("ForecastCategoryName", stage.values["ForecastCategoryName"])
		}
	}
	amount, hasAmount := rec.values["Amount"].(float64)
	probability, _ := rec.values["Probability"].(float64)
	rec.set("ExpectedRevenue", nil)
	if hasAmount {
		rec.values["ExpectedRevenue"] = amount * probability / 100
	}
	return nil
}

// given says whether this write itself sets the column.
func given(w *write, name string) bool {
	if w.old == nil {
		return w.next.values[name] != nil
	}
	return w.changed(name)
}

// checkPrimaryRole refuses a second primary contact where the switch says so.
func checkPrimaryRole(o *Org, w *write) *apiError {
	if !w.next.yes("IsPrimary") || !o.kit.Switches.Is(switchPrimaryRole, "rejected") || len(otherPrimaries(o, w)) == 0 {
		return nil
	}
	return badRequest("FIELD_INTEGRITY_EXCEPTION", "Primary: the opportunity already has a primary contact").on("IsPrimary")
}

// settlePrimaryRole takes the mark from the former primary contact.
func settlePrimaryRole(o *Org, w *write) {
	if !w.next.yes("IsPrimary") || !o.kit.Switches.Is(switchPrimaryRole, "demotes_first") {
		return
	}
	for _, rec := range otherPrimaries(o, w) {
		demoted := rec.clone()
		demoted.values["IsPrimary"] = false
		demoted.values["LastModifiedDate"], demoted.values["LastModifiedById"] = o.now(), w.who.userID
		demoted.values["SystemModstamp"] = o.now()
		w.tx.put(demoted)
	}
}

func otherPrimaries(o *Org, w *write) []*record {
	var list []*record
	for _, rec := range o.byField(w.next.object, w.next.object.field("OpportunityId"), w.next.str("OpportunityId")) {
		if rec.id != w.next.id && rec.yes("IsPrimary") && rec.str("OpportunityId") == w.next.str("OpportunityId") {
			list = append(list, rec)
		}
	}
	return list
}

var developerName = regexp.MustCompile(`^[A-Za-z](_?[A-Za-z0-9])*$`)

func checkPermissionSetName(_ *Org, w *write) *apiError {
	if name := w.next.str("Name"); !developerName.MatchString(name) {
		return badRequest("FIELD_INTEGRITY_EXCEPTION",
			"API Name: The Permission Set API Name can only contain underscores and alphanumeric characters. It must be unique, begin with a letter, not include spaces, not end with an underscore, and not contain two consecutive underscores. (%s)", name).on("Name")
	}
	return nil
}

// checkFieldPermission applies the rules of the Object Reference, "FieldPermissions".
func checkFieldPermission(o *Org, w *write) *apiError {
	rec := w.next
	obj := o.data.object(rec.str("SobjectType"))
	if obj == nil {
		return badRequest("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Sobject Type Name: bad value for restricted picklist field: %s", rec.str("SobjectType")).on("SobjectType")
	}
	objectName, fieldName, _ := strings.Cut(rec.str("Field"), ".")
	f := obj.field(fieldName)
	if f == nil || !strings.EqualFold(objectName, obj.Name) {
		return badRequest("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Field Name: bad value for restricted picklist field: %s", rec.str("Field")).on("Field")
	}
	rec.values["SobjectType"], rec.values["Field"] = obj.Name, obj.Name+"."+f.Name
	if f.Required || f.MasterDetail || !f.Custom && f.NotCreateable {
		return badRequest(o.kit.Switches.Get(switchRequiredFieldFLS), "Field Name: field permissions cannot be set on a required field: %s", rec.str("Field")).on("Field")
	}
	if rec.yes("PermissionsEdit") && !rec.yes("PermissionsRead") {
		return badRequest("FIELD_INTEGRITY_EXCEPTION", "Permission Edit depends on permission(s): Read").on("PermissionsEdit")
	}
	if w.old == nil && !rec.yes("PermissionsRead") {
		return badRequest("FIELD_INTEGRITY_EXCEPTION", "Field permissions need at least Read").on("PermissionsRead")
	}
	return uniqueRow(o, w, "ParentId", "Field")
}

// checkObjectPermission applies the rules of the Object Reference, "ObjectPermissions".
func checkObjectPermission(o *Org, w *write) *apiError {
	rec := w.next
	obj := o.data.object(rec.str("SobjectType"))
	if obj == nil || obj.Setup {
		return badRequest("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Sobject Type Name: bad value for restricted picklist field: %s", rec.str("SobjectType")).on("SobjectType")
	}
	rec.values["SobjectType"] = obj.Name
	depends := []struct {
		name  string
		needs []string
	}{
		{"Create", []string{"Read"}},
		{"Edit", []string{"Read"}},
		{"Delete", []string{"Read", "Edit"}},
		{"ViewAllRecords", []string{"Read"}},
		{"ModifyAllRecords", []string{"Read", "Edit", "Delete", "ViewAllRecords"}},
	}
	for _, d := range depends {
		if !rec.yes("Permissions" + d.name) {
			continue
		}
		for _, need := range d.needs {
			if !rec.yes("Permissions" + need) {
				return badRequest("FIELD_INTEGRITY_EXCEPTION", "Permission %s %s depends on permission(s): %s %s", d.name, obj.Name, need, obj.Name).on("Permissions" + d.name)
			}
		}
	}
	if w.old == nil && !rec.yes("PermissionsRead") {
		return badRequest("FIELD_INTEGRITY_EXCEPTION", "Object permissions need at least Read").on("PermissionsRead")
	}
	return uniqueRow(o, w, "ParentId", "SobjectType")
}

// dropUnreadable removes a permission row that no longer grants Read, as the platform does.
func dropUnreadable(_ *Org, w *write) {
	if !w.next.yes("PermissionsRead") {
		w.tx.erase(w.next)
	}
}

func checkAssignment(o *Org, w *write) *apiError {
	return uniqueRow(o, w, "AssigneeId", "PermissionSetId")
}

// uniqueRow refuses a second row with the same pair of values.
func uniqueRow(o *Org, w *write, a, b string) *apiError {
	for _, rec := range o.live(w.next.object) {
		if rec.id != w.next.id && rec.str(a) == w.next.str(a) && rec.str(b) == w.next.str(b) {
			return badRequest("DUPLICATE_VALUE", "duplicate value found: <unknown> duplicates value on record with id: %s", rec.id)
		}
	}
	return nil
}

// autoNumber renders the next value of a display format such as MS-{0000}.
func (t *tx) autoNumber(obj *object, f *field) string {
	key := "autonumber " + obj.Name + "." + f.Name
	before := t.o.ids.next[key]
	t.o.ids.next[key] = before + 1
	t.onRollback(func() { t.o.ids.next[key] = before })
	digits := strconv.FormatUint(before+1, 10)
	return autoNumberFormat.ReplaceAllStringFunc(f.AutoNumber, func(zeros string) string {
		for len(digits) < len(zeros)-2 {
			digits = "0" + digits
		}
		return digits
	})
}

var autoNumberFormat = regexp.MustCompile(`\{0+\}`)
