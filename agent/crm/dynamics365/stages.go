package dynamics365

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// States of an opportunity ("Opportunity table reference").
const (
	open = 0
	won  = 1
)

// stage is a status reason, which is what this CRM has for a stage: its name stands in the field statuscode of a record.
type stage struct {
	name          string
	status, state int
}

// stagesOf lists the status reasons of a table, each by the name that the document calls it, or by its label.
func stagesOf(t *table, declared []string) []stage {
	column, _ := t.column(stageColumn)
	var stages []stage
	for _, option := range column.Options {
		if option.Value == nil || option.State == nil {
			continue
		}
		found := stage{name: option.Label.Text(), status: *option.Value, state: *option.State}
		called := func(name string) bool {
			same, ok := optionOf(dataverse.Column{Options: []dataverse.Option{option}}, name)
			return ok && *same.Value == *option.Value
		}
		if at := slices.IndexFunc(declared, called); at >= 0 {
			found.name = declared[at]
		}
		stages = append(stages, found)
	}
	slices.SortFunc(stages, func(a, b stage) int { return a.status - b.status })
	return stages
}

// Stages lists the environment's status reasons in order of their numbers.
func (e *Environment) Stages() []crm.Stage {
	stages := make([]crm.Stage, len(e.stages))
	for i, s := range e.stages {
		stages[i] = crm.Stage{Name: s.name, IsClosed: s.state != open, IsWon: s.state == won}
	}
	return stages
}

func (e *Environment) stageNamed(name string) (stage, bool) {
	at := slices.IndexFunc(e.stages, func(s stage) bool { return strings.EqualFold(s.name, name) })
	if at < 0 {
		return stage{}, false
	}
	return e.stages[at], true
}

func (e *Environment) stageOf(status int) stage {
	at := slices.IndexFunc(e.stages, func(s stage) bool { return s.status == status })
	if at < 0 { // one that was added since the start
		return stage{name: strconv.Itoa(status), status: status}
	}
	return e.stages[at]
}

// firstOpen gives the stage to reopen into when the one that is wanted is closed too.
func (e *Environment) firstOpen() stage {
	at := slices.IndexFunc(e.stages, func(s stage) bool { return s.state == open })
	if at < 0 {
		return stage{status: 1}
	}
	return e.stages[at]
}

// versionOf gives the token of [crm.CRM.Update]: the row's version and its status, which says what a change of stage takes.
func versionOf(etag string, status int) string { return etag + " " + strconv.Itoa(status) }

func parseVersion(version string) (etag string, status int, ok bool) {
	at := strings.LastIndexByte(version, ' ')
	if at < 0 {
		return "", 0, false
	}
	status, err := strconv.Atoi(version[at+1:])
	return version[:at], status, err == nil
}
