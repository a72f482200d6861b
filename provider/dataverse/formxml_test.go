package dataverse

import (
	"strings"
	"testing"
)

// aForm has what forms of people have: comments, entities, white space, attributes in any order, a tab without sections and a footer.
const aForm = `<form  shownavigationbar="true">
  <!-- <section name="not one"> -->
  <tabs><tab name="first"  id="{1}"><labels><label description="A &amp; B" languagecode="1033"/></labels>
    <columns><column width="50%"><sections>
      <section id="{2}" showlabel='true' name="people"><rows><row><cell><control id="name" datafieldname="name"></control></cell></row></rows></section>
    </sections></column><column width="50%"><sections /></column></columns></tab>
    <tab name="second"><columns><column><sections/></column></columns></tab></tabs>
  <footer id="{3}"/>
</form>`

const ours = `<section name="ours"><rows /></section>`

// A section is added where it belongs, replaced and moved, and every other byte stays as it was.
func TestPutSectionKeepsTheRest(t *testing.T) {
	t.Parallel()
	for _, tab := range []string{"", "first", "second"} {
		added, err := putSection(aForm, "ours", tab, ours)
		if err != nil {
			t.Fatal(err)
		}
		found, ok, err := findSection(added, "ours")
		want := tab
		if tab == "" {
			want = "first"
		}
		if err != nil || !ok || found.tab != want || added[found.start:found.end] != ours {
			t.Errorf("in tab %q the section is %+v, %v, %v", tab, found, ok, err)
		}
		replaced, err := putSection(added, "ours", "", strings.Replace(ours, "<rows />", "<rows><row /></rows>", 1))
		if err != nil || len(replaced) != len(added)+len("<rows><row /></rows>")-len("<rows />") {
			t.Errorf("replacing gave %s, %v", replaced, err)
		}
		gone, err := dropSection(replaced, "ours")
		if err != nil {
			t.Fatal(err)
		}
		if tab == "second" { // its list of sections was an empty element
			gone = strings.Replace(gone, "<sections></sections>", "<sections/>", 1)
		}
		if gone != aForm {
			t.Errorf("in tab %q other bytes changed:\n%s", tab, gone)
		}
	}
	added, err := putSection(aForm, "ours", "first", ours)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := putSection(added, "ours", "second", ours)
	if found, _, _ := findSection(moved, "ours"); err != nil || found.tab != "second" || strings.Count(moved, ours) != 1 {
		t.Errorf("moving gave %s, %v", moved, err)
	}
}

// A tab that is not there is named with those that are, and what is no XML is refused.
func TestPutSectionRefuses(t *testing.T) {
	t.Parallel()
	if _, err := putSection(aForm, "ours", "third", ours); err == nil || !strings.Contains(err.Error(), `"first", "second"`) {
		t.Errorf("got %v", err)
	}
	if _, err := putSection("<form><tabs>", "ours", "", ours); err == nil {
		t.Error("a form that ends too early was taken")
	}
	if same, err := dropSection(aForm, "ours"); err != nil || same != aForm {
		t.Errorf("dropping what is not there gave %v", err)
	}
}

// Names and labels with characters of XML do not break the form.
func TestEscaped(t *testing.T) {
	t.Parallel()
	f := fragment{table: "opportunity", form: "Main", name: "ours"}
	section := f.render(`Deals & "more" <here>`, true, 2, 1033, "")
	text, err := putSection(aForm, "ours", "", section)
	if err != nil {
		t.Fatal(err)
	}
	found, ok, err := findSection(text, "ours")
	if err != nil || !ok || found.section.label() != `Deals & "more" <here>` || found.section.Columns != "11" {
		t.Errorf("got %+v, %v, %v", found.section, ok, err)
	}
}
