package dataverse

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// Names of the privileges that changes of definitions take ("Security roles and privileges").
const (
	mayCreateTable         = "prvCreateEntity"
	mayWriteTable          = "prvWriteEntity"
	mayCreateColumn        = "prvCreateAttribute"
	mayWriteColumn         = "prvWriteAttribute"
	mayPublish             = "prvPublishCustomization"
	mayCreatePublisher     = "prvCreatePublisher"
	mayCreateSolution      = "prvCreateSolution"
	mayWriteForm           = "prvWriteSystemForm"
	mayWriteFlow           = "prvWriteWorkflow"
	mayCreateEndpoint      = "prvCreateServiceEndpoint"
	mayWriteEndpoint       = "prvWriteServiceEndpoint"
	mayCreateStep          = "prvCreateSdkMessageProcessingStep"
	mayCreateVariable      = "prvCreateEnvironmentVariableDefinition"
	mayCreateVariableValue = "prvCreateEnvironmentVariableValue"
)

// privileges are asked for in one call, whatever a walk plans.
var privileges = []string{
	mayCreateTable, mayWriteTable, mayCreateColumn, mayWriteColumn, mayPublish, mayCreatePublisher, mayCreateSolution, mayWriteForm, mayWriteFlow,
	mayCreateEndpoint, mayWriteEndpoint, mayCreateStep, mayCreateVariable, mayCreateVariableValue,
}

// checkRights says which privileges the application lacks for what is planned: at apply, half of a configuration would be made before
// the first refusal. Who may not ask, or gets no answer, is told at apply.
func (e *environment) checkRights(ctx context.Context, what string, needed []string, diagnostics *diag.Diagnostics) {
	if len(needed) == 0 {
		return
	}
	held, err := e.remote.Privileges(ctx, privileges)
	if err != nil || held == nil {
		return
	}
	var lacking []string
	for _, name := range needed {
		if !held[strings.ToLower(name)] {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) > 0 {
		diagnostics.AddError("Dataverse application lacks privileges",
			"Give the application user of the provider's dataverse block a role that has them, such as System Customizer, directly or through a team.\n\n"+
				remote.Detail(problem.New(problem.AccessDenied, "Dataverse "+what, "the application user lacks "+strings.Join(lacking, ", "))))
	}
}

func (m *publisherModel) rights(before *publisherModel) []string {
	return ifNew(before, mayCreatePublisher)
}

func (m *solutionModel) rights(before *solutionModel) []string {
	return ifNew(before, mayCreateSolution)
}

func (m *sectionModel) rights(before *sectionModel) []string {
	return ifNew(before, mayWriteForm, mayPublish)
}

func (m *subgridModel) rights(before *subgridModel) []string {
	return ifNew(before, mayWriteForm, mayPublish)
}

func (m *tableModel) rights(before *tableModel) []string {
	switch {
	case before == nil:
		return []string{mayCreateTable}
	case m.sameTable(before):
		return nil
	default:
		return []string{mayWriteTable, mayPublish}
	}
}

func (m *columnModel) rights(before *columnModel) []string {
	switch {
	case before == nil:
		return []string{mayCreateColumn}
	case m.sameColumn(before):
		return nil
	default:
		return []string{mayWriteColumn, mayPublish}
	}
}

func (m *flowModel) rights(before *flowModel) []string {
	if before != nil && m.Enabled.Equal(before.Enabled) {
		return nil
	}
	return []string{mayWriteFlow}
}

// rights are those of the webhook: change tracking may be on already.
func (m *changeEventsModel) rights(before *changeEventsModel) []string {
	switch {
	case m.Webhook.IsNull() || m.Webhook.IsUnknown():
		return nil
	case before == nil || before.Webhook.IsNull():
		return []string{mayCreateEndpoint, mayCreateStep}
	case !m.Webhook.Equal(before.Webhook):
		return []string{mayWriteEndpoint}
	default:
		return nil
	}
}

func (m *variableModel) rights(before *variableModel) []string {
	if before != nil {
		return nil
	}
	var needed []string
	if m.ManageDefinition.ValueBool() {
		needed = append(needed, mayCreateVariable)
	}
	if !m.Value.IsNull() {
		needed = append(needed, mayCreateVariableValue)
	}
	return needed
}

func ifNew[M any](before *M, needed ...string) []string {
	if before != nil {
		return nil
	}
	return needed
}
