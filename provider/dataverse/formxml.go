package dataverse

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// formSection is what a section of a form holds, as far as it is compared ("Form XML schema").
type formSection struct {
	ID        string      `xml:"id,attr"`
	Name      string      `xml:"name,attr"`
	ShowLabel string      `xml:"showlabel,attr"`
	Columns   string      `xml:"columns,attr"` // one character for each
	Labels    []formLabel `xml:"labels>label"`
	Rows      []struct {
		Cells []struct {
			Control *formControl `xml:"control"`
		} `xml:"cell"`
	} `xml:"rows>row"`
}

type formLabel struct {
	Text string `xml:"description,attr"`
}

type formControl struct {
	ID         string `xml:"id,attr"`
	Column     string `xml:"datafieldname,attr"`
	Disabled   string `xml:"disabled,attr"`
	Parameters struct {
		View         string `xml:"ViewId"`
		Relationship string `xml:"RelationshipName"`
		Table        string `xml:"TargetEntityType"`
		Records      string `xml:"RecordsPerPage"`
	} `xml:"parameters"`
}

// controls lists the section's controls in the order in which people read them.
func (s formSection) controls() []formControl {
	var list []formControl
	for _, row := range s.Rows {
		for _, cell := range row.Cells {
			if cell.Control != nil {
				list = append(list, *cell.Control)
			}
		}
	}
	return list
}

func (s formSection) label() string {
	if len(s.Labels) == 0 {
		return ""
	}
	return s.Labels[0].Text
}

// span is a section within the text of a form.
type span struct {
	start, end int // bytes
	tab        string
	section    formSection
}

// place is where a section can be put: before the end of a tab's first list of sections.
type place struct {
	tab        string
	start, end int // of what is replaced: nothing, or an empty element
	before     string
	after      string
}

// scanForm finds the sections of a form, and the places for new ones, without changing a byte.
func scanForm(text string) (sections []span, places []place, err error) {
	decoder := xml.NewDecoder(strings.NewReader(text))
	var open []string
	var starts []int
	tab, tabs, current := "", 0, ""
	for {
		before := int(decoder.InputOffset())
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return sections, places, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("the form's XML is not readable: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			open, starts = append(open, t.Name.Local), append(starts, before)
			if t.Name.Local == "tab" {
				tabs++
				tab, current = attribute(t, "name"), fmt.Sprint(tabs)
			}
		case xml.EndElement:
			start := starts[len(starts)-1]
			open, starts = open[:len(open)-1], starts[:len(starts)-1]
			end := int(decoder.InputOffset())
			switch t.Name.Local {
			case "section":
				var s formSection
				if err := xml.Unmarshal([]byte(text[start:end]), &s); err != nil {
					return nil, nil, fmt.Errorf("a section of the form is not readable: %w", err)
				}
				sections = append(sections, span{start, end, tab, s})
			case "sections":
				if current == "" {
					continue // the tab has a place already
				}
				current = ""
				if strings.HasSuffix(text[start:end], "/>") {
					places = append(places, place{tab, start, end, "<sections>", "</sections>"})
				} else {
					places = append(places, place{tab: tab, start: before, end: before})
				}
			}
		}
	}
}

func attribute(element xml.StartElement, name string) string {
	for _, a := range element.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// findSection gives the section of a name; ok is false when the form has none.
func findSection(text, name string) (found span, ok bool, err error) {
	sections, _, err := scanForm(text)
	for _, s := range sections {
		if s.section.Name == name {
			return s, true, err
		}
	}
	return span{}, false, err
}

// putSection replaces the section of a name, or adds it to a tab; an empty tab name means the one where it is, or the first. Every other
// byte stays.
func putSection(text, name, tab, section string) (string, error) {
	old, exists, err := findSection(text, name)
	if err != nil {
		return "", err
	}
	if exists && (tab == "" || tab == old.tab) {
		return text[:old.start] + section + text[old.end:], nil
	}
	if exists {
		text = text[:old.start] + text[old.end:]
	}
	_, places, err := scanForm(text)
	if err != nil {
		return "", err
	}
	var names []string
	for _, p := range places {
		if tab == "" || p.tab == tab {
			return text[:p.start] + p.before + section + p.after + text[p.end:], nil
		}
		names = append(names, fmt.Sprintf("%q", p.tab))
	}
	return "", fmt.Errorf("the form has no tab %q; it has: %s", tab, strings.Join(names, ", "))
}

// dropSection takes the section of a name out.
func dropSection(text, name string) (string, error) {
	old, exists, err := findSection(text, name)
	if err != nil || !exists {
		return text, err
	}
	return text[:old.start] + text[old.end:], nil
}

// escaped writes a text for an attribute or an element.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder does not fail
	return b.String()
}
