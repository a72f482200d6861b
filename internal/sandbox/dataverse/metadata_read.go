package dataverse

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// definition is one thing of metadata as a filter or a select sees it.
type definition struct {
	props map[string]any
	at    time.Time
	kind  string
}

func (d definition) get(path []string) (any, bool) {
	var value any = d.props
	for _, name := range path {
		m, isMap := value.(map[string]any)
		if !isMap {
			return nil, false
		}
		next, known := m[name]
		if !known {
			return nil, false
		}
		value = next
	}
	return value, true
}

func (d definition) follow([]string) ([]source, bool) { return nil, false }
func (d definition) edm([]string) string              { return "" }
func (d definition) name() string                     { return d.kind }
func (d definition) now() time.Time                   { return d.at }

// answerMetadata answers a read of definitions: a list, or with one the only one. Collections of metadata are not paged
// (query-metadata-web-api).
func (c *call) answerMetadata(context, kind string, list []map[string]any, one bool, expand func(props map[string]any, name string, o options) *apiError) response {
	if c.method != http.MethodGet {
		return c.failed(errMethod(c.method))
	}
	if err := c.allow("$select", "$filter", "$expand"); err != nil {
		return c.failed(err)
	}
	key := c.r.URL.RequestURI()
	fresh := strings.EqualFold(c.header.Get("Consistency"), "Strong") || c.e.is(switchMetadataCache, "none")
	if old, known := c.e.cache[key]; known && !fresh && c.e.kit.Clock.Now().Sub(old.at) < 30*time.Second {
		return old.response
	}
	resp := c.selectMetadata(context, kind, list, one, expand)
	if resp.status == http.StatusOK && !c.e.is(switchMetadataCache, "none") {
		c.e.cache[key] = cached{c.e.kit.Clock.Now(), resp}
	}
	return resp
}

func (c *call) selectMetadata(context, kind string, list []map[string]any, one bool, expand func(map[string]any, string, options) *apiError) response {
	o, err := c.options()
	if err != nil {
		return c.failed(err)
	}
	shown := []any{}
	for _, props := range list {
		keep := true
		if o.filter != nil {
			if keep, err = matches(o.filter, definition{props, c.e.now(), kind}); err != nil {
				return c.failed(err)
			}
		}
		if !keep {
			continue
		}
		out, err := pick(props, o.selected, kind)
		if err != nil {
			return c.failed(err)
		}
		for _, ex := range o.expand {
			if err := expand(out, ex.name, ex.options); err != nil {
				return c.failed(err)
			}
		}
		shown = append(shown, out)
	}
	if one {
		out, _ := shown[0].(map[string]any)
		out["@odata.context"] = c.context(context + "/$entity")
		return ok(out)
	}
	return ok(map[string]any{"@odata.context": c.context(context), "value": shown})
}

// pick copies the selected properties; the type and the id always come along.
func pick(props map[string]any, selected []string, kind string) (map[string]any, *apiError) {
	if selected == nil {
		return maps.Clone(props), nil
	}
	out := map[string]any{}
	for _, name := range slices.Concat(selected, []string{"@odata.type", "MetadataId"}) {
		value, known := props[name]
		if !known && name != "@odata.type" {
			return nil, errProperty(name, kind)
		}
		if known {
			out[name] = value
		}
	}
	return out, nil
}

func noExpand(_ map[string]any, name string, _ options) *apiError {
	return badRequest(codeResource, "The property '%s' cannot be expanded.", name)
}

// findEntity reads the key of an EntityDefinitions segment.
func (c *call) findEntity(s segment) (*entity, *apiError) {
	pairs := strings.TrimSpace(s.args)
	if name, isName := strings.CutPrefix(pairs, "LogicalName="); isName {
		logical, _ := unquote(name)
		if e := c.e.catalog.entity(logical); e != nil {
			return e, nil
		}
		return nil, errorf(http.StatusNotFound, codeResource, "Could not find an entity with the specified name: LogicalName='%s'.", logical)
	}
	id, _ := normalGUID(strings.TrimPrefix(pairs, "MetadataId="))
	if e := c.e.catalog.byID(id); e != nil {
		return e, nil
	}
	return nil, errorf(http.StatusNotFound, codeNoEntity, "Could not find an entity with the specified key: %s.", pairs)
}

// findAttribute reads the key of an Attributes segment.
func findAttribute(e *entity, s segment) (*attribute, *apiError) {
	pairs := strings.TrimSpace(s.args)
	name, isName := strings.CutPrefix(pairs, "LogicalName=")
	logical, _ := unquote(name)
	id, _ := normalGUID(strings.TrimPrefix(pairs, "MetadataId="))
	for _, a := range e.attributes {
		if !a.hidden && (isName && a.logical == logical || !isName && a.id == id) {
			return a, nil
		}
	}
	return nil, errorf(http.StatusNotFound, codeResource, "Could not find an attribute with the specified key %s on the entity '%s'.", pairs, e.logical)
}

// showAttribute is a column's definition; without a cast only what every column has.
func showAttribute(a *attribute, full bool) map[string]any {
	out := map[string]any{"@odata.type": "#" + namespace + metadataType(a.kind)}
	for name, value := range a.props {
		if full || isBase(name) {
			out[name] = value
		}
	}
	return out
}

// expandColumn adds the choices of a column.
func (c *call) expandColumn(out map[string]any, a *attribute, ex string, o options) *apiError {
	set := c.e.catalog.optionsOf(a)
	if set == nil || ex != "OptionSet" && ex != "GlobalOptionSet" {
		return badRequest(codeResource, "The property '%s' cannot be expanded on a column of type %s.", ex, a.kind)
	}
	if ex == "GlobalOptionSet" && a.global == "" || ex == "OptionSet" && a.global != "" {
		out[ex] = nil
		return nil
	}
	shown := set.show(false)
	for _, nested := range o.expand {
		if nested.name != "Options" {
			return badRequest(codeResource, "The property '%s' cannot be expanded.", nested.name)
		}
	}
	picked, err := pick(shown, o.selected, "OptionSetMetadata")
	out[ex] = picked
	return err
}
