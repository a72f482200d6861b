// Package connector holds the connector, which computes the agent's document, the declarations that it takes (environment
// variables, sync flows, field mappings), and the records of solutions that deals name.
package connector

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// Resources lists the package's types.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{newEnvironmentVariable, newSyncFlow, newFieldMapping, newSolutionDetail, newConnector}
}

// completer is a model whose computed attributes follow from its others. Where an input is unknown they become unknown.
type completer[M any] interface {
	*M
	complete()
}

// logical is a resource whose state is what it declares. It is known at plan, so that what builds on it is known too.
type logical[M any, P completer[M]] struct{}

// ModifyPlan computes what a plan would otherwise leave unknown.
func (logical[M, P]) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	if request.Plan.Raw.IsNull() {
		return
	}
	var declared M
	response.Diagnostics.Append(request.Plan.Get(ctx, &declared)...)
	if response.Diagnostics.HasError() {
		return
	}
	P(&declared).complete()
	response.Diagnostics.Append(response.Plan.Set(ctx, &declared)...)
}

// Create keeps the declaration.
func (logical[M, P]) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var declared M
	response.Diagnostics.Append(request.Plan.Get(ctx, &declared)...)
	if response.Diagnostics.HasError() {
		return
	}
	P(&declared).complete()
	response.Diagnostics.Append(response.State.Set(ctx, &declared)...)
}

// Read computes again, because a newer provider may bring another table of defaults.
func (logical[M, P]) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var declared M
	response.Diagnostics.Append(request.State.Get(ctx, &declared)...)
	if response.Diagnostics.HasError() {
		return
	}
	P(&declared).complete()
	response.Diagnostics.Append(response.State.Set(ctx, &declared)...)
}

// Update keeps the new declaration.
func (logical[M, P]) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var declared M
	response.Diagnostics.Append(request.Plan.Get(ctx, &declared)...)
	if response.Diagnostics.HasError() {
		return
	}
	P(&declared).complete()
	response.Diagnostics.Append(response.State.Set(ctx, &declared)...)
}

// Delete has nothing to delete but the state, which the framework removes.
func (logical[M, P]) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}
