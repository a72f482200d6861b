package dataverse

import (
	"net/http"
	"strings"
)

// namespace precedes the names of types, actions and functions in paths.
const namespace = "Microsoft.Dynamics.CRM."

// action answers an unbound action or function.
type action struct {
	method string
	do     func(c *call) response
}

// actions are the unbound actions and functions that the environment knows.
func actions() map[string]action {
	return map[string]action{
		"WhoAmI":                           {http.MethodGet, whoAmI},
		"PublishXml":                       {http.MethodPost, publishXML},
		"PublishAllXml":                    {http.MethodPost, publishAll},
		"InsertOptionValue":                {http.MethodPost, insertOption},
		"UpdateOptionValue":                {http.MethodPost, updateOption},
		"DeleteOptionValue":                {http.MethodPost, deleteOption},
		"OrderOption":                      {http.MethodPost, orderOptions},
		"InsertStatusValue":                {http.MethodPost, insertStatus},
		"UpdateStateValue":                 {http.MethodPost, updateState},
		"ReactivateEntityKey":              {http.MethodPost, reactivateKey},
		"CreateCustomerRelationships":      {http.MethodPost, createCustomerColumn},
		"RetrieveDependenciesForDelete":    {http.MethodGet, retrieveDependencies},
		"WinOpportunity":                   {http.MethodPost, winOpportunity},
		"LoseOpportunity":                  {http.MethodPost, loseOpportunity},
		"Merge":                            {http.MethodPost, mergeRows},
		"AddSolutionComponent":             {http.MethodPost, addComponent},
		"RemoveSolutionComponent":          {http.MethodPost, removeComponent},
		"RetrieveEnvironmentVariableValue": {http.MethodGet, retrieveVariable},
	}
}

// dispatch finds the resource. The environment's lock is held.
func dispatch(c *call) response {
	if len(c.path) == 0 || c.path[0].name == "" {
		return c.serviceDocument()
	}
	name := c.path[0].name
	if known, isAction := actions()[name]; isAction && len(c.path) == 1 {
		if c.method != known.method {
			return c.failed(errMethod(c.method))
		}
		return known.do(c)
	}
	switch name {
	case "EntityDefinitions":
		return c.entityDefinitions(c.path)
	case "RelationshipDefinitions":
		return c.relationshipDefinitions(c.path)
	case "GlobalOptionSetDefinitions":
		return c.globalOptionSets(c.path)
	}
	ent := c.e.catalog.bySet(name)
	if ent == nil || ent.intersect {
		return c.failed(errResource(name))
	}
	return c.rows(ent)
}

func (c *call) serviceDocument() response {
	if c.method != http.MethodGet {
		return c.failed(errMethod(c.method))
	}
	sets := []any{}
	for _, name := range c.e.catalog.order {
		if e := c.e.catalog.entity(name); !e.intersect {
			sets = append(sets, map[string]any{"name": e.set, "kind": "EntitySet", "url": e.set})
		}
	}
	return ok(map[string]any{"@odata.context": c.context(""), "value": sets})
}

// context is the value of @odata.context.
func (c *call) context(of string) string {
	url := c.e.url("$metadata")
	if of == "" {
		return url
	}
	return url + "#" + of
}

func whoAmI(c *call) response {
	if err := c.allow(); err != nil {
		return c.failed(err)
	}
	user := c.e.find("systemuser", c.who.id)
	return ok(map[string]any{
		"@odata.context": c.context(namespace + "WhoAmIResponse"), "BusinessUnitId": user.ref("businessunitid").id, "UserId": user.id,
		"OrganizationId": c.e.names.organization,
	})
}

// cast reads a segment that casts to a type of metadata or names a bound operation.
func cast(s segment) (string, bool) { return strings.CutPrefix(s.name, namespace) }

// entityID is the header that says where a new thing is.
func entityID(url string) map[string]string { return map[string]string{"OData-EntityId": url} }
