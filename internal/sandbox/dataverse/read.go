package dataverse

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxPage is the default and the largest number of rows of a page.
const maxPage = 5000

// maxExpands is how many navigation properties one read may expand.
const maxExpands = 15

// contextOf names what a collection answer holds.
func contextOf(ent *entity, selected []string) string {
	if len(selected) == 0 {
		return ent.set
	}
	return ent.set + "(" + strings.Join(selected, ",") + ")"
}

// show is a row in the form of answers.
func (c *call) show(ent *entity, rec *record, o options, unpublished bool) (map[string]any, *apiError) {
	out := map[string]any{"@odata.etag": etag(rec)}
	annotations := c.prefer().annotations
	columns, err := c.columns(ent, o.selected)
	if err != nil {
		return nil, err
	}
	for _, a := range columns {
		value := rec.visible(a)
		if drafted, has := rec.draft[a.logical]; has && unpublished {
			value = drafted
		}
		out[a.property()] = value
		c.annotate(out, ent, rec, a, annotations)
	}
	for _, ex := range o.expand {
		if err := c.expand(out, ent, rec, ex); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// columns are the selected columns of a table; the primary key always comes along.
func (c *call) columns(ent *entity, selected []string) ([]*attribute, *apiError) {
	var list []*attribute
	if selected == nil {
		for _, name := range ent.order {
			if a := ent.attribute(name); a != nil && c.knows(a) && !a.writeOnly {
				list = append(list, a)
			}
		}
		return list, nil
	}
	for _, name := range selected {
		a := ent.column(name)
		if a != nil && !c.knows(a) {
			return nil, errUndeclared(name, ent.logical)
		}
		if a == nil || a.writeOnly {
			return nil, errProperty(name, ent.logical)
		}
		list = append(list, a)
	}
	return append(list, ent.attribute(ent.primaryID)), nil
}

// Annotations of values.
const (
	annotationFormatted = "OData.Community.Display.V1.FormattedValue"
	annotationTable     = "Microsoft.Dynamics.CRM.lookuplogicalname"
	annotationNav       = "Microsoft.Dynamics.CRM.associatednavigationproperty"
)

func (c *call) annotate(out map[string]any, ent *entity, rec *record, a *attribute, wanted string) {
	if wanted == "" || rec.values[a.logical] == nil {
		return
	}
	add := func(annotation, value string) {
		if value != "" && included(wanted, annotation) {
			out[a.property()+"@"+annotation] = value
		}
	}
	add(annotationFormatted, c.e.formatted(rec, a))
	if to, isRef := rec.values[a.logical].(ref); isRef {
		add(annotationTable, to.table)
		add(annotationNav, c.e.catalog.navigationOf(ent, a.logical, to.table))
	}
}

// included says whether the preference odata.include-annotations covers an annotation.
func included(wanted, annotation string) bool {
	for pattern := range strings.SplitSeq(wanted, ",") {
		pattern = strings.TrimSpace(pattern)
		prefix, isPrefix := strings.CutSuffix(pattern, "*")
		if pattern == annotation || isPrefix && strings.HasPrefix(annotation, prefix) {
			return true
		}
	}
	return false
}

func etag(rec *record) string { return `W/"` + strconv.FormatInt(rec.version, 10) + `"` }

// expand adds the rows behind a navigation property.
func (c *call) expand(out map[string]any, ent *entity, rec *record, ex expansion) *apiError {
	if rel := c.e.catalog.lookupBy(ent, ex.name); rel != nil {
		to := rec.ref(rel.attribute)
		target := c.e.catalog.entity(to.table)
		found := c.e.find(to.table, to.id)
		if found == nil || ex.name != "ownerid" && to.table != rel.referenced || c.e.may(c.who, "Read", target, found) != nil {
			out[ex.name] = nil
			_, err := c.columns(c.e.catalog.entity(rel.referenced), ex.selected)
			return err
		}
		shown, err := c.show(target, found, ex.options, false)
		out[ex.name] = shown
		return err
	}
	rel := c.e.catalog.collectionBy(ent, ex.name)
	if rel == nil {
		return errProperty(ex.name, ent.logical)
	}
	other, list := c.related(ent, rel, rec)
	list, err := c.filtered(other, list, ex.options)
	if err != nil {
		return err
	}
	if ex.top >= 0 && len(list) > ex.top {
		list = list[:ex.top]
	}
	shown := []any{}
	for _, one := range list {
		r, err := c.show(other, one, ex.options, false)
		if err != nil {
			return err
		}
		shown = append(shown, r)
	}
	out[ex.name] = shown
	if c.prefer().annotations != "" {
		out[ex.name+"@odata.nextLink"] = c.e.url("%s(%s)/%s", ent.set, rec.id, ex.name)
	}
	return nil
}

// filtered keeps the rows that the caller may read and that pass the filter, in the order that is asked for.
func (c *call) filtered(ent *entity, list []*record, o options) ([]*record, *apiError) {
	if err := c.checkOptions(ent, o); err != nil {
		return nil, err
	}
	reach := c.e.reach(c.who, "prvRead"+ent.schema)
	if reach == depthNone {
		return nil, errPrivilege(c.who, "prvRead"+ent.schema, ent)
	}
	var kept []*record
	for _, rec := range list {
		if reach == depthUser && rec.ref("ownerid").id != c.who.id {
			continue
		}
		if o.filter != nil {
			keep, err := matches(o.filter, row{c, ent, rec})
			if err != nil {
				return nil, err
			}
			if !keep {
				continue
			}
		}
		kept = append(kept, rec)
	}
	slices.SortStableFunc(kept, func(a, b *record) int { return c.compareRows(ent, a, b, o.order) })
	return kept, nil
}

// compareRows orders two rows; nulls come first, as in the platform's database.
func (c *call) compareRows(ent *entity, a, b *record, by []ordering) int {
	for _, o := range by {
		left, _ := row{c, ent, a}.get(o.path)
		right, _ := row{c, ent, b}.get(o.path)
		order := 0
		switch {
		case left == nil && right == nil:
		case left == nil:
			order = -1
		case right == nil:
			order = 1
		default:
			order, _ = orderOf(left, right)
		}
		if o.down {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

// checkOptions refuses what names columns that do not exist, also where there is no row.
func (c *call) checkOptions(ent *entity, o options) *apiError {
	if _, err := c.columns(ent, o.selected); err != nil {
		return err
	}
	if len(o.expand) > maxExpands {
		return badRequest(codeResource, "A query may expand at most %d navigation properties.", maxExpands)
	}
	for _, ex := range o.expand {
		if c.e.catalog.lookupBy(ent, ex.name) == nil && c.e.catalog.collectionBy(ent, ex.name) == nil {
			return errProperty(ex.name, ent.logical)
		}
	}
	for _, by := range o.order {
		if _, known := (row{c, ent, nil}).get(by.path); !known {
			return errProperty(strings.Join(by.path, "/"), ent.logical)
		}
	}
	return c.checkFilter(o.filter, row{c, ent, nil})
}

// checkFilter asks a filter about no row, so that every name in it is looked up whatever the rows are.
func (c *call) checkFilter(node any, s source) *apiError {
	switch n := node.(type) {
	case operation:
		if n.op == "and" || n.op == "or" {
			if err := c.checkFilter(n.left, s); err != nil {
				return err
			}
			return c.checkFilter(n.right, s)
		}
		_, err := compare(n, s)
		return err
	case negation:
		return c.checkFilter(n.of, s)
	case lambda:
		rows, known := s.follow(n.path)
		if !known {
			return errProperty(strings.Join(n.path, "/"), s.name())
		}
		if n.where == nil || len(rows) == 0 {
			return nil
		}
		return c.checkFilter(n.where, scoped{rows[0], n.name})
	case nil:
		return nil
	}
	_, err := matches(node, s)
	return err
}

// readOne answers the read of one row.
func (c *call) readOne(ent *entity, rec *record) response {
	if err := c.allow("$select", "$expand"); err != nil {
		return c.failed(err)
	}
	if err := c.e.may(c.who, "Read", ent, rec); err != nil {
		return c.failed(err)
	}
	o, err := c.options()
	if err != nil {
		return c.failed(err)
	}
	if err := c.checkOptions(ent, o); err != nil {
		return c.failed(err)
	}
	c.touch("read", ent.logical, rec.id, nil)
	if match := c.header.Get("If-None-Match"); match == etag(rec) && len(o.expand) == 0 && c.prefer().annotations == "" {
		return response{status: http.StatusNotModified, header: map[string]string{"ETag": etag(rec)}}
	}
	out, err := c.show(ent, rec, o, false)
	if err != nil {
		return c.failed(err)
	}
	out["@odata.context"] = c.context(contextOf(ent, o.selected) + "/$entity")
	resp := ok(out)
	resp.header = c.applied(map[string]string{"ETag": etag(rec)})
	return resp
}

// applied adds the header that repeats the preferences that were honoured.
func (c *call) applied(header map[string]string) map[string]string {
	p := c.prefer()
	var list []string
	if p.representation && c.method != http.MethodGet {
		list = append(list, "return=representation")
	}
	if p.annotations != "" {
		list = append(list, `odata.include-annotations="`+p.annotations+`"`)
	}
	if p.pageSize > 0 && c.method == http.MethodGet {
		list = append(list, "odata.maxpagesize="+strconv.Itoa(p.pageSize))
	}
	if p.track && c.method == http.MethodGet {
		list = append(list, "odata.track-changes")
	}
	if len(list) > 0 {
		if header == nil {
			header = map[string]string{}
		}
		header["Preference-Applied"] = strings.Join(list, ", ")
	}
	return header
}
