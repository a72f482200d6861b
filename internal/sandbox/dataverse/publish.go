package dataverse

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// publishXML publishes what the parameter XML names.
func publishXML(c *call) response {
	if err := c.mayCustomize(privilegePublish); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	parameters, _ := in["ParameterXml"].(string)
	named, err := c.readPublish(parameters)
	if err != nil {
		return c.failed(err)
	}
	for _, name := range named["entity"] {
		e := c.e.catalog.entity(name)
		if e == nil {
			return c.failed(badRequest(codeNoEntity, "The entity %s of the parameter XML does not exist.", name))
		}
		c.publishEntity(e)
	}
	for _, name := range named["optionset"] {
		set := c.e.catalog.globals[name]
		if set == nil {
			return c.failed(badRequest(codeOptionSetName, "The option set %s of the parameter XML does not exist.", name))
		}
		c.publishGlobal(set)
	}
	c.touch("publish", "Customizations", strings.Join(append(named["entity"], named["optionset"]...), ","), nil)
	return noContent()
}

// otherElements are elements of the parameter XML that name what the environment has none of.
var otherElements = map[string]bool{"ribbons": true, "dashboards": true, "sitemaps": true, "webresources": true, "workflows": true, "settings": true}

// readPublish reads the names out of the parameter XML.
func (c *call) readPublish(text string) (map[string][]string, *apiError) {
	dec := xml.NewDecoder(strings.NewReader(text))
	named := map[string][]string{}
	var open []string
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, badRequest(codeArgument, "The ParameterXml is not valid: %v.", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			open = append(open, t.Name.Local)
			if len(open) == 2 && otherElements[t.Name.Local] && c.e.is(switchPublishElements, refused) {
				return nil, badRequest(codeArgument, "The element %s of the ParameterXml is not supported.", t.Name.Local)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 3 {
				named[open[2]] = append(named[open[2]], strings.TrimSpace(string(t)))
			}
			if len(open) > 0 && open[0] != "importexportxml" {
				return nil, badRequest(codeArgument, "The ParameterXml must be an importexportxml element.")
			}
		}
	}
	return named, nil
}

func publishAll(c *call) response {
	if err := c.mayCustomize(privilegePublish); err != nil {
		return c.failed(err)
	}
	for _, name := range c.e.catalog.order {
		c.publishEntity(c.e.catalog.entity(name))
	}
	for _, set := range sortedGlobals(c.e.catalog.globals) {
		c.publishGlobal(set)
	}
	c.touch("publish", "Customizations", "", nil)
	return noContent()
}

// publishEntity makes the drafts of a table, its columns, options, forms and views what everybody sees.
func (c *call) publishEntity(e *entity) {
	next := c.tx.edit(e)
	if next.draft != nil {
		next.props, next.draft = next.draft, nil
	}
	for name, a := range next.attributes {
		if a.draft == nil && (a.options == nil || a.options.draft == nil) {
			continue
		}
		published := a.clone()
		if published.draft != nil {
			published.props, published.draft = published.draft, nil
		}
		if published.options != nil && published.options.draft != nil {
			published.options = published.options.published()
		}
		next.attributes[name] = published
	}
	for _, layered := range []struct{ table, column string }{{"systemform", "objecttypecode"}, {"savedquery", "returnedtypecode"}} {
		for _, rec := range c.e.table(layered.table).with(layered.column, e.logical) {
			if rec.draft == nil {
				continue
			}
			published := rec.clone()
			for name, value := range rec.draft {
				published.set(name, value)
			}
			published.draft = nil
			c.tx.put(published)
		}
	}
}

func (s *optionSet) published() *optionSet {
	next := s.clone()
	next.options, next.draft = s.draft, nil
	return next
}

func (c *call) publishGlobal(set *optionSet) {
	if set.draft == nil {
		return
	}
	c.tx.saveCatalog()
	c.e.catalog.globals[set.name] = set.published()
}
