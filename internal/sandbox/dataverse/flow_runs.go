package dataverse

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// flowRun is a run under way.
type flowRun struct {
	workflow string
	begun    time.Time
	row      string // in flowruns; empty where rows are written at the end
}

// FlowOn says whether a cloud flow, by name or id, is on.
func (e *Environment) FlowOn(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	rec, err := e.needFlow(name)
	return err == nil && rec.int("statecode") == 1
}

// BeginFlowRun lets a cloud flow, by name or id, begin to run, and names the run ("Manage cloud flow run history in Dataverse"). One that is
// off does not run. A run goes on when its flow is turned off meanwhile.
func (e *Environment) BeginFlowRun(name string) (run string, err error) {
	err = e.onScreen(e.people.system, func(c *call) *apiError {
		flow, err := e.needFlow(name)
		if err != nil {
			return err
		}
		if flow.int("statecode") != 1 {
			return errorf(http.StatusNotFound, codeFlowInactive, "The flow %s is off.", flow.str("name"))
		}
		run = c.tx.guid()
		begun := flowRun{workflow: flow.id, begun: e.now()}
		if e.is(switchFlowRuns, "begin") {
			rec, err := c.createTyped("flowrun", map[string]any{
				"name": run, "starttime": stamp(begun.begun), "status": "Running", "workflowid": flow.id, "workflow": flow.id, "triggertype": "Automated",
			})
			if err != nil {
				return err
			}
			begun.row = rec.id
		}
		e.runs[run] = begun
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("run flow %s: %w", name, err)
	}
	return run, nil
}

// EndFlowRun ends a run, as Succeeded, Failed or Cancelled.
func (e *Environment) EndFlowRun(run, status string) error {
	err := e.onScreen(e.people.system, func(c *call) *apiError {
		begun, known := e.runs[run]
		if !known {
			return errorf(http.StatusNotFound, codeNotFound, "There is no run %s under way.", run)
		}
		ended := map[string]any{"endtime": stamp(e.now()), "status": status, "duration": float64(e.now().Sub(begun.begun) / time.Second)}
		if begun.row != "" {
			err := c.editTyped("flowrun", begun.row, ended)
			delete(e.runs, run)
			return err
		}
		for name, value := range map[string]any{
			"name": run, "starttime": stamp(begun.begun), "workflowid": begun.workflow, "workflow": begun.workflow, "triggertype": "Automated",
		} {
			ended[name] = value
		}
		_, err := c.createTyped("flowrun", ended)
		delete(e.runs, run)
		return err
	})
	if err != nil {
		return fmt.Errorf("end run %s: %w", run, err)
	}
	return nil
}

func (e *Environment) beginRunAct(_ context.Context, args map[string]string) (map[string]any, error) {
	run, err := e.BeginFlowRun(args["flow"])
	return map[string]any{"id": run}, err
}

func (e *Environment) endRunAct(_ context.Context, args map[string]string) (map[string]any, error) {
	status := args["status"]
	if status == "" {
		status = "Succeeded"
	}
	return map[string]any{"id": args["run"]}, e.EndFlowRun(args["run"], status)
}
