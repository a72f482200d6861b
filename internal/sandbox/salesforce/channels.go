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
	obj := c.o.data.object(entityOf(m.SelectedEntity))
	entities := map[string]bool{m.SelectedEntity: true}
	for _, other := range c.o.setup.members {
		entities[other.node.value("selectedEntity")] = true
	}
	switch {
	case !developerName.MatchString(name):
		return badRequest("FIELD_INTEGRITY_EXCEPTION", "the full name %q of a channel member must be alphanumeric", name)
	case m.EventChannel != standardChannel && c.o.setup.channels[m.EventChannel] == nil:
		return badRequest("INVALID_CROSS_REFERENCE_KEY", "no PlatformEventChannel named %s found", m.EventChannel)
	case m.FilterExpression != "":
		return badRequest("FIELD_INTEGRITY_EXCEPTION", "filter expressions are not served here")
	case obj == nil || obj.Setup || obj.ReadOnly:
		return badRequest("FIELD_INTEGRITY_EXCEPTION", "%s is not an entity that can be selected for change events", m.SelectedEntity)
	case c.o.setup.members[name] != nil:
		return badRequest("DUPLICATE_DEVELOPER_NAME", "there is already a channel member named %s", name)
	case len(entities) > maxSelectedEntities:
		return badRequest("LIMIT_EXCEEDED", "the org can select %d entities for change events", maxSelectedEntities)
	}
	for _, other := range c.o.setup.members {
		if other.node.value("selectedEntity") == m.SelectedEntity && other.node.value("eventChannel") == m.EventChannel {
			return badRequest("DUPLICATE_VALUE", "%s is selected already", m.SelectedEntity)
		}
	}
	return nil
}

// eventChannels are the custom channels, made by the Tooling API (Metadata API Developer Guide, "PlatformEventChannel").
func eventChannels() *object {
	obj := newObject("PlatformEventChannel", "Platform Event Channel", "Platform Event Channels", "0YL",
		text("DeveloperName", "Developer Name", 80).isName(), text("ChannelType", "Channel Type", 40), text("MasterLabel", "Label", 80))
	for _, name := range []string{"FullName", "Metadata"} {
		column := typed(name, name, typeComplex, 0)
		column.NotFilterable = true
		obj.add(column)
	}
	obj.rows = func(o *Org) []*record {
		var rows []*record
		for _, name := range slices.Sorted(maps.Keys(o.setup.channels)) {
			comp := o.setup.channels[name]
			label, kind := comp.node.value("label"), comp.node.value("channelType")
			rows = append(rows, &record{id: comp.id, object: obj, values: map[string]any{"DeveloperName": strings.TrimSuffix(name, channelSuffix),
				"FullName": name, "ChannelType": kind, "MasterLabel": label, "Metadata": doc{{"channelType", kind}, {"label", label}}}})
		}
		return rows
	}
	return obj
}

// channelSuffix ends the names of custom channels.
const channelSuffix = "__chn"

// createChannel answers POST /tooling/sobjects/PlatformEventChannel.
func (c *call) createChannel() response {
	var in struct {
		FullName string
		Metadata struct {
			ChannelType string `json:"channelType"`
			Label       string `json:"label"`
		}
	}
	if err := decodeStrict(c.body, &in); err != nil {
		return failed(err)
	}
	base, isChannel := strings.CutSuffix(in.FullName, channelSuffix)
	var err *apiError
	switch {
	case !isChannel || !developerName.MatchString(base):
		err = badRequest("FIELD_INTEGRITY_EXCEPTION", "the full name %q of a channel must be alphanumeric and end with %s", in.FullName, channelSuffix)
	case in.Metadata.ChannelType != "data" || in.Metadata.Label == "":
		err = badRequest("FIELD_INTEGRITY_EXCEPTION", "a channel needs a label, and the channel type data")
	case c.o.setup.channels[in.FullName] != nil:
		err = badRequest("DUPLICATE_DEVELOPER_NAME", "there is already a channel named %s", in.FullName)
	}
	if err != nil {
		c.touch("create", "PlatformEventChannel", in.FullName, nil, err)
		return failed(err)
	}
	inner := &metadataCall{o: c.o, who: c.who, tx: c.tx}
	comp := inner.newComponent("0YL", branch("metadata", leaf("channelType", in.Metadata.ChannelType), leaf("label", in.Metadata.Label)))
	c.tx.store(c.o.setup.channels, in.FullName, comp)
	c.touch("create", "PlatformEventChannel", in.FullName, []string{"ChannelType", "MasterLabel"}, nil)
	return response{status: http.StatusCreated, body: append(saved(comp.id), member{"warnings", []any{}}, member{"infos", []any{}})}
}

// deleteChannel removes a custom channel that has no members.
func (c *call) deleteChannel(rec *record) response {
	name, _ := rec.values["FullName"].(string)
	for _, m := range c.o.setup.members {
		if m.node.value("eventChannel") == name {
			err := badRequest("DELETE_FAILED", "the channel %s has members", name)
			c.touch("delete", "PlatformEventChannel", name, nil, err)
			return failed(err)
		}
	}
	c.tx.store(c.o.setup.channels, name, nil)
	c.touch("delete", "PlatformEventChannel", name, nil, nil)
	return noContent()
}

func (c *call) deleteMember(rec *record) response {
	name := rec.str("DeveloperName")
	c.tx.store(c.o.setup.members, name, nil)
	c.touch("delete", "PlatformEventChannelMember", name, nil, nil)
	return noContent()
}
