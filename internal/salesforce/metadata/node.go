// Package metadata holds the components of Salesforce's Metadata API as ordered XML trees, and typed structs for the few
// kinds that are written attribute by attribute.
//
// A tree that came from the service keeps the bytes of every element, and of the white space and comments between them.
// Writing it again gives the same bytes for all that was not changed, so a layout or an object survives an update of one of its parts even when it holds elements that this
// program has never heard of.
package metadata

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Namespace of the Metadata API's elements.
const Namespace = "http://soap.sforce.com/2006/04/metadata"

// InstanceNamespace is XML Schema's, for xsi:type and xsi:nil.
const InstanceNamespace = "http://www.w3.org/2001/XMLSchema-instance"

// Node is an element. It has either a text or children. The zero value is not useful: see [NewNode] and [Parse].
type Node struct {
	name     string // without prefix
	attrs    []Attr
	text     string
	children []*Node
	parent   *Node
	raw      []byte // the element's bytes as they came, as long as nothing in it was changed
	before   []byte // white space and comments between the previous sibling, or the start of the parent, and this element
	after    []byte // white space and comments between the last child and the end of this element
}

// Attr is an attribute, its name as written, e.g. "xsi:nil".
type Attr struct{ Name, Value string }

// NewNode makes an element with children.
func NewNode(name string, children ...*Node) *Node {
	n := &Node{name: name}
	for _, child := range children {
		n.Append(child)
	}
	return n
}

// NewText makes an element with a text.
func NewText(name, text string) *Node { return &Node{name: name, text: text} }

// Name is the element's name without prefix.
func (n *Node) Name() string { return n.name }

// Text is the element's character data, entities resolved.
func (n *Node) Text() string { return n.text }

// Attr gives an attribute by its local name, "" when absent.
func (n *Node) Attr(local string) string {
	for _, a := range n.attrs {
		if a.Name == local || strings.HasSuffix(a.Name, ":"+local) {
			return a.Value
		}
	}
	return ""
}

// IsNil reports whether the element says xsi:nil="true".
func (n *Node) IsNil() bool { return n.Attr("nil") == "true" || n.Attr("nil") == "1" }

// Children gives the child elements in document order. The slice is a copy, the nodes are not.
func (n *Node) Children() []*Node { return slices.Clone(n.children) }

// All gives the children of one name, in document order.
func (n *Node) All(name string) []*Node {
	var found []*Node
	for _, child := range n.children {
		if child.name == name {
			found = append(found, child)
		}
	}
	return found
}

// Child gives the first child of a name, or nil.
func (n *Node) Child(name string) *Node {
	for _, child := range n.children {
		if child.name == name {
			return child
		}
	}
	return nil
}

// ChildText gives the text of the first child of a name, or "".
func (n *Node) ChildText(name string) string {
	if child := n.Child(name); child != nil {
		return child.text
	}
	return ""
}

// ChildTexts gives the texts of all children of a name.
func (n *Node) ChildTexts(name string) []string {
	var texts []string
	for _, child := range n.All(name) {
		texts = append(texts, child.text)
	}
	return texts
}

// SetText replaces the element's content by a text.
func (n *Node) SetText(text string) {
	n.touch()
	n.text, n.children, n.after = text, nil, nil
}

// SetChildText sets the text of the first child of a name, appending the child if there is none.
func (n *Node) SetChildText(name, text string) {
	if child := n.Child(name); child != nil {
		if child.text != text || child.children != nil {
			child.SetText(text)
		}
		return
	}
	n.Append(NewText(name, text))
}

// Append adds a child at the end. Children of one name keep their order when written; names are sorted.
func (n *Node) Append(child *Node) { n.InsertAfter(nil, child) }

// InsertAfter adds a child directly after a sibling, or at the end when the sibling is nil or not a child.
func (n *Node) InsertAfter(sibling, child *Node) {
	n.touch()
	child.parent = n
	at := slices.Index(n.children, sibling)
	if at < 0 {
		at = len(n.children) - 1
	}
	n.children = slices.Insert(n.children, at+1, child)
}

// InsertBefore adds a child directly before a sibling, or at the end when the sibling is nil or not a child.
func (n *Node) InsertBefore(sibling, child *Node) {
	at := slices.Index(n.children, sibling)
	if at < 0 {
		n.Append(child)
		return
	}
	n.touch()
	child.parent = n
	n.children = slices.Insert(n.children, at, child)
}

// Remove takes a child out; the white space and comments before it stay. It does nothing when the node is not a child.
func (n *Node) Remove(child *Node) {
	at := slices.Index(n.children, child)
	if at < 0 {
		return
	}
	n.touch()
	n.children = slices.Delete(n.children, at, at+1)
	if at < len(n.children) {
		n.children[at].before = slices.Concat(child.before, n.children[at].before)
	} else {
		n.after = slices.Concat(child.before, n.after)
	}
	child.parent, child.before = nil, nil
}

// RemoveAll takes out all children of a name and gives how many there were.
func (n *Node) RemoveAll(name string) int {
	doomed := n.All(name)
	for _, child := range doomed {
		n.Remove(child)
	}
	return len(doomed)
}

// Clone copies the element and everything in it.
func (n *Node) Clone() *Node {
	c := &Node{name: n.name, attrs: slices.Clone(n.attrs), text: n.text, raw: n.raw, before: n.before, after: n.after}
	for _, child := range n.children {
		copied := child.Clone()
		copied.parent = c
		c.children = append(c.children, copied)
	}
	return c
}

// touch forgets the kept bytes of this element and of all that contain it.
func (n *Node) touch() {
	for at := n; at != nil; at = at.parent {
		at.raw = nil
	}
}

// String gives the element as XML.
func (n *Node) String() string {
	var b bytes.Buffer
	n.write(&b)
	return b.String()
}

// write gives kept bytes where nothing changed. Elsewhere children are sorted by name with fullName first, the order in
// which the service itself writes them; children of one name keep their order, which for lists is their meaning. White space
// and comments that stand before a child stay before it.
func (n *Node) write(b *bytes.Buffer) {
	if n.raw != nil {
		b.Write(n.raw)
		return
	}
	b.WriteByte('<')
	b.WriteString(n.name)
	for _, a := range n.attrs {
		if foreignPrefix(a.Name) {
			continue
		}
		b.WriteString(" " + a.Name + `="`)
		escape(b, a.Value)
		b.WriteByte('"')
	}
	b.WriteByte('>')
	n.writeContent(b)
	b.WriteString("</" + n.name + ">")
}

func (n *Node) writeContent(b *bytes.Buffer) {
	if len(n.children) == 0 {
		escape(b, n.text)
		return
	}
	for _, child := range sorted(n.children) {
		b.Write(child.before)
		child.write(b)
	}
	b.Write(n.after)
}

func sorted(children []*Node) []*Node {
	ordered := slices.Clone(children)
	slices.SortStableFunc(ordered, func(a, b *Node) int {
		if a.name == b.name {
			return 0
		}
		if a.name == "fullName" {
			return -1
		}
		if b.name == "fullName" {
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	return ordered
}

// escape writes character data. Characters that XML 1.0 does not admit become U+FFFD.
func escape(b *bytes.Buffer, s string) {
	// A buffer never fails to take bytes.
	_ = xml.EscapeText(b, []byte(s))
}

// maxDepth bounds nesting. The deepest documented component has about ten levels.
const maxDepth = 100

// Parse reads one XML document or element.
func Parse(data []byte) (*Node, error) {
	p := parser{data: data, decoder: xml.NewDecoder(bytes.NewReader(data))}
	root, err := p.parse()
	if err != nil {
		return nil, fmt.Errorf("read xml: %w", err)
	}
	return root, nil
}

// parser builds nodes from raw tokens, because resolved ones lose the prefixes that kept bytes need.
type parser struct {
	data    []byte
	decoder *xml.Decoder
	root    *Node
	open    []frame
}

type frame struct {
	node      *Node
	qualified string // as written, to match the end tag
	start     int64
	foreign   bool // the bytes use an element prefix or attribute prefix that only this document declares
	text      []byte
	gap       int64 // where the last child, or the start tag, ended
	content   bool  // something other than white space and comments has followed since
}

// between gives the bytes from the last child to an offset, unless there is more than white space and comments: what else may
// stand beside elements says nothing, and must not be sent.
func (p *parser) between(f *frame, offset int64) []byte {
	if f.content {
		return nil
	}
	return p.data[f.gap:offset]
}

func (p *parser) parse() (*Node, error) {
	for {
		start := p.decoder.InputOffset()
		token, err := p.decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := p.start(t, start); err != nil {
				return nil, err
			}
		case xml.EndElement:
			if err := p.end(t, start); err != nil {
				return nil, err
			}
		case xml.CharData:
			if len(p.open) > 0 {
				f := &p.open[len(p.open)-1]
				f.text = append(f.text, t...)
				f.content = f.content || len(bytes.TrimSpace(t)) > 0
			} else if len(bytes.TrimSpace(bytes.TrimPrefix(t, []byte("\ufeff")))) > 0 {
				return nil, errors.New("text outside of the root element")
			}
		case xml.ProcInst:
			if len(p.open) > 0 {
				p.open[len(p.open)-1].content = true
			}
		case xml.Directive:
			return nil, errors.New("document type declarations are not accepted")
		}
	}
	if p.root == nil || len(p.open) > 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return p.root, nil
}

func (p *parser) start(t xml.StartElement, offset int64) error {
	if len(p.open) >= maxDepth {
		return errors.New("elements are nested too deeply")
	}
	if len(p.open) == 0 && p.root != nil {
		return errors.New("more than one root element")
	}
	f := frame{
		node: &Node{name: t.Name.Local}, qualified: qualified(t.Name), start: offset, foreign: t.Name.Space != "", gap: p.decoder.InputOffset(),
	}
	if len(p.open) > 0 {
		f.node.before = p.between(&p.open[len(p.open)-1], offset)
	}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		name := qualified(a.Name)
		f.foreign = f.foreign || foreignPrefix(name)
		f.node.attrs = append(f.node.attrs, Attr{Name: name, Value: a.Value})
	}
	p.open = append(p.open, f)
	return nil
}

func (p *parser) end(t xml.EndElement, offset int64) error {
	if len(p.open) == 0 {
		return fmt.Errorf("unexpected end of %s", t.Name.Local)
	}
	f := &p.open[len(p.open)-1]
	if f.qualified != qualified(t.Name) {
		return fmt.Errorf("%s is closed by %s", f.qualified, qualified(t.Name))
	}
	if len(f.node.children) == 0 {
		f.node.text = string(f.text)
	} else {
		f.node.after = p.between(f, offset)
	}
	if !f.foreign {
		f.node.raw = p.data[f.start:p.decoder.InputOffset()]
	}
	foreign, node := f.foreign, f.node
	p.open = p.open[:len(p.open)-1]
	if len(p.open) == 0 {
		p.root = node
		return nil
	}
	parent := &p.open[len(p.open)-1]
	node.parent = parent.node
	parent.node.children = append(parent.node.children, node)
	parent.foreign = parent.foreign || foreign
	parent.gap, parent.content = p.decoder.InputOffset(), false
	return nil
}

// foreignPrefix reports whether an attribute's prefix is one that our own envelope does not declare.
func foreignPrefix(attribute string) bool {
	prefix, _, prefixed := strings.Cut(attribute, ":")
	return prefixed && prefix != "xsi" && prefix != "xml"
}

func qualified(name xml.Name) string {
	if name.Space == "" {
		return name.Local
	}
	return name.Space + ":" + name.Local
}
