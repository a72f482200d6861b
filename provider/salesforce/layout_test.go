package salesforce_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

const (
	listAddress    = "cosell_salesforce_related_list.test"
	sectionAddress = "cosell_salesforce_layout_section.test"
	emeaLayout     = "Opportunity-Partner (EMEA) & v1.2"
)

// emeaXML has the shape of a layout that people have worked on for years: actions, a mini layout, blank places, links, related
// content, and names with characters that Salesforce may encode.
const emeaXML = `<records><fullName>Opportunity-Partner (EMEA) &amp; v1.2</fullName>
<customButtons>Send_Quote</customButtons><excludeButtons>Submit</excludeButtons><excludeButtons>Share</excludeButtons><headers>PersonalTagging</headers>
<layoutSections><customLabel>true</customLabel><detailHeading>false</detailHeading><editHeading>true</editHeading><label>Deal &amp; &quot;Terms&quot;</label><layoutColumns><layoutItems><behavior>Required</behavior><field>Name</field></layoutItems><layoutItems><emptySpace>true</emptySpace></layoutItems><layoutItems><behavior>Required</behavior><field>CloseDate</field></layoutItems></layoutColumns><layoutColumns><layoutItems><behavior>Required</behavior><field>StageName</field></layoutItems><layoutItems><behavior>Edit</behavior><field>Amount</field></layoutItems></layoutColumns><style>TwoColumnsTopToBottom</style></layoutSections>
<layoutSections><customLabel>true</customLabel><detailHeading>true</detailHeading><editHeading>false</editHeading><label>Map</label><layoutColumns><layoutItems><height>200</height><page>AccountMap</page><showLabel>false</showLabel><showScrollbars>false</showScrollbars><width>100%</width></layoutItems></layoutColumns><style>OneColumn</style></layoutSections>
<layoutSections><customLabel>true</customLabel><detailHeading>false</detailHeading><editHeading>false</editHeading><label>Custom Links</label><layoutColumns><layoutItems><customLink>DeliveryStatus</customLink></layoutItems></layoutColumns><layoutColumns/><layoutColumns/><style>CustomLinks</style></layoutSections>
<miniLayout><fields>Name</fields><fields>Amount</fields><relatedLists><fields>ContactName</fields><relatedList>RelatedContactRoleList</relatedList></relatedLists></miniLayout>
<multilineLayoutFields>Description</multilineLayoutFields>
<platformActionList><actionListContext>Record</actionListContext><platformActionListItems><actionName>Edit</actionName><actionType>StandardButton</actionType><sortOrder>0</sortOrder></platformActionListItems></platformActionList>
<quickActionList><quickActionListItems><quickActionName>FeedItem.TextPost</quickActionName></quickActionListItems></quickActionList>
<relatedContent><relatedContentItems><layoutItem><component>runtime_sales:insights</component></layoutItem></relatedContentItems></relatedContent>
<relatedLists><customButtons>New_Role</customButtons><excludeButtons>MassChangeOwner</excludeButtons><fields>ContactName</fields><fields>Role</fields><quickActions>NewRole</quickActions><relatedList>RelatedContactRoleList</relatedList><sortField>Role</sortField><sortOrder>Desc</sortOrder></relatedLists>
<relatedLists><relatedList>RelatedNoteList</relatedList></relatedLists>
<relatedObjects>AccountId</relatedObjects><runAssignmentRulesDefault>false</runAssignmentRulesDefault><showEmailCheckbox>true</showEmailCheckbox>
<summaryLayout><masterLabel>00h000000000000</masterLabel><sizeX>4</sizeX><sizeY>0</sizeY><summaryLayoutStyle>Default</summaryLayoutStyle></summaryLayout></records>`

func (w *world) makeEMEA() {
	w.t.Helper()
	node, err := metadata.Parse([]byte(emeaXML))
	if err != nil {
		w.t.Fatal(err)
	}
	w.make(metadata.Component{Type: "Layout", FullName: emeaLayout, Node: node})
}

// children gives a layout's elements as they are written, without those that match.
func (w *world) children(layout string, but func(*metadata.Node) bool) []string {
	w.t.Helper()
	component, ok := w.component("Layout", layout)
	if !ok {
		w.t.Fatalf("layout %s does not exist", layout)
	}
	var list []string
	for _, child := range component.Node.Children() {
		if !but(child) {
			list = append(list, child.String())
		}
	}
	return list
}

// kit is what the connector puts on a layout.
func kit(layout, sectionFields, listFields string) string {
	return objectConfig + `
resource "cosell_salesforce_custom_field" "opportunity" {
  object              = cosell_salesforce_custom_object.test.name
  name                = "Opportunity__c"
  label               = "Opportunity"
  type                = "master_detail"
  deletion_protection = false
  lookup              = { object = "Opportunity" }
}

resource "cosell_salesforce_custom_field" "status" {
  object              = "Opportunity"
  name                = "Sync_Status__c"
  label               = "Sync Status"
  type                = "text"
  length              = 100
  deletion_protection = false
}

resource "cosell_salesforce_settings" "test" {
  notes             = true
  opportunity_teams = true
}

resource "cosell_salesforce_layout_section" "test" {
  object     = "Opportunity"
  layout     = "` + strings.TrimPrefix(layout, "Opportunity-") + `"
  label      = "Microsoft Partner Center"
  fields     = [` + sectionFields + `]
  depends_on = [cosell_salesforce_custom_field.status]
}

resource "cosell_salesforce_related_list" "test" {
  object = "Opportunity"
  layout = "` + strings.TrimPrefix(layout, "Opportunity-") + `"
  list   = "Microsoft_Solution__c.${cosell_salesforce_custom_field.opportunity.name}"
  fields = [` + listFields + `]
  after  = "RelatedContactRoleList"
}

resource "cosell_salesforce_related_list" "notes" {
  object     = "Opportunity"
  layout     = "` + strings.TrimPrefix(layout, "Opportunity-") + `"
  list       = "RelatedContentNoteList"
  depends_on = [cosell_salesforce_settings.test]
}

resource "cosell_salesforce_related_list" "team" {
  object     = "Opportunity"
  layout     = "` + strings.TrimPrefix(layout, "Opportunity-") + `"
  list       = "RelatedOpportunitySalesTeam"
  fields     = ["MemberName"]
  depends_on = [cosell_salesforce_settings.test]
}
`
}

func ofTheKit(node *metadata.Node) bool {
	return node.ChildText("label") == "Microsoft Partner Center" ||
		slices.Contains([]string{"Microsoft_Solution__c.Opportunity__c", "RelatedContentNoteList", "RelatedOpportunitySalesTeam"}, node.ChildText("relatedList"))
}

// between acts after the plan was made and before it is applied.
type between func()

// CheckPlan implements [plancheck.PlanCheck].
func (act between) CheckPlan(context.Context, plancheck.CheckPlanRequest, *plancheck.CheckPlanResponse) {
	act()
}

// Four fragments are made and two changed at once, with a person editing the layout in between. Of everything else, every
// byte that is sent and that is stored stays.
func TestFragmentsLeaveTheRestOfALayout(t *testing.T) {
	for name, switches := range map[string]map[string]string{
		"defaults": nil,
		"strict":   {"salesforce.metadata_element_order": "wsdl", "salesforce.related_list_dependency": "rejected"},
		"encoded":  {"salesforce.layout_name_encoding": "percent"},
		"settings": {"salesforce.settings_full_name": "type_name", "salesforce.settings_update": "replace", "salesforce.related_list_dependency": "rejected"},
	} {
		for _, layout := range []string{"Opportunity-Opportunity Layout", emeaLayout} {
			t.Run(name+"/"+layout, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, switches)
				w.makeEMEA()
				original := w.children(layout, ofTheKit)
				same := func(want []string) {
					t.Helper()
					if got := w.children(layout, ofTheKit); !slices.Equal(got, want) {
						t.Errorf("the rest of the layout changed from\n%s\nto\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
					}
					for _, sent := range w.filter.takeUpdates() {
						for _, part := range want {
							if strings.Contains(sent, `xsi:type="Layout"`) && !strings.Contains(sent, part) {
								t.Errorf("an update of the layout does not hold\n%s\nbut:\n%s", part, sent)
							}
						}
					}
				}
				var edited []string
				person := w.edit("Layout", layout, func(n *metadata.Node) {
					n.Child("layoutSections").SetChildText("label", "Renamed by hand")
					n.Append(metadata.NewNode("relatedLists", metadata.NewText("relatedList", "RelatedFileList")))
					n.SetChildText("showEmailCheckbox", "true")
				})
				empty := []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}
				w.run(
					resource.TestStep{
						Config:           kit(layout, `{ name = "IsPrivate" }`, `"NAME"`),
						ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: empty},
						PostApplyFunc:    func() { same(original) },
					},
					resource.TestStep{ResourceName: sectionAddress, ImportState: true, ImportStateId: layout + "/Microsoft Partner Center", ImportStateVerify: true},
					resource.TestStep{ResourceName: listAddress, ImportState: true, ImportStateId: layout + "/Microsoft_Solution__c.Opportunity__c",
						ImportStateVerify: true, ImportStateVerifyIgnore: []string{"after"}},
					resource.TestStep{
						Config: kit(layout, `{ name = "IsPrivate" }, { name = "Sync_Status__c", behavior = "readonly" }`, `"NAME", "CREATED_DATE"`),
						ConfigPlanChecks: resource.ConfigPlanChecks{
							PreApply: []plancheck.PlanCheck{
								tfcli.Changes(sectionAddress, "fields"), tfcli.Changes(listAddress, "fields"),
								between(func() { person(); edited = w.children(layout, ofTheKit) }),
							},
							PostApplyPostRefresh: empty,
						},
						PostApplyFunc: func() {
							if slices.Equal(edited, original) {
								t.Error("the person's edit was without effect")
							}
							same(edited)
						},
					},
				)
				same(edited) // after destroy
				if component, _ := w.component("Layout", layout); slices.ContainsFunc(component.Node.Children(), ofTheKit) {
					t.Error("destroy left a fragment")
				}
			})
		}
	}
}

func fragments(blocks ...string) string {
	var all strings.Builder
	for _, block := range blocks {
		kind, rest, _ := strings.Cut(block, " ")
		name, attributes, _ := strings.Cut(rest, ":")
		all.WriteString("resource \"cosell_salesforce_" + kind + "\" \"" + name + "\" {\n  object = \"Opportunity\"\n  layout = \"Opportunity Layout\"\n" + attributes + "\n}\n")
	}
	return all.String()
}

func (w *world) lists() []string {
	w.t.Helper()
	layout, _ := w.component("Layout", "Opportunity-Opportunity Layout")
	var names []string
	for _, list := range layout.Node.All("relatedLists") {
		names = append(names, list.ChildText("relatedList"))
	}
	return names
}

// A list comes behind the one that it names, stays where people put it, and moves when the configuration says another place.
func TestListOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	config := func(after string) string { return fragments("related_list test:list = \"RelatedFileList\"\n" + after) }
	behind := func(previous string) func() {
		return func() {
			names := w.lists()
			if at := slices.Index(names, "RelatedFileList"); at < 1 || names[at-1] != previous {
				t.Errorf("the list is not behind %s: %v", previous, names)
			}
		}
	}
	w.run(
		resource.TestStep{Config: config(`after = "RelatedQuoteList"`), ExpectError: regexp.MustCompile(`(?s)after\s+names\s+"RelatedQuoteList".*RelatedPartnerList`)},
		resource.TestStep{Config: config(`after = "RelatedNoteList"`), PostApplyFunc: behind("RelatedNoteList")},
		resource.TestStep{
			PreConfig: w.edit("Layout", "Opportunity-Opportunity Layout", func(n *metadata.Node) {
				lists := n.All("relatedLists")
				files := lists[slices.IndexFunc(lists, func(l *metadata.Node) bool { return l.ChildText("relatedList") == "RelatedFileList" })]
				n.Remove(files)
				n.InsertBefore(lists[0], files)
			}),
			Config:           config(`after = "RelatedNoteList"`),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
		resource.TestStep{Config: config("after = \"RelatedNoteList\"\nexcluded_buttons = [\"Upload\"]"), PostApplyFunc: func() {
			if w.lists()[0] != "RelatedFileList" {
				t.Errorf("a list was moved although its place did not change: %v", w.lists())
			}
		}},
		resource.TestStep{Config: config(`after = "RelatedContactRoleList"`), PostApplyFunc: behind("RelatedContactRoleList")},
		resource.TestStep{Config: config(""), PostApplyFunc: behind("RelatedContactRoleList")},
	)
}

// What the configuration leaves out of a list is not managed; what it no longer names is taken out.
func TestListAttributesLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	config := func(attributes string) string {
		return fragments("related_list test:list = \"RelatedOpportunitySalesTeam\"\n" + attributes)
	}
	list := func() *metadata.Node {
		layout, _ := w.component("Layout", "Opportunity-Opportunity Layout")
		lists := layout.Node.All("relatedLists")
		return lists[slices.IndexFunc(lists, func(l *metadata.Node) bool { return l.ChildText("relatedList") == "RelatedOpportunitySalesTeam" })]
	}
	w.run(
		resource.TestStep{Config: config(`fields = ["MemberName"]`)},
		resource.TestStep{
			PreConfig: w.edit("Layout", "Opportunity-Opportunity Layout", func(n *metadata.Node) {
				for _, l := range n.All("relatedLists") {
					if l.ChildText("relatedList") == "RelatedOpportunitySalesTeam" {
						l.SetChildText("sortField", "MemberName")
						l.SetChildText("quickActions", "Add")
					}
				}
			}),
			Config:           config(`fields = ["membername"]`), // to Salesforce the same
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
		resource.TestStep{Config: config(""), PostApplyFunc: func() {
			if l := list(); l.Child("fields") != nil || l.ChildText("sortField") != "MemberName" || l.ChildText("quickActions") != "Add" {
				t.Errorf("got %s", l)
			}
		}},
	)
}

func TestFragmentGuards(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"salesforce.related_list_dependency": "rejected"})
	section := func(label, fields string) string {
		return fragments(`layout_section test:label = "` + label + `"` + "\nfields = [" + fields + "]")
	}
	w.run(
		resource.TestStep{Config: fragments(`related_list test:list = "RelatedContactRoleList"`),
			ExpectError: regexp.MustCompile(`(?s)has\s+this\s+related\s+list\s+already.*terraform\s+import.*'Opportunity-Opportunity\s+Layout/RelatedContactRoleList'`)},
		resource.TestStep{Config: fragments(`related_list test:list = "RelatedContentNoteList"`),
			ExpectError: regexp.MustCompile(`(?s)RelatedContentNoteList.*cosell_salesforce_settings`)},
		resource.TestStep{Config: fragments(`related_list test:list = "Missing__c.Opportunity__c"`),
			ExpectError: regexp.MustCompile(`(?s)Missing__c.*must\s+exist\s+before`)},
		resource.TestStep{Config: section("System Information", `{ name = "IsPrivate" }`),
			ExpectError: regexp.MustCompile(`(?s)has\s+this\s+layout\s+section\s+already.*terraform\s+import`)},
		resource.TestStep{Config: section("New", `{ name = "NextStep" }`),
			ExpectError: regexp.MustCompile(`(?s)NextStep\s+is\s+in\s+"Opportunity\s+Information"`)},
		resource.TestStep{Config: section("New", `{ name = "Missing__c" }`), ExpectError: regexp.MustCompile(`(?s)Missing__c.*must\s+exist\s+before`)},
		resource.TestStep{Config: section("New", `{ name = "IsPrivate" }`)},
		resource.TestStep{ResourceName: sectionAddress, ImportState: true, ImportStateId: "Opportunity-Other/New", ExpectError: regexp.MustCompile(`(?s)malformed.*Opportunity-Opportunity\s+Layout`)},
		resource.TestStep{ResourceName: sectionAddress, ImportState: true, ImportStateId: "Opportunity-Opportunity Layout/Custom Links", ExpectError: regexp.MustCompile(`non-existent`)},
		resource.TestStep{Config: section("Other", `{ name = "isprivate" }`)}, // replaced: the first gives its field up
	)
}
