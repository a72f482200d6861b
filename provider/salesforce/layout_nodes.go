package salesforce

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// Names of a layout's elements (source: Metadata API Developer Guide, "Layout").
const (
	elementField     = "field"
	elementBehavior  = "behavior"
	elementStyle     = "style"
	elementColumns   = "layoutColumns"
	elementItems     = "layoutItems"
	elementSortField = "sortField"
	elementSortOrder = "sortOrder"
	elementColumn    = "fields"
	elementButton    = "excludeButtons"
)

// Styles of a layout section. The section of custom links is none that holds fields.
const (
	styleOneColumn   = "OneColumn"
	styleTwoColumns  = "TwoColumnsLeftToRight"
	styleCustomLinks = "CustomLinks"
)

// fragmentKind is a kind of node that a layout is made of.
type fragmentKind struct {
	what         string // in messages
	resourceType string
	element, key string // the node's element, and the child that names it
}

var (
	relatedLists   = fragmentKind{"related list", "cosell_salesforce_related_list", "relatedLists", "relatedList"}
	layoutSections = fragmentKind{"layout section", "cosell_salesforce_layout_section", "layoutSections", "label"}
)

// find gives the node of a name, or nil.
func (k fragmentKind) find(layout *metadata.Node, name string) *metadata.Node {
	for _, node := range layout.All(k.element) {
		if strings.EqualFold(node.ChildText(k.key), name) && node.ChildText(elementStyle) != styleCustomLinks {
			return node
		}
	}
	return nil
}

// names lists the nodes of a layout in their order.
func (k fragmentKind) names(layout *metadata.Node) []string {
	var list []string
	for _, node := range layout.All(k.element) {
		if name := node.ChildText(k.key); name != "" {
			list = append(list, name)
		}
	}
	return list
}

// place puts a node behind the one that after names, or at the end of its kind when after is empty. A node that stands there
// already is not touched.
func (k fragmentKind) place(layout, node *metadata.Node, after string) error {
	var previous *metadata.Node
	if after == "" {
		if others := layout.All(k.element); len(others) > 0 {
			previous = others[len(others)-1]
		}
	} else if previous = k.find(layout, after); previous == nil {
		return fmt.Errorf("after names %q, which the layout does not have; it has: %s", after, strings.Join(k.names(layout), ", "))
	}
	siblings := layout.All(k.element)
	at := slices.Index(siblings, node)
	if node == previous || at > 0 && siblings[at-1] == previous {
		return nil
	}
	layout.Remove(node)
	layout.InsertAfter(previous, node)
	return nil
}

// setTexts makes the children of a name carry texts, in order. Children that carry them already are not touched.
func setTexts(node *metadata.Node, name string, texts []string) {
	if slices.Equal(node.ChildTexts(name), texts) {
		return
	}
	node.RemoveAll(name)
	for _, text := range texts {
		node.Append(metadata.NewText(name, text))
	}
}

// item is a place in a section: a field with its behavior. A field that is empty is a blank place; of what is no field, the
// name tells what it is, for example "page:Map".
type item struct{ name, behavior string }

// describeItem reads a node of a section's column.
func describeItem(node *metadata.Node) item {
	it := item{name: node.ChildText(elementField), behavior: node.ChildText(elementBehavior)}
	for _, kind := range []string{"page", "customLink", "component", "canvas", "scontrol", "analyticsCloudComponent", "reportChartComponent"} {
		if content := node.Child(kind); it.name == "" && content != nil {
			it.name = kind + ":" + content.Text()
		}
	}
	return it
}

// sectionItems reads a section row by row: the order in which people read it. A blank place counts where something follows it.
func sectionItems(section *metadata.Node) []item {
	var columns [][]*metadata.Node
	rows := 0
	for _, column := range section.All(elementColumns) {
		columns = append(columns, column.All(elementItems))
		rows = max(rows, len(columns[len(columns)-1]))
	}
	var items []item
	for row := range rows {
		for _, column := range columns {
			if row < len(column) {
				items = append(items, describeItem(column[row]))
			} else {
				items = append(items, item{})
			}
		}
	}
	for len(items) > 0 && items[len(items)-1].name == "" {
		items = items[:len(items)-1]
	}
	return items
}

// sectionColumns gives the number of a section's columns.
func sectionColumns(section *metadata.Node) int {
	if section.ChildText(elementStyle) == styleOneColumn {
		return 1
	}
	return 2
}

// arrange gives a section columns and items, row by row. The nodes of fields that stay are kept with whatever they hold
// beside the behavior; a section that is arranged so already is not touched.
func arrange(section *metadata.Node, columns int, items []item) {
	if sectionColumns(section) != columns || section.Child(elementStyle) == nil {
		style := styleTwoColumns
		if columns == 1 {
			style = styleOneColumn
		}
		section.SetChildText(elementStyle, style)
	}
	if len(section.All(elementColumns)) == columns && slices.Equal(sectionItems(section), items) {
		return
	}
	kept := map[string]*metadata.Node{}
	for _, column := range section.All(elementColumns) {
		for _, node := range column.All(elementItems) {
			kept[strings.ToLower(node.ChildText(elementField))] = node
			column.Remove(node)
		}
	}
	for len(section.All(elementColumns)) < columns {
		section.Append(metadata.NewNode(elementColumns))
	}
	shown := section.All(elementColumns)
	for _, surplus := range shown[columns:] {
		section.Remove(surplus)
	}
	for i, it := range items {
		node := kept[strings.ToLower(it.name)]
		if node == nil {
			node = metadata.NewNode(elementItems, metadata.NewText(elementField, it.name))
		}
		node.SetChildText(elementBehavior, it.behavior)
		shown[i%columns].Append(node)
	}
}

// shownElsewhere tells which of the items' fields stand in other sections of the layout, by field: Salesforce shows a field
// once.
func shownElsewhere(layout, section *metadata.Node, items []item) map[string]string {
	elsewhere := map[string]string{}
	for _, other := range layout.All(layoutSections.element) {
		if other == section {
			continue
		}
		for _, shown := range sectionItems(other) {
			if slices.ContainsFunc(items, func(it item) bool { return shown.name != "" && strings.EqualFold(it.name, shown.name) }) {
				elsewhere[shown.name] = other.ChildText(layoutSections.key)
			}
		}
	}
	return elsewhere
}
