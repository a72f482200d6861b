package tfcli

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// Changes checks that a plan changes an existing object in place, and in each of some attributes.
func Changes(address string, attributes ...string) plancheck.PlanCheck {
	return changes{address, attributes}
}

type changes struct {
	address    string
	attributes []string
}

// CheckPlan implements [plancheck.PlanCheck].
func (c changes) CheckPlan(_ context.Context, request plancheck.CheckPlanRequest, response *plancheck.CheckPlanResponse) {
	at := slices.IndexFunc(request.Plan.ResourceChanges, func(change *tfjson.ResourceChange) bool { return change.Address == c.address })
	if at < 0 {
		response.Error = fmt.Errorf("the plan does not name %s", c.address)
		return
	}
	change := request.Plan.ResourceChanges[at].Change
	if !change.Actions.Update() {
		response.Error = fmt.Errorf("the plan does not update %s but: %v", c.address, change.Actions)
		return
	}
	before, _ := change.Before.(map[string]any)
	after, _ := change.After.(map[string]any)
	var failures []error
	for _, attribute := range c.attributes {
		if reflect.DeepEqual(before[attribute], after[attribute]) {
			failures = append(failures, fmt.Errorf("the plan does not change %s of %s, which is %v", attribute, c.address, before[attribute]))
		}
	}
	response.Error = errors.Join(failures...)
}
