package metadata

import (
	"bytes"
	"encoding/xml"
	"fmt"
)

// Component is one piece of metadata: a type of the Metadata API, e.g. "CustomField", its full name, e.g.
// "Opportunity.Audit__c", and its element tree, whose children include fullName.
type Component struct {
	Type     string
	FullName string
	Node     *Node
}

// New makes a component from elements other than fullName.
func New(kind, fullName string, children ...*Node) Component {
	node := NewNode("metadata", NewText("fullName", fullName))
	for _, child := range children {
		node.Append(child)
	}
	return Component{Type: kind, FullName: fullName, Node: node}
}

// FromRecord reads a record of a readMetadata answer. ok is false for the empty record by which the service says that the
// component does not exist, or that the user may not see it.
func FromRecord(kind string, record *Node) (component Component, ok bool) {
	name := record.ChildText("fullName")
	if record.IsNil() || name == "" {
		return Component{}, false
	}
	if declared := record.Attr("type"); declared != "" {
		kind = declared
	}
	return Component{Type: kind, FullName: name, Node: record}, true
}

// AppendTo writes the component as an element of createMetadata or updateMetadata.
func (c Component) AppendTo(b *bytes.Buffer) {
	b.WriteString(`<metadata xsi:type="`)
	escape(b, c.Type)
	b.WriteString(`">`)
	if c.Node == nil || c.Node.Child("fullName") == nil {
		b.WriteString("<fullName>")
		escape(b, c.FullName)
		b.WriteString("</fullName>")
	}
	if c.Node != nil {
		c.Node.writeContent(b)
	}
	b.WriteString("</metadata>")
}

// Clone copies a component, so that the copy can be changed.
func (c Component) Clone() Component {
	if c.Node != nil {
		c.Node = c.Node.Clone()
	}
	return c
}

// Encode makes a component from one of the typed structs.
func Encode(kind, fullName string, typed any) (Component, error) {
	content, err := encode(typed)
	if err != nil {
		return Component{}, fmt.Errorf("encode %s %s: %w", kind, fullName, err)
	}
	return New(kind, fullName, content...), nil
}

// Decode fills one of the typed structs from a component. Elements that the struct does not name are left aside.
func Decode(component Component, into any) error {
	if component.Node == nil {
		return fmt.Errorf("decode %s %s: it has no content", component.Type, component.FullName)
	}
	if err := xml.Unmarshal([]byte(component.Node.String()), into); err != nil {
		return fmt.Errorf("decode %s %s: %w", component.Type, component.FullName, err)
	}
	return nil
}

// Overlay sets the elements that a typed struct holds on a component that was read, and leaves all others as they are:
// updateMetadata replaces the whole definition. A nil pointer or empty list in the struct leaves the element alone.
func Overlay(component Component, typed any) error {
	content, err := encode(typed)
	if err != nil {
		return fmt.Errorf("encode %s %s: %w", component.Type, component.FullName, err)
	}
	replaced := map[string]bool{}
	for _, element := range content {
		if !replaced[element.name] {
			component.Node.RemoveAll(element.name)
			replaced[element.name] = true
		}
		component.Node.Append(element)
	}
	return nil
}

// encode gives the children of a typed struct, fullName left out.
func encode(typed any) ([]*Node, error) {
	var b bytes.Buffer
	encoder := xml.NewEncoder(&b)
	if err := encoder.EncodeElement(typed, xml.StartElement{Name: xml.Name{Local: "metadata"}}); err != nil {
		return nil, err
	}
	root, err := Parse(b.Bytes())
	if err != nil {
		return nil, err
	}
	root.RemoveAll("fullName")
	return root.Children(), nil
}
