package dataverse

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Component types (reference/entities/solutioncomponent).
const (
	componentEntity       = 1
	componentAttribute    = 2
	componentOptionSet    = 9
	componentRelationship = 10
	componentKey          = 14
)

// rowComponents are the component types of rows that belong to solutions.
var rowComponents = map[string]int{
	"role": 20, "savedquery": 26, "workflow": 29, "systemform": 60, "sdkmessageprocessingstep": 92, "sdkmessageprocessingstepimage": 93,
	"serviceendpoint": 95, "environmentvariabledefinition": 380, "environmentvariablevalue": 381,
}

// componentType is the component type of rows of a table; connection references have one that differs between organizations.
func (e *Environment) componentType(table string) (int, bool) {
	if table == "connectionreference" {
		if found := e.table("solutioncomponentdefinition").with("primaryentityname", table); len(found) > 0 {
			return found[0].int("solutioncomponenttype"), true
		}
	}
	n, known := rowComponents[table]
	return n, known
}

// solution finds a solution by its unique name, or nil.
func (e *Environment) solution(name string) *record {
	if found := e.table("solution").with("uniquename", name); len(found) > 0 {
		return found[0]
	}
	return nil
}

// publisherOf is the publisher of a solution; of the default solution where none is named.
func (c *call) publisherOf(solution string) *record {
	if solution == "" {
		solution = c.header.Get("MSCRM.SolutionUniqueName")
	}
	rec := c.e.solution(solution)
	if rec == nil {
		rec = c.e.find("solution", c.e.names.defaultSolution)
	}
	return c.e.find("publisher", rec.ref("publisherid").id)
}

// addToSolution puts a component into the solution that the request names, or into the default one.
func (c *call) addToSolution(kind int, id string) *apiError {
	name := c.header.Get("MSCRM.SolutionUniqueName")
	if name == "" {
		name = c.query.Get("SolutionUniqueName")
	}
	if name == "" {
		name = "Default"
	}
	solution := c.e.solution(name)
	if solution == nil {
		return badRequest(codeNotFound, "The solution %s does not exist.", name)
	}
	if solution.yes("ismanaged") {
		return badRequest(codeOperation, "The solution %s is managed; nothing can be added to it.", name)
	}
	c.placeComponent(solution.id, kind, id)
	return nil
}

func (c *call) placeComponent(solution string, kind int, id string) {
	for _, rec := range c.e.table("solutioncomponent").with("objectid", id) {
		if rec.ref("solutionid").id == solution {
			return
		}
	}
	c.e.born(c.tx, "solutioncomponent", c.tx.guid(), map[string]any{
		"componenttype": int64(kind), "objectid": id, "rootcomponentbehavior": int64(0), "solutionid": ref{"solution", solution},
	})
}

// dropComponents takes something that is gone out of all solutions.
func (c *call) dropComponents(id string) {
	for _, rec := range c.e.table("solutioncomponent").with("objectid", id) {
		c.tx.erase(rec)
	}
}

// componentCall reads what AddSolutionComponent and RemoveSolutionComponent are about.
func (c *call) componentCall() (solution *record, id string, kind int, err *apiError) {
	if err := c.mayCustomize(); err != nil {
		return nil, "", 0, err
	}
	in, err := c.object()
	if err != nil {
		return nil, "", 0, err
	}
	name, _ := in["SolutionUniqueName"].(string)
	if solution = c.e.solution(name); solution == nil {
		return nil, "", 0, badRequest(codeNotFound, "The solution %s does not exist.", name)
	}
	sent, _ := in["ComponentId"].(string)
	if component, given := in["SolutionComponent"].(map[string]any); given {
		for _, value := range component {
			if text, isText := value.(string); isText && sent == "" {
				if id, isGUID := normalGUID(text); isGUID {
					sent = id
				}
			}
		}
	}
	id, isGUID := normalGUID(sent)
	number, isNumber := numberOf(in["ComponentType"])
	if !isGUID || !isNumber {
		return nil, "", 0, badRequest(codeArgument, "ComponentId and ComponentType are needed.")
	}
	return solution, id, int(number), nil
}

func addComponent(c *call) response {
	solution, id, kind, err := c.componentCall()
	if err != nil {
		return c.failed(err)
	}
	if !c.componentExists(kind, id) {
		return c.failed(badRequest(codeNotFound, "There is no component of type %d with the id %s.", kind, id))
	}
	c.placeComponent(solution.id, kind, id)
	c.touch("update", "solution", solution.id, nil)
	return ok(map[string]any{"@odata.context": c.context(namespace + "AddSolutionComponentResponse"), "id": id})
}

func (c *call) componentExists(kind int, id string) bool {
	for _, name := range c.e.catalog.order {
		e := c.e.catalog.entity(name)
		number, isRow := c.e.componentType(name)
		switch {
		case kind == componentEntity && e.id == id, isRow && number == kind && c.e.find(name, id) != nil:
			return true
		case kind == componentKey && slices.ContainsFunc(e.keys, func(k *alternateKey) bool { return k.id == id }):
			return true
		case kind == componentAttribute:
			for _, a := range e.attributes {
				if a.id == id {
					return true
				}
			}
		}
	}
	for _, set := range c.e.catalog.globals {
		if kind == componentOptionSet && set.id == id {
			return true
		}
	}
	return kind == componentRelationship && slices.ContainsFunc(c.e.catalog.relationships, func(r *relationship) bool { return r.id == id })
}

func removeComponent(c *call) response {
	solution, id, _, err := c.componentCall()
	if err != nil {
		return c.failed(err)
	}
	for _, rec := range c.e.table("solutioncomponent").with("objectid", id) {
		if rec.ref("solutionid").id == solution.id {
			c.tx.erase(rec)
		}
	}
	c.touch("update", "solution", solution.id, nil)
	return ok(map[string]any{"@odata.context": c.context(namespace + "RemoveSolutionComponentResponse"), "id": id})
}

// blocked refuses a delete that other components depend on.
func (c *call) blocked(dependents []string) *apiError {
	if len(dependents) == 0 {
		return nil
	}
	code, status, _ := strings.Cut(c.e.kit.Switches.Get(switchDependency), "/")
	number, err := strconv.Atoi(status)
	if err != nil {
		number = http.StatusBadRequest
	}
	return errorf(number, code, "The component cannot be deleted because it is referenced by %d other components: %s. For a list of referenced components, use the "+
		"RetrieveDependenciesForDelete function.", len(dependents), strings.Join(dependents, ", "))
}

// dependenciesOf names what uses a column: forms, views, keys, steps and flows.
func (c *call) dependenciesOf(e *entity, a *attribute) []string {
	var list []string
	for _, k := range e.keys {
		if slices.Contains(k.columns, a.logical) {
			list = append(list, "key "+k.logical)
		}
	}
	for _, form := range c.e.table("systemform").with("objecttypecode", e.logical) {
		if strings.Contains(form.str("formxml"), `datafieldname="`+a.logical+`"`) {
			list = append(list, "form "+form.str("name"))
		}
	}
	for _, view := range c.e.table("savedquery").with("returnedtypecode", e.logical) {
		if strings.Contains(view.str("fetchxml"), `"`+a.logical+`"`) {
			list = append(list, "view "+view.str("name"))
		}
	}
	for _, step := range c.e.table("sdkmessageprocessingstep").all() {
		filter := c.e.find("sdkmessagefilter", step.ref("sdkmessagefilterid").id)
		if filter != nil && filter.str("primaryobjecttypecode") == e.logical && slices.Contains(strings.Split(step.str("filteringattributes"), ","), a.logical) {
			list = append(list, "step "+step.str("name"))
		}
	}
	for _, flow := range c.e.table("workflow").all() {
		if strings.Contains(flow.str("clientdata"), a.logical) {
			list = append(list, "flow "+flow.str("name"))
		}
	}
	return list
}

// dependenciesOfEntity names what uses a table: lookups of other tables, sub-grids, and steps.
func (c *call) dependenciesOfEntity(e *entity) []string {
	var list []string
	for _, r := range c.e.catalog.relationships {
		if !r.many() && r.referenced == e.logical && r.referencing != e.logical {
			list = append(list, "relationship "+r.schema)
		}
	}
	for _, form := range c.e.table("systemform").all() {
		if strings.Contains(form.str("formxml"), "<TargetEntityType>"+e.logical+"</TargetEntityType>") {
			list = append(list, "form "+form.str("name"))
		}
	}
	for _, step := range c.e.table("sdkmessageprocessingstep").all() {
		if filter := c.e.find("sdkmessagefilter", step.ref("sdkmessagefilterid").id); filter != nil && filter.str("primaryobjecttypecode") == e.logical {
			list = append(list, "step "+step.str("name"))
		}
	}
	return list
}

// retrieveDependencies lists what would block the delete of a column or table.
func retrieveDependencies(c *call) response {
	arguments, err := c.pairs(c.path[0].args)
	if err != nil {
		return c.failed(err)
	}
	id, _ := normalGUID(arguments["ObjectId"])
	var names []string
	for _, name := range c.e.catalog.order {
		e := c.e.catalog.entity(name)
		if arguments["ComponentType"] == "1" && e.id == id {
			names = c.dependenciesOfEntity(e)
		}
		for _, a := range e.attributes {
			if arguments["ComponentType"] == "2" && a.id == id {
				names = c.dependenciesOf(e, a)
			}
		}
	}
	list := []any{}
	for _, name := range names {
		list = append(list, map[string]any{
			"@odata.type": "#" + namespace + "dependency", "dependencyid": fixedID("dependency", id+name), "requiredcomponentobjectid": id,
			"requiredcomponenttype": atoi(arguments["ComponentType"]), "dependentcomponentobjectid": fixedID("component", name),
		})
	}
	return ok(map[string]any{"@odata.context": c.context("dependencies"), "value": list})
}
