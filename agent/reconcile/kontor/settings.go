package kontor

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
)

//go:embed settings.json
var settings []byte

// document is what a connector of this CRM would be told.
type document struct {
	LongestTitle int `json:"longest_title"`
	Phases       struct {
		OnHold string          `json:"on_hold"`
		Active string          `json:"active"`
		Won    string          `json:"won"`
		Lost   string          `json:"lost"`
		Closed map[string]bool `json:"closed"`
	} `json:"phases"`
	Wishes  map[string]string `json:"wishes"`
	Columns []struct {
		Field         string `json:"field"`
		PartnerCenter string `json:"partner_center"`
		Column        string `json:"column"`
		Way           string `json:"way"`
		On            string `json:"on"`
		Winner        string `json:"winner"`
	} `json:"columns"`
}

// Plan gives the mapping that the settings declare.
func Plan() mapping.Plan {
	var d document
	if err := json.Unmarshal(settings, &d); err != nil {
		panic(fmt.Sprintf("settings.json: %v", err)) // it is a part of the program
	}
	plan := mapping.Plan{
		Stages: mapping.Stages{OnHold: d.Phases.OnHold, Active: d.Phases.Active, Won: d.Phases.Won, Lost: d.Phases.Lost, Closed: d.Phases.Closed},
		Help:   map[string]string{}, HelpValues: map[string]string{}, LongestName: d.LongestTitle,
	}
	for wish, code := range d.Wishes {
		plan.Help[strings.ToLower(wish)], plan.HelpValues[code] = code, wish
	}
	for _, c := range d.Columns {
		row := mapping.Row{
			Field: c.Field, PartnerCenter: c.PartnerCenter, CRM: c.Column, Inbound: c.Way != "outbound", Outbound: c.Way != "inbound",
			OnCreate: c.On != "update", OnUpdate: c.On != "create", Winner: deal.CRM,
		}
		if c.Winner == "partner_center" {
			row.Winner = deal.PartnerCenter
		}
		plan.Rows = append(plan.Rows, row)
	}
	return plan
}
