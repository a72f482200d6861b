package salesforce

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// seedLayoutXML has the shape of the layout that a new org comes with.
const seedLayoutXML = `<metadata xmlns="` + nsMetadata + `"><fullName>Opportunity-Opportunity Layout</fullName>
<excludeButtons>Submit</excludeButtons>
<layoutSections><customLabel>false</customLabel><detailHeading>false</detailHeading><editHeading>true</editHeading><label>Opportunity Information</label>
<layoutColumns><layoutItems><behavior>Edit</behavior><field>OwnerId</field></layoutItems><layoutItems><behavior>Required</behavior><field>Name</field></layoutItems>
<layoutItems><behavior>Edit</behavior><field>AccountId</field></layoutItems><layoutItems><behavior>Edit</behavior><field>Type</field></layoutItems>
<layoutItems><behavior>Edit</behavior><field>LeadSource</field></layoutItems></layoutColumns>
<layoutColumns><layoutItems><behavior>Edit</behavior><field>Amount</field></layoutItems><layoutItems><behavior>Required</behavior><field>CloseDate</field></layoutItems>
<layoutItems><behavior>Edit</behavior><field>NextStep</field></layoutItems><layoutItems><behavior>Required</behavior><field>StageName</field></layoutItems>
<layoutItems><behavior>Edit</behavior><field>Probability</field></layoutItems></layoutColumns><style>TwoColumnsTopToBottom</style></layoutSections>
<layoutSections><customLabel>false</customLabel><detailHeading>false</detailHeading><editHeading>true</editHeading><label>System Information</label>
<layoutColumns><layoutItems><behavior>Readonly</behavior><field>CreatedById</field></layoutItems></layoutColumns>
<layoutColumns><layoutItems><behavior>Readonly</behavior><field>LastModifiedById</field></layoutItems></layoutColumns><style>TwoColumnsTopToBottom</style></layoutSections>
<layoutSections><customLabel>false</customLabel><detailHeading>false</detailHeading><editHeading>true</editHeading><label>Description Information</label>
<layoutColumns><layoutItems><behavior>Edit</behavior><field>Description</field></layoutItems></layoutColumns><style>OneColumn</style></layoutSections>
<layoutSections><customLabel>true</customLabel><detailHeading>false</detailHeading><editHeading>false</editHeading><label>Custom Links</label>
<layoutColumns/><layoutColumns/><layoutColumns/><style>CustomLinks</style></layoutSections>
<relatedLists><fields>TASK.SUBJECT</fields><fields>TASK.WHO_NAME</fields><fields>ACTIVITY.TASK</fields><fields>TASK.DUE_DATE</fields><relatedList>RelatedActivityList</relatedList></relatedLists>
<relatedLists><fields>TASK.SUBJECT</fields><fields>TASK.WHO_NAME</fields><fields>ACTIVITY.TASK</fields><fields>TASK.LAST_UPDATE</fields><relatedList>RelatedHistoryList</relatedList></relatedLists>
<relatedLists><relatedList>RelatedNoteList</relatedList></relatedLists>
<relatedLists><fields>ContactName</fields><fields>Role</fields><fields>IsPrimary</fields><relatedList>RelatedContactRoleList</relatedList></relatedLists>
<relatedLists><fields>PartnerAccount</fields><fields>Role</fields><relatedList>RelatedPartnerList</relatedList></relatedLists>
<relatedLists><fields>StageName</fields><fields>Amount</fields><fields>CloseDate</fields><relatedList>RelatedOpportunityHistoryList</relatedList></relatedLists>
<showEmailCheckbox>false</showEmailCheckbox><showHighlightsPanel>false</showHighlightsPanel><showInteractionLogPanel>false</showInteractionLogPanel>
<showRunAssignmentRulesCheckbox>false</showRunAssignmentRulesCheckbox><showSubmitAndAttachButton>false</showSubmitAndAttachButton></metadata>`

const seedLayoutName = "Opportunity-Opportunity Layout"

func (o *Org) seedLayout() error {
	n, err := parseXML(strings.NewReader(seedLayoutXML))
	if err != nil {
		return fmt.Errorf("salesforce: parse the seed layout: %w", err)
	}
	now, admin := o.now(), o.opts.Provider.UserID
	o.setup.layouts[seedLayoutName] = &component{id: o.ids.make("00h"), node: n, createdBy: admin, modifiedBy: admin, createdAt: now, modifiedAt: now}
	return nil
}

// standardLists are the related lists of an opportunity that come with the platform.
var standardLists = []string{"RelatedContentNoteList", "RelatedNoteList", "RelatedFileList", "RelatedOpportunitySalesTeam", "RelatedContactRoleList",
	"RelatedLineItemList", "RelatedPartnerList", "RelatedCompetitorList", "RelatedOpportunityHistoryList", "RelatedQuoteList", "RelatedActivityList",
	"RelatedHistoryList"}

// layoutRequired are the fields that every opportunity layout must show.
var layoutRequired = []string{"Name", "CloseDate", "StageName"}

func layoutKind() *metadataKind {
	k := &metadataKind{name: "Layout", directory: "layouts", suffix: "layout"}
	k.names = func(o *Org) []string { return slices.Sorted(maps.Keys(o.setup.layouts)) }
	k.find = func(o *Org, name string) *component { return o.setup.layouts[name] }
	k.read = func(c *metadataCall, name string) *node {
		comp := c.o.setup.layouts[name]
		if comp == nil {
			return nil
		}
		n := comp.node.clone()
		n.put("fullName", k.shownName(c.o, name))
		return n
	}
	k.create = func(c *metadataCall, name string, n *node) *metadataError {
		if c.o.setup.layouts[name] != nil {
			return refuse(c.o.kit.Switches.Get(switchDuplicateCode), "There is already a Layout named %s.", name)
		}
		if err := c.checkLayout(name, n); err != nil {
			return err
		}
		c.tx.store(c.o.setup.layouts, name, c.newComponent("00h", n))
		return nil
	}
	k.update = func(c *metadataCall, name string, n *node) *metadataError {
		if err := c.checkLayout(name, n); err != nil {
			return err
		}
		c.tx.store(c.o.setup.layouts, name, c.changedComponent(c.o.setup.layouts[name], n))
		return nil
	}
	k.remove = func(c *metadataCall, name string) *metadataError {
		if name == seedLayoutName {
			return refuse("DELETE_FAILED", "Cannot delete the only page layout of Opportunity")
		}
		c.tx.store(c.o.setup.layouts, name, nil)
		return nil
	}
	return k
}

// decodeLayoutName accepts a full name in plain and in percent-encoded form.
func decodeLayoutName(name string) string {
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}

// encodeLayoutName escapes the characters that retrieved file names escape; spaces stay.
func encodeLayoutName(name string) string {
	return strings.NewReplacer("%", "%25", "(", "%28", ")", "%29", "&", "%26", "/", "%2F").Replace(name)
}

// checkLayout refuses references to what does not exist. The tree itself is stored as it came.
func (c *metadataCall) checkLayout(name string, n *node) *metadataError {
	objectName, layoutName, _ := strings.Cut(name, "-")
	obj := c.o.data.object(objectName)
	if obj == nil || layoutName == "" {
		return refuse("INVALID_CROSS_REFERENCE_KEY", "In field: fullName - no CustomObject named %s found", objectName)
	}
	shown := map[string]bool{}
	for _, section := range n.all("layoutSections") {
		if section.value("style") == "" {
			return refuse("REQUIRED_FIELD_MISSING", "Must specify 'style' for a LayoutSection")
		}
		for _, column := range section.all("layoutColumns") {
			if err := c.checkItems(obj, column, shown); err != nil {
				return err
			}
		}
	}
	if obj.Name == "Opportunity" {
		for _, required := range layoutRequired {
			if !shown[required] {
				return integrity("Layout must contain an item for required layout field: %s", required)
			}
		}
	}
	lists := map[string]bool{}
	for _, list := range n.all("relatedLists") {
		if err := c.checkRelatedList(obj, list, lists); err != nil {
			return err
		}
	}
	n.typeName = ""
	n.put("fullName", name)
	return nil
}

func (c *metadataCall) checkItems(obj *object, column *node, shown map[string]bool) *metadataError {
	for _, item := range column.all("layoutItems") {
		name := item.value("field")
		if name == "" {
			continue
		}
		f := obj.field(name)
		if f == nil {
			return refuse("INVALID_CROSS_REFERENCE_KEY", "In field: field - no CustomField named %s.%s found", obj.Name, name)
		}
		if shown[f.Name] {
			return integrity("Field:%s is present more than once on the layout", f.Name)
		}
		if f.Required && item.value("behavior") != "Required" {
			return integrity("Field %s must be Required", f.Name)
		}
		shown[f.Name] = true
	}
	return nil
}

func (c *metadataCall) checkRelatedList(obj *object, list *node, seen map[string]bool) *metadataError {
	name := list.value("relatedList")
	if seen[name] {
		return integrity("Related list:%s is present more than once on the layout", name)
	}
	seen[name] = true
	child, lookup, isChild := strings.Cut(name, ".")
	if !isChild {
		if !slices.Contains(standardLists, name) {
			return integrity("Invalid related list:%s", name)
		}
		strict := c.o.kit.Switches.Is(switchRelatedListCheck, "rejected")
		if strict && (name == "RelatedOpportunitySalesTeam" && !c.o.opportunityTeams() || name == "RelatedContentNoteList" && !c.o.enhancedNotes()) {
			return integrity("Invalid related list:%s", name)
		}
		return nil
	}
	childObject, f := c.o.fieldNamed(child + "." + lookup)
	if f == nil || !slices.Contains(f.ReferenceTo, obj.Name) {
		return refuse("INVALID_CROSS_REFERENCE_KEY", "In field: relatedList - no CustomField named %s found", name)
	}
	columns := list.all("fields")
	if sort := list.child("sortField"); sort != nil {
		columns = append(slices.Clone(columns), sort)
	}
	for _, column := range columns {
		if strings.HasSuffix(column.text, "__c") && childObject.field(column.text[strings.LastIndexByte(column.text, '.')+1:]) == nil {
			return refuse("INVALID_CROSS_REFERENCE_KEY", "In field: fields - no CustomField named %s.%s found", childObject.Name, column.text)
		}
	}
	return nil
}

func (o *Org) enhancedNotes() bool {
	return o.settingsOf("EnhancedNotesSettings").node.value("enableEnhancedNotes") == "true"
}

// editLayouts applies a change to a copy of every layout and stores those that changed.
func (c *metadataCall) editLayouts(change func(object string, n *node) bool) {
	for _, name := range slices.Sorted(maps.Keys(c.o.setup.layouts)) {
		old := c.o.setup.layouts[name]
		objectName, _, _ := strings.Cut(name, "-")
		if next := old.node.clone(); change(objectName, next) {
			c.tx.store(c.o.setup.layouts, name, c.changedComponent(old, next))
		}
	}
}

// dropFromLayouts takes a deleted field off the layouts of its object and off the related lists that show it.
func (c *metadataCall) dropFromLayouts(obj *object, f *field) {
	c.editLayouts(func(objectName string, n *node) bool {
		changed := false
		remove := func(parent *node, unwanted func(*node) bool) {
			before := len(parent.children)
			parent.children = slices.DeleteFunc(parent.children, unwanted)
			changed = changed || len(parent.children) != before
		}
		if strings.EqualFold(objectName, obj.Name) {
			for _, section := range n.all("layoutSections") {
				for _, column := range section.all("layoutColumns") {
					remove(column, func(item *node) bool { return strings.EqualFold(item.value("field"), f.Name) })
				}
			}
		}
		remove(n, func(list *node) bool { return strings.EqualFold(list.value("relatedList"), obj.Name+"."+f.Name) })
		for _, list := range n.all("relatedLists") {
			if strings.HasPrefix(strings.ToLower(list.value("relatedList")), strings.ToLower(obj.Name)+".") {
				remove(list, func(column *node) bool {
					return (column.name == "fields" || column.name == "sortField") && strings.EqualFold(column.text, f.Name)
				})
			}
		}
		return changed
	})
}

func (c *metadataCall) dropRelatedList(name string) {
	c.editLayouts(func(_ string, n *node) bool {
		before := len(n.children)
		n.children = slices.DeleteFunc(n.children, func(list *node) bool { return list.value("relatedList") == name })
		return len(n.children) != before
	})
}
