package salesforce

import (
	"net/http"
	"strconv"
	"strings"
)

// toolingCatalog has the setup objects that can be queried. Their rows are views of the metadata.
func (o *Org) toolingCatalog() *catalog {
	stamps := func() []*field {
		return []*field{
			typed("CreatedDate", "Created Date", typeDateTime, 0), ref("CreatedById", "Created By ID", "User", "CreatedBy", "", setNull),
			typed("LastModifiedDate", "Last Modified Date", typeDateTime, 0), ref("LastModifiedById", "Last Modified By ID", "User", "LastModifiedBy", "", setNull),
		}
	}
	named := func(extra ...*field) []*field {
		list := append([]*field{text("DeveloperName", "Developer Name", 80).isName(), text("NamespacePrefix", "Namespace Prefix", 15)}, extra...)
		return append(list, stamps()...)
	}
	complexColumn := func(name string) *field {
		f := typed(name, name, typeComplex, 0)
		f.NotFilterable = true
		return f
	}
	fields := newObject("CustomField", "Custom Field", "Custom Fields", "00N",
		named(text("TableEnumOrId", "Table Enum or ID", 40), complexColumn("FullName"), complexColumn("Metadata"))...)
	fields.rows = func(o *Org) []*record { return o.toolingFields(fields) }
	objects := newObject("CustomObject", "Custom Object", "Custom Objects", "01I", named()...)
	objects.rows = func(o *Org) []*record { return o.toolingObjects(objects) }
	hidden := func(o *Org) bool { return o.kit.Switches.Is(switchToolingSettings, "unsupported") }
	teams := settingsView("OpportunitySettings", "IsOpportunityTeamEnabled", (*Org).opportunityTeams)
	notes := settingsView("EnhancedNotesSettings", "IsEnhancedNotesEnabled", (*Org).enhancedNotes)
	teams.Hidden, notes.Hidden = hidden, hidden
	return newCatalog(append([]*object{fields, objects, teams, notes, channelMembers(), eventChannels(), entityLimits()}, packageObjects()...)...)
}

func settingsView(name, column string, state func(*Org) bool) *object {
	obj := newObject(name, name, name, "", text("DurableId", "Durable ID", 40).isName(), flag(column, column, false))
	obj.rows = func(o *Org) []*record {
		return []*record{{id: "000000000000000AAA", object: obj, values: map[string]any{"DurableId": strings.TrimSuffix(name, "Settings"), column: state(o)}}}
	}
	return obj
}

func (c *component) row(obj *object, values map[string]any) *record {
	values["CreatedDate"], values["CreatedById"] = c.createdAt, c.createdBy
	values["LastModifiedDate"], values["LastModifiedById"] = c.modifiedAt, c.modifiedBy
	return &record{id: c.id, object: obj, values: values}
}

// toolingFields lists the custom fields. TableEnumOrId is the name of a standard object and the id of a custom one.
func (o *Org) toolingFields(view *object) []*record {
	var rows []*record
	for _, obj := range o.data.order {
		table := obj.Name
		if obj.definition != nil && obj.Custom {
			table = obj.definition.id
		}
		for _, f := range obj.fields {
			if f.definition != nil {
				rows = append(rows, f.definition.row(view, map[string]any{"DeveloperName": strings.TrimSuffix(f.Name, "__c"), "TableEnumOrId": table,
					"FullName": obj.Name + "." + f.Name, "Metadata": f.definition.toolingMetadata()}))
			}
		}
	}
	return rows
}

func (o *Org) toolingObjects(view *object) []*record {
	var rows []*record
	for _, obj := range o.data.order {
		if obj.Custom && obj.definition != nil {
			rows = append(rows, obj.definition.row(view, map[string]any{"DeveloperName": strings.TrimSuffix(obj.Name, "__c")}))
		}
	}
	return rows
}

// toolingMetadata is the definition as the JSON object of the Metadata column.
func (d *customField) toolingMetadata() doc {
	return jsonOf(d.node, "CustomField")
}

// jsonOf turns an element tree into JSON by its schema; fullName has a column of its own.
func jsonOf(n *node, typeName string) doc {
	var out doc
	for i, child := range n.children {
		if typeName == "CustomField" && child.name == "fullName" || i > 0 && n.children[i-1].name == child.name {
			continue
		}
		e := metadataSchema[typeName][child.name]
		if !e.repeated {
			out = append(out, member{child.name, jsonValue(child, e.typeName)})
			continue
		}
		var list []any
		for _, item := range n.all(child.name) {
			list = append(list, jsonValue(item, e.typeName))
		}
		out = append(out, member{child.name, list})
	}
	return out
}

func jsonValue(n *node, typeName string) any {
	switch {
	case metadataSchema[typeName] != nil:
		return jsonOf(n, typeName)
	case typeName == "boolean":
		return n.text == "true"
	case typeName == "int":
		v, _ := strconv.ParseInt(n.text, 10, 32) // the schema check has seen it
		return v
	}
	return n.text
}

// toolingResource answers everything under /tooling. Setup is for administrators.
func (c *call) toolingResource(p []string) response {
	if !c.who.admin {
		return failed(errorf(http.StatusForbidden, "INSUFFICIENT_ACCESS", "the Tooling API requires View Setup and Configuration"))
	}
	switch {
	case p[0] == "query" && len(p) <= 2:
		return c.get(func(c *call) response { return c.runQuery(c.o.tooling, p) })
	case p[0] == "sobjects" && len(p) == 2 && p[1] == "PlatformEventChannelMember" && c.method == http.MethodPost:
		return c.createMember()
	case p[0] == "sobjects" && len(p) == 2 && p[1] == "PlatformEventChannel" && c.method == http.MethodPost:
		return c.createChannel()
	case p[0] == "sobjects" && len(p) == 2 && (p[1] == installObject || p[1] == uninstallObject) && c.method == http.MethodPost:
		return c.createPackageRequest(p[1])
	case p[0] == "sobjects" && len(p) == 3 && c.o.tooling.object(p[1]) != nil:
		return c.toolingRow(c.o.tooling.object(p[1]), p[2])
	}
	return failed(errNotFound())
}

func (c *call) toolingRow(obj *object, id string) response {
	if err := c.allow(); err != nil {
		return failed(err)
	}
	rec, err := c.o.existing(obj, id)
	if err != nil {
		return failed(err)
	}
	switch {
	case c.method == http.MethodGet && c.o.setup.requests[rec.id] != nil:
		c.followPackage(rec.id)
		rec, _ = c.o.existing(obj, rec.id)
		c.touch("read", obj.Name, rec.id, nil, nil)
		return ok(c.show(rec, obj.fields))
	case c.method == http.MethodGet:
		c.touch("read", obj.Name, rec.id, nil, nil)
		return ok(c.show(rec, obj.fields))
	case c.method == http.MethodDelete && obj.Name == "PlatformEventChannelMember":
		return c.deleteMember(rec)
	case c.method == http.MethodDelete && obj.Name == "PlatformEventChannel":
		return c.deleteChannel(rec)
	case c.method == http.MethodDelete && obj.Name == "CustomField" && c.o.kit.Switches.Is(switchToolingDelete, "supported"):
		inner := &metadataCall{o: c.o, r: c.r, who: c.who, tx: c.tx}
		name, _ := rec.values["FullName"].(string)
		if err := inner.removeField(name); err != nil {
			return failed(badRequest(err.code, "%s", err.message))
		}
		c.touch("delete", "CustomField", name, nil, nil)
		return noContent()
	}
	return failed(errMethod(c.method))
}
