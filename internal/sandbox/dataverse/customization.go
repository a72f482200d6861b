package dataverse

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// formRule refuses form XML that is not a form.
func formRule(w *change) *apiError {
	if !w.sets("formxml") && w.old != nil {
		return nil
	}
	if w.old == nil && w.c.e.catalog.entity(w.next.str("objecttypecode")) == nil {
		return badRequest(codeNoEntity, "The form's table %q does not exist.", w.next.str("objecttypecode"))
	}
	if err := checkForm(w.next.str("formxml")); err != nil {
		code := w.c.e.kit.Switches.Get(switchFormError)
		status := http.StatusBadRequest
		if code == codeUnexpected {
			status = http.StatusInternalServerError
		}
		return errorf(status, code, "The form XML does not conform to the schema: %v.", err)
	}
	return nil
}

// formPath is which element may stand in which, as far as it is checked.
var formPath = map[string]string{
	"tabs": "form", "tab": "tabs", "columns": "tab", "column": "columns", "sections": "column", "section": "sections", "rows": "section", "row": "rows",
	"cell": "row", "control": "cell",
}

func checkForm(text string) error {
	dec := xml.NewDecoder(strings.NewReader(text))
	var open []string
	seen := false
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if !seen {
				return errors.New("there is no form element")
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			name := t.Name.Local
			if len(open) == 0 && name != "form" {
				return errors.New("the first element is not form")
			}
			seen = true
			if parent, checked := formPath[name]; checked && (len(open) == 0 || open[len(open)-1] != parent) && parent != "form" {
				// Headers and footers hold rows of their own.
				if last := open[len(open)-1]; last != "header" && last != "footer" {
					return errors.New("the element " + name + " does not stand in " + parent)
				}
			}
			if name == "control" && attr(t, "id") == "" {
				return errors.New("a control has no id")
			}
			open = append(open, name)
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

var (
	prefixPattern   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{1,7}$`)
	solutionPattern = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
)

// publisherRule refuses prefixes that the platform does not have.
func publisherRule(w *change) *apiError {
	prefix := w.next.str("customizationprefix")
	if !prefixPattern.MatchString(prefix) || strings.HasPrefix(strings.ToLower(prefix), "mscrm") {
		return badRequest(codeArgument, "The customization prefix %q must have 2 to 8 letters and digits, start with a letter, and not with mscrm.", prefix)
	}
	if n := w.next.int("customizationoptionvalueprefix"); n < 10000 || n > 99999 {
		return badRequest(codeArgument, "The option value prefix %d is not between 10000 and 99999.", n)
	}
	if w.old == nil {
		w.next.set("isreadonly", false)
		if len(w.next.table.with("uniquename", w.next.str("uniquename"))) > 0 {
			return errorf(http.StatusPreconditionFailed, codeDuplicate, "A publisher with the unique name %s already exists.", w.next.str("uniquename"))
		}
	}
	return nil
}

func solutionRule(w *change) *apiError {
	if !solutionPattern.MatchString(w.next.str("uniquename")) {
		return badRequest(codeArgument, "The unique name %q of a solution must consist of letters, digits and underscores.", w.next.str("uniquename"))
	}
	if w.changed("uniquename") && w.old != nil {
		return badRequest(codeArgument, "The unique name of a solution cannot be changed.")
	}
	if w.old == nil {
		w.next.set("ismanaged", false)
		w.next.set("isvisible", true)
		if len(w.next.table.with("uniquename", w.next.str("uniquename"))) > 0 {
			return errorf(http.StatusPreconditionFailed, codeDuplicate, "A solution with the unique name %s already exists.", w.next.str("uniquename"))
		}
	}
	return nil
}

// deletable refuses deletes that the platform refuses whoever asks.
func (c *call) deletable(ent *entity, rec *record) *apiError {
	switch {
	case ent.logical == "solution" && (rec.id == c.e.names.defaultSolution || rec.id == c.e.names.activeSolution),
		ent.logical == "publisher" && rec.id == c.e.names.defaultPublisher,
		ent.logical == "systemuser", ent.logical == "organization":
		return errorf(http.StatusMethodNotAllowed, codeCannotDelete, "The %s with the id %s cannot be deleted.", ent.logical, rec.id)
	case ent.logical == "workflow" && rec.int("statecode") == 1:
		return badRequest(codeFlowActive, "The flow %s is on; turn it off before it is deleted.", rec.str("name"))
	case ent.logical == "solution" && rec.yes("ismanaged"):
		return c.uninstall(rec)
	}
	return nil
}

// uninstall removes what a managed solution brought, with its data.
func (c *call) uninstall(solution *record) *apiError {
	for _, part := range c.e.table("solutioncomponent").with("solutionid", ref{"solution", solution.id}) {
		id := part.str("objectid")
		for _, name := range c.e.catalog.order {
			e := c.e.catalog.entity(name)
			if e.id == id && e.custom {
				for _, rec := range c.e.table(name).all() {
					c.tx.erase(rec)
				}
				c.tx.saveCatalog()
				delete(c.e.catalog.entities, name)
				c.e.catalog.order = without(c.e.catalog.order, func(n string) bool { return n == name })
				c.e.catalog.relationships = without(c.e.catalog.relationships, func(r *relationship) bool { return r.referencing == name || r.referenced == name })
				break
			}
			if _, isRow := c.e.componentType(name); isRow {
				if rec := c.e.find(name, id); rec != nil {
					c.tx.erase(rec)
				}
			}
			for _, a := range e.attributes {
				if a.id == id && a.custom {
					c.dropColumn(e, a)
				}
			}
		}
	}
	return nil
}

// seedForms makes the main form and the default view of the tables that people use.
func (e *Environment) seedForms(t *tx) {
	for _, f := range []struct {
		table  string
		fields []string
	}{
		{"opportunity", []string{"name", "parentaccountid", "parentcontactid", "estimatedclosedate", "estimatedvalue", "description"}},
		{"lead", []string{"subject", "firstname", "lastname", "companyname", "emailaddress1"}},
		{"account", []string{"name", "telephone1", "address1_line1", "address1_country"}},
		{"contact", []string{"firstname", "lastname", "emailaddress1", "parentcustomerid"}},
	} {
		e.addForm(t, f.table, e.catalog.entity(f.table).props["DisplayName"], f.fields)
	}
}

func (e *Environment) addForm(t *tx, table string, display any, fields []string) {
	var rows strings.Builder
	for _, field := range fields {
		rows.WriteString(`<row><cell id="{` + t.guid() + `}"><labels><label description="` + spaced(field) + `" languagecode="1033" /></labels>` +
			`<control id="` + field + `" classid="{4273EDBD-AC1D-40d3-9FB2-095C621B552D}" datafieldname="` + field + `" /></cell></row>`)
	}
	name := labelText(display)
	form := `<form><tabs><tab name="SUMMARY_TAB" id="{` + t.guid() + `}" IsUserDefined="0"><labels><label description="Summary" languagecode="1033" /></labels>` +
		`<columns><column width="100%"><sections><section name="` + table + `_information" showlabel="true" showbar="false" columns="1" id="{` + t.guid() +
		`}" IsUserDefined="0"><labels><label description="` + name + ` Information" languagecode="1033" /></labels><rows>` + rows.String() +
		`</rows></section></sections></column></columns></tab></tabs></form>`
	e.born(t, "systemform", t.guid(), map[string]any{
		"name": name, "objecttypecode": table, "type": int64(2), "formxml": form, "formactivationstate": int64(1), "isdefault": true, "ismanaged": true,
	})
	ent := e.catalog.entity(table)
	e.born(t, "savedquery", t.guid(), map[string]any{
		"name": "Active " + labelText(ent.props["DisplayCollectionName"]), "returnedtypecode": table, "querytype": int64(0), "isdefault": true, "ismanaged": true,
		"fetchxml": `<fetch><entity name="` + table + `"><attribute name="` + ent.primaryName + `" /></entity></fetch>`,
		"layoutxml": `<grid name="resultset" object="` + plain(int64(ent.typeCode)) + `" jump="` + ent.primaryName + `"><row name="result" id="` + ent.primaryID +
			`"><cell name="` + ent.primaryName + `" width="300" /></row></grid>`,
	})
}
