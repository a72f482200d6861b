package salesforce

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Namespaces of the SOAP Metadata API.
const (
	nsMetadata = "http://soap.sforce.com/2006/04/metadata"
	nsEnvelope = "http://schemas.xmlsoap.org/soap/envelope/"
	nsInstance = "http://www.w3.org/2001/XMLSchema-instance"
)

// node is an XML element: text, or child elements in order. Comments and the space between elements are dropped.
type node struct {
	name     string // local name
	space    string // namespace
	typeName string // local part of xsi:type
	isNil    bool   // xsi:nil
	text     string
	children []*node
}

const maxXMLDepth = 40

// parseXML reads one document into a tree.
func parseXML(r io.Reader) (*node, error) {
	dec := xml.NewDecoder(r)
	for {
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		if start, isStart := tok.(xml.StartElement); isStart {
			return parseElement(dec, start, 0)
		}
	}
}

func parseElement(dec *xml.Decoder, start xml.StartElement, depth int) (*node, error) {
	if depth > maxXMLDepth {
		return nil, errors.New("the document is too deeply nested")
	}
	n := &node{name: start.Name.Local, space: start.Name.Space}
	for _, a := range start.Attr {
		if a.Name.Space != nsInstance {
			continue
		}
		switch a.Name.Local {
		case "type":
			n.typeName = a.Value[strings.LastIndexByte(a.Value, ':')+1:]
		case "nil":
			n.isNil = a.Value == "true" || a.Value == "1"
		}
	}
	var text strings.Builder
	for {
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			child, err := parseElement(dec, t, depth+1)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, child)
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			if len(n.children) == 0 {
				n.text = strings.TrimSpace(text.String()) // the server trims string values on save
			}
			return n, nil
		}
	}
}

func leaf(name, text string) *node { return &node{name: name, space: nsMetadata, text: text} }

func branch(name string, children ...*node) *node {
	return &node{name: name, space: nsMetadata, children: children}
}

// child returns the first child element with a name, or nil.
func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// value returns the text of a child element; an absent or nil element reads as empty.
func (n *node) value(name string) string {
	if c := n.child(name); c != nil && !c.isNil {
		return c.text
	}
	return ""
}

func (n *node) all(name string) []*node {
	var list []*node
	for _, c := range n.children {
		if c.name == name {
			list = append(list, c)
		}
	}
	return list
}

// put sets the text of a child element, adding it if it is absent.
func (n *node) put(name, text string) {
	if c := n.child(name); c != nil {
		c.text, c.children, c.isNil = text, nil, false
		return
	}
	n.children = append(n.children, leaf(name, text))
}

func (n *node) drop(name string) {
	n.children = slices.DeleteFunc(n.children, func(c *node) bool { return c.name == name })
}

func (n *node) clone() *node {
	c := *n
	c.children = make([]*node, len(n.children))
	for i, child := range n.children {
		c.children[i] = child.clone()
	}
	return &c
}

// sorted orders the children as the WSDL does: fullName first, then by name; repeated elements keep their order.
func (n *node) sorted() *node {
	slices.SortStableFunc(n.children, func(a, b *node) int {
		return strings.Compare(sortKey(a.name), sortKey(b.name))
	})
	return n
}

func sortKey(name string) string {
	if name == "fullName" {
		return ""
	}
	return name
}

// write renders the element without namespace prefixes; the envelope declares the default namespace.
func (n *node) write(b *strings.Builder) {
	fmt.Fprintf(b, "<%s", n.name)
	if n.typeName != "" {
		fmt.Fprintf(b, ` xsi:type="%s"`, n.typeName)
	}
	if n.isNil {
		b.WriteString(` xsi:nil="true"/>`)
		return
	}
	if n.text == "" && len(n.children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	_ = xml.EscapeText(b, []byte(n.text)) // a strings.Builder does not fail
	for _, c := range n.children {
		c.write(b)
	}
	fmt.Fprintf(b, "</%s>", n.name)
}
