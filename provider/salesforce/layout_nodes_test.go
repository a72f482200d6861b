package salesforce

import (
	"slices"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// nodesLayout has what a partial reading would lose: elements that nobody here knows, odd spacing, entities.
const nodesLayout = `<records><fullName>Opportunity-Opportunity Layout</fullName>
<excludeButtons>Submit</excludeButtons>
<layoutSections ><customLabel>false</customLabel><label>A &#38; B</label><layoutColumns><layoutItems><behavior>Edit</behavior><field>Name</field></layoutItems></layoutColumns><layoutColumns/><style>TwoColumnsTopToBottom</style><brandNew x='1'/></layoutSections>
<layoutSections><label>Custom Links</label><layoutColumns/><layoutColumns/><layoutColumns/><style>CustomLinks</style></layoutSections>
<relatedLists ><fields>ContactName</fields><quickActions>NewRole</quickActions><relatedList>RelatedContactRoleList</relatedList></relatedLists>
<relatedLists><relatedList>RelatedFileList</relatedList></relatedLists>
<summaryLayout><brandNew/></summaryLayout></records>`

func parsed(t *testing.T, text string) *metadata.Node {
	t.Helper()
	node, err := metadata.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return node
}

// texts of a layout's children, in the order in which they are written.
func parts(layout *metadata.Node) []string {
	var list []string
	for _, child := range layout.Children() {
		list = append(list, child.String())
	}
	return list
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after string
		want  []string
	}{
		"at the end":     {"", []string{"RelatedContactRoleList", "RelatedFileList", "New"}},
		"behind another": {"relatedContactRoleList", []string{"RelatedContactRoleList", "New", "RelatedFileList"}},
	} {
		layout := parsed(t, nodesLayout)
		before := parts(layout)
		node := metadata.NewNode("relatedLists", metadata.NewText("relatedList", "New"))
		if err := relatedLists.place(layout, node, test.after); err != nil || !slices.Equal(relatedLists.names(layout), test.want) {
			t.Errorf("%s: %v, %v", name, relatedLists.names(layout), err)
		}
		once := layout.String()
		if err := relatedLists.place(layout, node, test.after); err != nil || layout.String() != once {
			t.Errorf("%s: a second time it was changed: %v", name, err)
		}
		layout.Remove(node)
		if !slices.Equal(parts(layout), before) {
			t.Errorf("%s: the rest of the layout changed:\n%s", name, layout)
		}
	}
	layout := parsed(t, nodesLayout)
	err := relatedLists.place(layout, metadata.NewNode("relatedLists"), "None")
	if err == nil || !strings.Contains(err.Error(), "RelatedContactRoleList, RelatedFileList") || layout.String() != nodesLayout {
		t.Errorf("behind a list that does not exist: %v", err)
	}
}

func TestMove(t *testing.T) {
	t.Parallel()
	layout := parsed(t, nodesLayout)
	node := relatedLists.find(layout, "RelatedContactRoleList")
	bytes := node.String()
	if err := relatedLists.place(layout, node, "RelatedFileList"); err != nil || node.String() != bytes ||
		!slices.Equal(relatedLists.names(layout), []string{"RelatedFileList", "RelatedContactRoleList"}) {
		t.Errorf("%v: %v", err, layout)
	}
	if err := relatedLists.place(layout, node, "RelatedContactRoleList"); err != nil || len(layout.All("relatedLists")) != 2 {
		t.Errorf("behind itself: %v: %v", err, layout)
	}
}

func TestCustomLinksAreNoSection(t *testing.T) {
	t.Parallel()
	layout := parsed(t, nodesLayout)
	if layoutSections.find(layout, "Custom Links") != nil || layoutSections.find(layout, "a & b") == nil {
		t.Error("found the wrong sections")
	}
}

func TestSetTexts(t *testing.T) {
	t.Parallel()
	layout := parsed(t, nodesLayout)
	list := relatedLists.find(layout, "RelatedContactRoleList")
	if setTexts(list, "fields", []string{"ContactName"}); layout.String() != nodesLayout {
		t.Errorf("setting the same columns changed %s", layout)
	}
	setTexts(list, "fields", []string{"Role", "ContactName"})
	if got := list.String(); got != `<relatedLists><fields>Role</fields><fields>ContactName</fields><quickActions>NewRole</quickActions><relatedList>RelatedContactRoleList</relatedList></relatedLists>` {
		t.Error(got)
	}
}

func TestArrange(t *testing.T) {
	t.Parallel()
	items := func(names ...string) (list []item) {
		for _, name := range names {
			list = append(list, item{name, "Edit"})
		}
		return list
	}
	for name, test := range map[string]struct {
		section string
		columns int
		items   []item
		want    string
	}{
		"new, two columns": {`<layoutSections><label>X</label></layoutSections>`, 2, items("A", "B", "C"),
			`<layoutColumns>[A][C]</layoutColumns><layoutColumns>[B]</layoutColumns><style>TwoColumnsLeftToRight</style>`},
		"new, one column": {`<layoutSections><label>X</label></layoutSections>`, 1, items("A", "B"),
			`<layoutColumns>[A][B]</layoutColumns><style>OneColumn</style>`},
		"from two columns to one": {`<layoutSections><label>X</label><layoutColumns>[A]</layoutColumns><layoutColumns>[B]</layoutColumns><style>TwoColumnsTopToBottom</style></layoutSections>`, 1, items("A", "B"),
			`<layoutColumns>[A][B]</layoutColumns><style>OneColumn</style>`},
		"style of two columns, blank places": {`<layoutSections><label>X</label><layoutColumns>[A]<layoutItems><emptySpace>true</emptySpace></layoutItems>[B]</layoutColumns><layoutColumns/><style>TwoColumnsTopToBottom</style></layoutSections>`, 2, items("A", "B"),
			`<layoutColumns>[A]</layoutColumns><layoutColumns>[B]</layoutColumns><style>TwoColumnsTopToBottom</style>`},
		"unknown parts of an item": {`<layoutSections><label>X</label><layoutColumns><layoutItems><brandNew/><behavior>Readonly</behavior><field>A</field></layoutItems></layoutColumns><style>OneColumn</style></layoutSections>`, 1, items("A"),
			`<layoutColumns><layoutItems><behavior>Edit</behavior><brandNew></brandNew><field>A</field></layoutItems></layoutColumns><style>OneColumn</style>`},
	} {
		section := parsed(t, shorthand(test.section))
		arrange(section, test.columns, test.items)
		got := strings.ReplaceAll(section.String(), "<brandNew/>", "<brandNew></brandNew>")
		if !strings.Contains(got, shorthand(test.want)) {
			t.Errorf("%s: %s", name, got)
		}
		if again := parsed(t, section.String()); !slices.Equal(sectionItems(again), test.items) || sectionColumns(again) != test.columns {
			t.Errorf("%s: read back as %v in %d columns", name, sectionItems(again), sectionColumns(again))
		}
		before := section.String()
		if arrange(section, test.columns, test.items); section.String() != before {
			t.Errorf("%s: arranging it again changed it", name)
		}
	}
}

// shorthand writes [A] for an item.
func shorthand(text string) string {
	return strings.NewReplacer("[", "<layoutItems><behavior>Edit</behavior><field>", "]", "</field></layoutItems>").Replace(text)
}

func TestSectionItems(t *testing.T) {
	t.Parallel()
	section := parsed(t, shorthand(`<layoutSections><layoutColumns>[A][B]<layoutItems><page>Map</page></layoutItems></layoutColumns><layoutColumns><layoutItems><emptySpace>true</emptySpace></layoutItems>[C]<layoutItems><emptySpace>true</emptySpace></layoutItems></layoutColumns></layoutSections>`))
	want := []item{{"A", "Edit"}, {}, {"B", "Edit"}, {"C", "Edit"}, {"page:Map", ""}}
	if got := sectionItems(section); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestShownElsewhere(t *testing.T) {
	t.Parallel()
	layout := parsed(t, nodesLayout)
	items := []item{{"name", "Edit"}, {"Amount", "Edit"}}
	if got := shownElsewhere(layout, nil, items); len(got) != 1 || got["Name"] != "A & B" {
		t.Error(got)
	}
	if got := shownElsewhere(layout, layoutSections.find(layout, "A & B"), items); len(got) != 0 {
		t.Error(got)
	}
}
