package metadata

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func parse(t *testing.T, text string) *Node {
	t.Helper()
	n, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func written(c Component) string {
	var b bytes.Buffer
	c.AppendTo(&b)
	return b.String()
}

// layout has what a partial struct would lose: unknown elements, odd spacing, comments, CDATA, entities.
const layout = `<records xsi:type="Layout">
  <fullName>Opportunity-Opportunity Layout</fullName>
  <excludeButtons>Submit</excludeButtons>
  <layoutSections ><customLabel>true</customLabel><label>A &#38; B</label><!-- kept --><brandNew x='1'><deep/></brandNew></layoutSections>
  <layoutSections><label><![CDATA[<C>]]></label></layoutSections>
  <relatedLists><fields>NAME</fields><relatedList>RelatedFileList</relatedList></relatedLists>
  <relatedLists><relatedList>RelatedContactRoleList</relatedList></relatedLists>
  <showEmailCheckbox>false</showEmailCheckbox>
</records>`

func TestUnchangedElementsKeepTheirBytes(t *testing.T) {
	record := parse(t, layout)
	component, ok := FromRecord("Layout", record)
	if !ok || component.Type != "Layout" || component.FullName != "Opportunity-Opportunity Layout" {
		t.Fatalf("%+v", component)
	}
	if record.String() != layout {
		t.Errorf("the unchanged record is written as\n%s", record)
	}
	const added = `<relatedLists><relatedList>RelatedContentNoteList</relatedList></relatedLists>`
	first := record.All("relatedLists")[0]
	node := NewNode("relatedLists", NewText("relatedList", "RelatedContentNoteList"))
	record.InsertAfter(first, node)
	inner := strings.TrimSuffix(strings.TrimPrefix(layout, `<records xsi:type="Layout">`), `</records>`)
	want := `<metadata xsi:type="Layout">` + strings.Replace(inner, first.String(), first.String()+added, 1) + `</metadata>`
	if got := written(component); got != want {
		t.Errorf("with one more list it is written as\n%s\nwant\n%s", got, want)
	}
	record.Remove(node)
	if record.String() != layout {
		t.Errorf("without it again it is written as\n%s", record)
	}
}

// What stands between elements and is more than white space and comments means nothing, and is not sent back.
func TestStrayContentIsLeftOut(t *testing.T) {
	record := parse(t, `<records>a<b/> <?pi x?><c/> <!--y-->z</records>`)
	record.Append(NewText("d", "1"))
	if got := record.String(); got != `<records><b/><c/><d>1</d></records>` {
		t.Error(got)
	}
}

func TestChangeInsideKeepsTheNeighbours(t *testing.T) {
	record := parse(t, layout)
	section := record.Child("layoutSections")
	section.SetChildText("label", "D <E>")
	section.SetChildText("style", "OneColumn")
	got := record.String()
	if !strings.Contains(got, `
  <layoutSections><!-- kept --><brandNew x='1'><deep/></brandNew><customLabel>true</customLabel><label>D &lt;E&gt;</label><style>OneColumn</style></layoutSections>
  <layoutSections><label><![CDATA[<C>]]></label></layoutSections>
`) {
		t.Error(got)
	}
	before := section.String()
	section.SetChildText("style", "OneColumn")
	if section.String() != before {
		t.Error("setting the same text changed something")
	}
}

func TestTreeEditing(t *testing.T) {
	n := NewNode("a", NewText("b", "1"), NewText("b", "2"), NewText("c", "3"))
	n.InsertBefore(n.All("b")[1], NewText("b", "1.5"))
	n.InsertBefore(nil, NewText("d", "4"))
	n.InsertAfter(NewText("x", ""), NewText("d", "5"))
	if got := n.String(); got != `<a><b>1</b><b>1.5</b><b>2</b><c>3</c><d>4</d><d>5</d></a>` {
		t.Error(got)
	}
	clone := n.Clone()
	if n.RemoveAll("b") != 3 || n.RemoveAll("b") != 0 || n.Child("b") != nil || n.ChildText("b") != "" {
		t.Error(n)
	}
	n.Remove(NewText("c", "3"))
	if got := n.String(); got != `<a><c>3</c><d>4</d><d>5</d></a>` {
		t.Error(got)
	}
	if got := clone.ChildTexts("b"); !reflect.DeepEqual(got, []string{"1", "1.5", "2"}) {
		t.Errorf("the clone changed with the original: %v", got)
	}
	if len(clone.Children()) != 6 || clone.Name() != "a" || clone.Children()[3].Text() != "3" {
		t.Error(clone)
	}
}

func TestElementsAreSortedAfterFullName(t *testing.T) {
	c := New("CustomField", "Opportunity.X__c", NewText("type", "Text"), NewText("label", "b"), NewText("label", "a"), NewText("externalId", "true"))
	if got := written(c); got != `<metadata xsi:type="CustomField"><fullName>Opportunity.X__c</fullName><externalId>true</externalId><label>b</label><label>a</label><type>Text</type></metadata>` {
		t.Error(got)
	}
	if got := written(Component{Type: `"<`, FullName: "x&y"}); got != `<metadata xsi:type="&#34;&lt;"><fullName>x&amp;y</fullName></metadata>` {
		t.Error(got)
	}
}

func TestPrefixedAnswersAreWrittenWithoutPrefix(t *testing.T) {
	n := parse(t, `<m:records xmlns:m="http://soap.sforce.com/2006/04/metadata"><m:fullName>X</m:fullName><m:a p:q="1"><b>2</b></m:a></m:records>`)
	c, ok := FromRecord("T", n)
	if !ok || written(c) != `<metadata xsi:type="T"><fullName>X</fullName><a><b>2</b></a></metadata>` {
		t.Error(written(c))
	}
}

func TestEmptyRecordsAreNotFound(t *testing.T) {
	for _, text := range []string{`<records xsi:nil="true"/>`, `<records/>`, `<records xsi:type="CustomField"><label>x</label></records>`, `<records xsi:nil="1"><fullName>x</fullName></records>`} {
		if c, ok := FromRecord("CustomField", parse(t, text)); ok {
			t.Errorf("%s: %+v", text, c)
		}
	}
}

func TestParseRefusesBrokenDocuments(t *testing.T) {
	for _, text := range []string{"", "x", "<a>", "</a>", "<a></b>", "<p:a></q:a>", "<a/><b/>", "<a/>x", "<!DOCTYPE a><a/>", "<a>&b;</a>", strings.Repeat("<a>", 101) + strings.Repeat("</a>", 101)} {
		if n, err := Parse([]byte(text)); err == nil {
			t.Errorf("%.40s: %v", text, n)
		}
	}
	if _, err := Parse([]byte("\ufeff<?xml version=\"1.0\"?>\n<a/>\n")); err != nil {
		t.Error(err)
	}
}

func pointer[T any](v T) *T { return &v }

func TestCustomFieldRoundTrip(t *testing.T) {
	field := CustomField{
		Label: "How can Microsoft help?", Type: "Picklist", Required: pointer(false), Description: pointer(""),
		ValueSet: &ValueSet{Restricted: pointer(true), ValueSetDefinition: &ValueSetDefinition{Value: []CustomValue{{FullName: "General or other", Label: "Other", Default: true}, {FullName: "A"}}}},
	}
	c, err := Encode("CustomField", "Opportunity.How_can_Microsoft_help__c", field)
	if err != nil {
		t.Fatal(err)
	}
	want := `<metadata xsi:type="CustomField"><fullName>Opportunity.How_can_Microsoft_help__c</fullName><description></description><label>How can Microsoft help?</label><required>false</required><type>Picklist</type>` +
		`<valueSet><restricted>true</restricted><valueSetDefinition><sorted>false</sorted><value><fullName>General or other</fullName><default>true</default><label>Other</label></value><value><fullName>A</fullName><default>false</default></value></valueSetDefinition></valueSet></metadata>`
	if got := written(c); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var again CustomField
	if err := Decode(c, &again); err != nil {
		t.Fatal(err)
	}
	field.FullName = c.FullName
	if !reflect.DeepEqual(field, again) {
		t.Errorf("%+v", again)
	}
}

func TestOverlayKeepsWhatTheStructDoesNotName(t *testing.T) {
	c, _ := FromRecord("CustomField", parse(t, `<records xsi:type="CustomField"><fullName>Opportunity.X__c</fullName><brandNew>1</brandNew><label>Old</label><length>10</length><trackHistory>true</trackHistory><type>Text</type></records>`))
	if err := Overlay(c, CustomField{FullName: "ignored", Label: "New", Length: pointer(20)}); err != nil {
		t.Fatal(err)
	}
	if got := written(c); got != `<metadata xsi:type="CustomField"><fullName>Opportunity.X__c</fullName><brandNew>1</brandNew><label>New</label><length>20</length><trackHistory>true</trackHistory><type>Text</type></metadata>` {
		t.Error(got)
	}
}

func TestCustomObjectWithFields(t *testing.T) {
	c, ok := FromRecord("CustomObject", parse(t, `<records xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CustomObject"><fullName>Microsoft_Solution__c</fullName><deploymentStatus>Deployed</deploymentStatus><fields><fullName>Opportunity__c</fullName><label>Opportunity</label><type>MasterDetail</type></fields><fields><label>broken</label></fields><label>Microsoft Solution</label><nameField><label>Name</label><type>AutoNumber</type></nameField></records>`))
	if !ok {
		t.Fatal("not found")
	}
	var object CustomObject
	if err := Decode(c, &object); err != nil || object.NameField.Type != "AutoNumber" || object.DeploymentStatus != "Deployed" {
		t.Errorf("%+v %v", object, err)
	}
	before := written(c)
	fields := FieldsOf(c)
	if len(fields) != 1 || fields[0].FullName != "Microsoft_Solution__c.Opportunity__c" || fields[0].Node.ChildText("fullName") != fields[0].FullName {
		t.Fatalf("%+v", fields)
	}
	var field CustomField
	if err := Decode(fields[0], &field); err != nil || field.Type != "MasterDetail" {
		t.Errorf("%+v %v", field, err)
	}
	if written(c) != before {
		t.Error("reading the fields changed the object")
	}
	if FieldsOf(Component{}) != nil || Decode(Component{}, &field) == nil {
		t.Error("a component without content has content")
	}
}

func TestCloneOfAComponent(t *testing.T) {
	c := New("T", "x", NewText("a", "1"))
	copied := c.Clone()
	copied.Node.SetChildText("a", "2")
	if c.Node.ChildText("a") != "1" || (Component{}).Clone().Node != nil {
		t.Error("the original changed with its clone")
	}
}

// Any text survives encoding and reading, except for what XML cannot carry.
func TestTextProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("<>&'\"]] \n\t\ré…ab"))).Draw(t, "text")
		n, err := Parse([]byte(NewText("a", text).String()))
		if err != nil || n.Text() != text {
			t.Fatalf("%q: %v %v", text, n, err)
		}
	})
}

// What Parse accepts it writes back as well-formed XML, unchanged or changed.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{layout, `<a b="&lt;"><c/>x</a>`, `<p:a xmlns:p="q"><b p:c="1"/></p:a>`, `<a><![CDATA[x]]><!--y--></a>`, "<a>\r\n</a>"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := Parse(data)
		if err != nil {
			return
		}
		for _, text := range []string{n.String(), func() string { n.Append(NewText("z", "1")); return n.String() }()} {
			if _, err := Parse([]byte(text)); err != nil {
				t.Fatalf("%q is written as %q: %v", data, text, err)
			}
			if err := wellFormed(text); err != nil {
				t.Fatalf("%q is written as %q: %v", data, text, err)
			}
		}
	})
}

func wellFormed(text string) error {
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("at %d: %w", decoder.InputOffset(), err)
		}
	}
}
