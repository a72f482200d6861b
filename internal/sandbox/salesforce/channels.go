package salesforce

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// maxSelectedEntities is the default allotment of an org for Change Data Capture.
const maxSelectedEntities = 5

const standardChannel = "ChangeEvents"

// channelMember selects one object for change events. Members are written by the Tooling API only; createMetadata and
// deleteMetadata do not know the type (Metadata API Developer Guide, "PlatformEventChannelMember").
type channelMember struct {
	EventChannel     string `json:"eventChannel"`
	SelectedEntity   string `json:"selectedEntity"`
	FilterExpression string `json:"filterExpression"`
}

func channelMembers() *object {
	obj := newObject("PlatformEventChannelMember", "Platform Event Channel Member", "Platform Event Channel Members", "0v8",
		text("DeveloperName", "Developer Name", 80).isName(), text("EventChannel", "Event Channel", 80), text("SelectedEntity", "Selected Entity", 80),
		text("FilterExpression", "Filter Expression", 4000))
	for _, name := range []string{"FullName", "Metadata"} {
		column := typed(name, name, typeComplex, 0)
		column.NotFilterable = true
		obj.add(column)
	}
	obj.rows = func(o *Org) []*record {
		var rows []*record
		for _, name := range slices.Sorted(maps.Keys(o.setup.members)) {
			comp := o.setup.members[name]
			rows = append(rows, &record{id: comp.id, object: obj, values: map[string]any{"DeveloperName": name, "FullName": name,
				"EventChannel": comp.node.value("eventChannel"), "SelectedEntity": comp.node.value("selectedEntity"),
				"Metadata": doc{{"eventChannel", comp.node.value("eventChannel")}, {"selectedEntity", comp.node.value("selectedEntity")}}}})
		}
		return rows
	}
	return obj
}

// createMember answers POST /tooling/sobjects/PlatformEventChannelMember.
func (c *call) createMember() response {
	var in struct {
		FullName string
		Metadata channelMember
	}
	if err := decodeStrict(c.body, &in); err != nil {
		return failed(err)
	}
	if err := c.checkMember(in.FullName, in.Metadata); err != nil {
		c.touch("create", "PlatformEventChannelMember", in.FullName, nil, err)
		return failed(err)
	}
	inner := &metadataCall{o: c.o, who: c.who, tx: c.tx}
	comp := inner.newComponent("0v8", branch("metadata", leaf("eventChannel", in.Metadata.EventChannel), leaf("selectedEntity", in.Metadata.SelectedEntity)))
	c.tx.store(c.o.setup.members, in.FullName, comp)
	c.touch("create", "PlatformEventChannelMember", in.FullName, []string{"EventChannel", "SelectedEntity"}, nil)
	return response{status: http.StatusCreated, body: append(saved(comp.id), member{"warnings", []any{}}, member{"infos", []any{}})}
}

func (c *call) checkMember(name string, m channelMember) *apiError {
	objectName, isEvent := strings.CutSuffix(m.SelectedEntity, "ChangeEvent")
	if base, isCustom := strings.CutSuffix(objectName, "__"); isCustom {
		objectName = base + "__c"
	}
	obj := c.o.data.object(objectName)
	switch {
	case !developerName.MatchString(name):
		return badRequest("FIELD_INTEGRITY_EXCEPTION", "the full name %q of a channel member must be alphanumeric", name)
	case m.EventChannel != standardChannel:
		return badRequest("INVALID_CROSS_REFERENCE_KEY", "no PlatformEventChannel named %s found", m.EventChannel)
	case m.FilterExpression != "":
		return badRequest("FIELD_INTEGRITY_EXCEPTION", "filter expressions need a custom channel")
	case !isEvent || obj == nil || obj.Setup || obj.ReadOnly:
		return badRequest("FIELD_INTEGRITY_EXCEPTION", "%s is not an entity that can be selected for change events", m.SelectedEntity)
	case c.o.setup.members[name] != nil:
		return badRequest("DUPLICATE_DEVELOPER_NAME", "there is already a channel member named %s", name)
	case len(c.o.setup.members) >= maxSelectedEntities:
		return badRequest("LIMIT_EXCEEDED", "the org can select %d entities for change events", maxSelectedEntities)
	}
	for _, other := range c.o.setup.members {
		if other.node.value("selectedEntity") == m.SelectedEntity {
			return badRequest("DUPLICATE_VALUE", "%s is selected already", m.SelectedEntity)
		}
	}
	return nil
}

func (c *call) deleteMember(rec *record) response {
	name := rec.str("DeveloperName")
	c.tx.store(c.o.setup.members, name, nil)
	c.touch("delete", "PlatformEventChannelMember", name, nil, nil)
	return noContent()
}
