package salesforce

import (
	"strconv"
	"strings"
)

// customFieldLimit is how many custom fields the organisation's edition allows on an object ("Custom Fields Allowed Per Object").
func (o *Org) customFieldLimit() int {
	limit, _ := strconv.Atoi(o.kit.Switches.Get(switchFieldLimit)) // the switch has numbers only
	return limit
}

// customFields counts the custom fields of an object. Deleted ones count until they are erased ("Manage Deleted Custom Fields").
func (o *Org) customFields(obj *object) int {
	count := 0
	for _, f := range obj.fields {
		if f.definition != nil {
			count++
		}
	}
	for name := range o.setup.recycled {
		if strings.HasPrefix(name, strings.ToLower(obj.Name)+".") {
			count++
		}
	}
	return count
}

// entityLimits are the limits of the standard objects as Setup shows them, of custom fields alone (Tooling API, "EntityLimit").
func entityLimits() *object {
	view := newObject("EntityLimit", "Entity Limit", "Entity Limits", "", text("DurableId", "Durable ID", 80).isName(), text("EntityDefinitionId", "Entity Definition ID", 40),
		text("Type", "Type", 40), text("Label", "Label", 80), number("Max", "Max", typeInt, 9, 0), number("Remaining", "Remaining", typeInt, 9, 0))
	view.rows = func(o *Org) []*record {
		var rows []*record
		for _, obj := range o.data.order {
			if obj.Custom || obj.Setup || obj.ReadOnly {
				continue
			}
			limit := o.customFieldLimit()
			rows = append(rows, &record{id: "000000000000000AAA", object: view, values: map[string]any{
				"DurableId": obj.Name + ".CustomFields", "EntityDefinitionId": obj.Name, "Type": "CustomFields", "Label": "Custom Fields",
				"Max": float64(limit), "Remaining": float64(max(0, limit-o.customFields(obj))),
			}})
		}
		return rows
	}
	return view
}
