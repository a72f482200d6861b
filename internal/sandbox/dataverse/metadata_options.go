package dataverse

import (
	"net/http"
	"slices"
	"strings"
)

// readOptions reads the choices of a new column: own ones, or a global choice that it is bound to.
func (c *call) readOptions(e *entity, a *attribute, in map[string]any) *apiError {
	if !a.isChoice() {
		return nil
	}
	if bind, given := in["GlobalOptionSet@odata.bind"].(string); given {
		_, key, _ := strings.Cut(strings.TrimSuffix(bind, ")"), "GlobalOptionSetDefinitions(")
		set := c.findGlobal(key)
		if set == nil {
			return badRequest(codeOptionSetName, "There is no global choice %s.", bind)
		}
		a.global = set.name
		return nil
	}
	sent, _ := in["OptionSet"].(map[string]any)
	if a.kind == kindBoolean {
		a.options = choices(kindBoolean, e.logical+"_"+a.logical, 0, "No", 1, "Yes")
		for i, name := range []string{"FalseOption", "TrueOption"} {
			one, given := sent[name].(map[string]any)
			if !given {
				continue
			}
			l, err := readLabel(one["Label"], nil, false)
			if err != nil {
				return err
			}
			a.options.options[i].Label = l
		}
		a.options.id = c.tx.guid()
		return nil
	}
	if global, _ := sent["IsGlobal"].(bool); global || sent == nil {
		return badRequest(codeOptionSetName, "A choice column needs its own OptionSet, or GlobalOptionSet@odata.bind.")
	}
	set := &optionSet{id: c.tx.guid(), name: e.logical + "_" + a.logical, kind: a.kind, custom: true, display: emptyLabel(), description: emptyLabel()}
	options, err := c.optionList(sent)
	set.options = options
	a.options = set
	return err
}

// optionList reads the Options of a request; a value that is null is given by the publisher's prefix.
func (c *call) optionList(sent map[string]any) ([]option, *apiError) {
	list, _ := sent["Options"].([]any)
	options := []option{}
	for _, entry := range list {
		one, _ := entry.(map[string]any)
		l, err := readLabel(one["Label"], nil, false)
		if err != nil {
			return nil, err
		}
		description, err := readLabel(one["Description"], nil, false)
		if err != nil {
			return nil, err
		}
		value, given := numberOf(one["Value"])
		if !given {
			value = float64(c.nextValue(options, ""))
		}
		if slices.ContainsFunc(options, func(o option) bool { return o.Value == int(value) }) {
			return nil, badRequest(codeArgument, "The option value %d exists twice.", int(value))
		}
		options = append(options, option{Value: int(value), Label: l, Description: description, Color: one["Color"]})
	}
	return options, nil
}

// nextValue is the value that a new option gets: the publisher's option prefix times ten thousand, and up.
func (c *call) nextValue(options []option, solution string) int {
	next := c.publisherOf(solution).int("customizationoptionvalueprefix") * 10000
	for _, o := range options {
		if o.Value >= next {
			next = o.Value + 1
		}
	}
	return next
}

// optionCall reads the body of an action on options and finds the list that it is about.
func (c *call) optionCall() (in map[string]any, set *optionSet, put func(*optionSet), err *apiError) {
	if err := c.mayCustomize(); err != nil {
		return nil, nil, nil, err
	}
	if in, err = c.object(); err != nil {
		return nil, nil, nil, err
	}
	if name, given := in["OptionSetName"].(string); given && name != "" {
		set := c.e.catalog.globals[name]
		if set == nil {
			return nil, nil, nil, badRequest(codeOptionSetName, "There is no global choice with the name %s.", name)
		}
		return in, set, func(next *optionSet) {
			c.tx.saveCatalog()
			c.e.catalog.globals[name] = next
			c.touch("update", "OptionSetMetadata", name, nil)
		}, nil
	}
	table, _ := in["EntityLogicalName"].(string)
	column, _ := in["AttributeLogicalName"].(string)
	e := c.e.catalog.entity(table)
	if e == nil {
		return nil, nil, nil, badRequest(codeNoEntity, "There is no entity with the name %s.", table)
	}
	a := e.attribute(column)
	if a == nil || a.options == nil {
		return nil, nil, nil, badRequest(codeNoAttribute, "'%s' entity doesn't contain a choice column with Name = '%s'.", table, column)
	}
	return in, a.options, func(next *optionSet) {
		changed := a.clone()
		changed.options = next
		c.tx.edit(e).add(changed)
		c.touch("update", "OptionSetMetadata", e.logical+"."+a.logical, nil)
	}, nil
}

func insertOption(c *call) response {
	in, set, put, err := c.optionCall()
	if err != nil {
		return c.failed(err)
	}
	return c.insert(in, set, put, 0)
}

func insertStatus(c *call) response {
	in, set, put, err := c.optionCall()
	if err != nil {
		return c.failed(err)
	}
	state, given := numberOf(in["StateCode"])
	if !given || set.kind != kindStatus {
		return c.failed(badRequest(codeArgument, "InsertStatusValue needs a status column and a StateCode."))
	}
	return c.insert(in, set, put, int(state))
}

func (c *call) insert(in map[string]any, set *optionSet, put func(*optionSet), state int) response {
	l, err := readLabel(in["Label"], nil, false)
	if err != nil {
		return c.failed(err)
	}
	description, err := readLabel(in["Description"], nil, false)
	if err != nil {
		return c.failed(err)
	}
	solution, _ := in["SolutionUniqueName"].(string)
	list := slices.Clone(set.latest())
	value, given := numberOf(in["Value"])
	if !given {
		value = float64(c.nextValue(list, solution))
	}
	if slices.ContainsFunc(list, func(o option) bool { return o.Value == int(value) }) {
		return c.failed(badRequest(codeArgument, "The option value %d exists already in %s.", int(value), set.name))
	}
	next := set.clone()
	list = append(list, option{Value: int(value), Label: l, Description: description, Color: in["Color"], State: state})
	next.draft = list
	put(next)
	return ok(map[string]any{"@odata.context": c.context(namespace + "InsertOptionValueResponse"), "NewOptionValue": int(value)})
}

// changeOption changes one option of a list.
func (c *call) changeOption(in map[string]any, set *optionSet, put func(*optionSet), change func(list []option, at int) ([]option, *apiError)) response {
	value, _ := numberOf(in["Value"])
	list := slices.Clone(set.latest())
	i := slices.IndexFunc(list, func(o option) bool { return o.Value == int(value) })
	if i < 0 {
		return c.failed(badRequest(codeArgument, "The list %s has no option with the value %v.", set.name, in["Value"]))
	}
	changed, err := change(list, i)
	if err != nil {
		return c.failed(err)
	}
	next := set.clone()
	next.draft = changed
	put(next)
	return noContent()
}

func updateOption(c *call) response {
	in, set, put, err := c.optionCall()
	if err != nil {
		return c.failed(err)
	}
	return c.changeOption(in, set, put, func(list []option, at int) ([]option, *apiError) {
		keep, _ := in["MergeLabels"].(bool)
		l, err := readLabel(in["Label"], list[at].Label, keep)
		if err != nil {
			return nil, err
		}
		list[at].Label = l
		if state, given := numberOf(in["DefaultStatusCode"]); given {
			list[at].Default = int(state)
		}
		return list, nil
	})
}

func updateState(c *call) response { return updateOption(c) }

func deleteOption(c *call) response {
	in, set, put, err := c.optionCall()
	if err != nil {
		return c.failed(err)
	}
	if set.kind == kindState || set.kind == kindBoolean {
		return c.failed(badRequest(codeArgument, "Options of %s cannot be deleted.", set.name))
	}
	return c.changeOption(in, set, put, func(list []option, at int) ([]option, *apiError) { return slices.Delete(list, at, at+1), nil })
}

func orderOptions(c *call) response {
	in, set, put, err := c.optionCall()
	if err != nil {
		return c.failed(err)
	}
	values, _ := in["Values"].([]any)
	list := set.latest()
	ordered := []option{}
	for _, v := range values {
		n, _ := numberOf(v)
		i := slices.IndexFunc(list, func(o option) bool { return o.Value == int(n) })
		if i < 0 {
			return c.failed(badRequest(codeArgument, "The list %s has no option with the value %v.", set.name, v))
		}
		ordered = append(ordered, list[i])
	}
	if len(ordered) != len(list) {
		return c.failed(badRequest(codeArgument, "OrderOption needs every value of %s once.", set.name))
	}
	next := set.clone()
	next.draft = ordered
	put(next)
	return noContent()
}

// findGlobal finds a global choice by id or Name='x'.
func (c *call) findGlobal(key string) *optionSet {
	if name, isName := strings.CutPrefix(key, "Name="); isName {
		text, _ := unquote(name)
		return c.e.catalog.globals[text]
	}
	id, _ := normalGUID(key)
	for _, set := range c.e.catalog.globals {
		if set.id == id {
			return set
		}
	}
	return nil
}

// globalOptionSets serves GlobalOptionSetDefinitions.
func (c *call) globalOptionSets(path []segment) response {
	if c.method == http.MethodPatch {
		return c.failed(c.errMetadataPatch())
	}
	if len(path) > 2 || len(path) == 2 && !strings.HasPrefix(path[1].name, namespace) {
		return c.failed(errResource(path[1].name))
	}
	if !path[0].call {
		if c.method == http.MethodPost {
			return c.createGlobal()
		}
		var list []map[string]any
		for _, set := range sortedGlobals(c.e.catalog.globals) {
			list = append(list, c.showGlobal(set))
		}
		return c.answerMetadata("GlobalOptionSetDefinitions", "OptionSetMetadata", list, false, noExpand)
	}
	set := c.findGlobal(path[0].args)
	if set == nil {
		return c.failed(errorf(http.StatusNotFound, codeResource, "Could not find an optionset with the specified key %s.", path[0].args))
	}
	switch c.method {
	case http.MethodPut:
		return c.updateGlobal(set)
	case http.MethodDelete:
		return c.deleteGlobal(set)
	}
	return c.answerMetadata("GlobalOptionSetDefinitions", "OptionSetMetadata", []map[string]any{c.showGlobal(set)}, true, noExpand)
}

func (c *call) showGlobal(set *optionSet) map[string]any {
	out := set.show(false)
	out["@odata.type"] = "#" + namespace + "OptionSetMetadata"
	return out
}

func sortedGlobals(globals map[string]*optionSet) []*optionSet {
	var list []*optionSet
	for _, set := range globals {
		list = append(list, set)
	}
	slices.SortFunc(list, func(a, b *optionSet) int { return strings.Compare(a.name, b.name) })
	return list
}

func (c *call) createGlobal() response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	name, _ := in["Name"].(string)
	if err := c.checkSchemaName(name); err != nil {
		return c.failed(err)
	}
	if c.e.catalog.globals[name] != nil {
		return c.failed(badRequest(codeOptionSetName, "An OptionSet with the specified name %s already exists.", name))
	}
	set := &optionSet{id: c.tx.guid(), name: name, global: true, custom: true, kind: kindPicklist}
	if set.options, err = c.optionList(in); err != nil {
		return c.failed(err)
	}
	if set.display, err = readLabel(in["DisplayName"], nil, false); err != nil {
		return c.failed(err)
	}
	if set.description, err = readLabel(in["Description"], nil, false); err != nil {
		return c.failed(err)
	}
	c.tx.saveCatalog()
	c.e.catalog.globals[name] = set
	if err := c.addToSolution(componentOptionSet, set.id); err != nil {
		return c.failed(err)
	}
	c.touch("create", "OptionSetMetadata", name, nil)
	return response{status: http.StatusNoContent, header: entityID(c.e.url("GlobalOptionSetDefinitions(%s)", set.id))}
}

func (c *call) updateGlobal(set *optionSet) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	in, err := c.object()
	if err != nil {
		return c.failed(err)
	}
	keep := strings.EqualFold(c.header.Get("MSCRM.MergeLabels"), "true")
	next := set.clone()
	if next.display, err = readLabel(in["DisplayName"], set.display, keep); err != nil {
		return c.failed(err)
	}
	if next.description, err = readLabel(in["Description"], set.description, keep); err != nil {
		return c.failed(err)
	}
	c.tx.saveCatalog()
	c.e.catalog.globals[set.name] = next
	c.touch("update", "OptionSetMetadata", set.name, nil)
	return noContent()
}

func (c *call) deleteGlobal(set *optionSet) response {
	if err := c.mayCustomize(); err != nil {
		return c.failed(err)
	}
	var users []string
	for _, name := range c.e.catalog.order {
		for _, a := range c.e.catalog.entity(name).attributes {
			if a.global == set.name {
				users = append(users, name+"."+a.logical)
			}
		}
	}
	if err := c.blocked(users); err != nil {
		return c.failed(err)
	}
	c.tx.saveCatalog()
	delete(c.e.catalog.globals, set.name)
	c.dropComponents(set.id)
	c.touch("delete", "OptionSetMetadata", set.name, nil)
	return noContent()
}
