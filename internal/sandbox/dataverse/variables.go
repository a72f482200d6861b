package dataverse

import (
	"net/http"
	"slices"
)

// reservedVariables are names that the platform keeps for itself.
var reservedVariables = []string{"$authentication", "$connection"}

// definitionRule checks the definition of an environment variable.
func definitionRule(w *change) *apiError {
	name := w.next.str("schemaname")
	if slices.Contains(reservedVariables, name) {
		return badRequest(codeArgument, "The name %s is reserved.", name)
	}
	if w.old != nil {
		return nil
	}
	if err := w.c.checkSchemaName(name); err != nil {
		return err
	}
	if len(w.next.table.with("schemaname", name)) > 0 {
		return errorf(http.StatusPreconditionFailed, codeDuplicate, "An environment variable with the schema name %s already exists.", name)
	}
	return nil
}

// variableRule keeps one value per environment variable. The value is not checked against the type.
func variableRule(w *change) *apiError {
	to := w.next.ref("environmentvariabledefinitionid")
	definition := w.c.e.find("environmentvariabledefinition", to.id)
	if definition == nil {
		return nil // the column is required, which is said elsewhere
	}
	for _, other := range w.next.table.with("environmentvariabledefinitionid", to) {
		if other.id != w.next.id {
			return errorf(http.StatusPreconditionFailed, codeDuplicate, "The environment variable %s has a value already.", definition.str("schemaname"))
		}
	}
	if w.next.values["schemaname"] == nil {
		w.next.set("schemaname", definition.values["schemaname"])
	}
	return nil
}

// Variable is the effective value of an environment variable: its current value, or else its default. It is false for one that
// does not exist.
func (e *Environment) Variable(schemaName string) (string, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.variable(schemaName)
}

func (e *Environment) variable(schemaName string) (string, bool) {
	definitions := e.table("environmentvariabledefinition").with("schemaname", schemaName)
	if len(definitions) == 0 {
		return "", false
	}
	to := ref{"environmentvariabledefinition", definitions[0].id}
	if values := e.table("environmentvariablevalue").with("environmentvariabledefinitionid", to); len(values) > 0 {
		return values[0].str("value"), true
	}
	return definitions[0].str("defaultvalue"), true
}

func retrieveVariable(c *call) response {
	arguments, err := c.pairs(c.path[0].args)
	if err != nil {
		return c.failed(err)
	}
	name, _ := unquote(arguments["DefinitionSchemaName"])
	value, known := c.e.variable(name)
	if !known {
		return c.failed(errorf(http.StatusNotFound, codeNotFound, "There is no environment variable %s.", name))
	}
	return ok(map[string]any{"@odata.context": c.context(namespace + "RetrieveEnvironmentVariableValueResponse"), "Value": value})
}
