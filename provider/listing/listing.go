// Package listing makes list resources, which "terraform query" uses, out of managed resources: what exists is named by its
// identity, and a whole resource is what importing and reading gives.
package listing

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"golang.org/x/sync/errgroup"

	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// Importable is a managed resource type that can be listed.
type Importable interface {
	resource.ResourceWithConfigure
	resource.ResourceWithIdentity
	resource.ResourceWithImportState
}

// Kind says how the objects of a type are found.
type Kind struct {
	New         func() resource.Resource // makes an [Importable]
	Description string                   // Markdown
	Attributes  map[string]schema.Attribute
	Find        func(ctx context.Context, r *remote.Remote, config tfsdk.Config) ([]Found, error)
	// Permissions adds to those of reading the resource; a sentence, in Markdown, or empty.
	Permissions string
	// ImportOnly says that importing alone gives the whole resource.
	ImportOnly bool
}

// Found is an object that exists.
type Found struct {
	Display  string
	ImportID string
	Identity map[string]string
}

// Resource gives the constructor of the list resource.
func (k Kind) Resource() list.ListResource { return &lister{Kind: k} }

var _ list.ListResourceWithConfigure = (*lister)(nil)

// lister is a list resource.
type lister struct {
	Kind

	remote *remote.Remote
}

// Metadata implements [list.ListResource].
func (l *lister) Metadata(ctx context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	l.New().Metadata(ctx, req, resp)
}

// ListResourceConfigSchema implements [list.ListResource].
func (l *lister) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	permissions := "**Permissions.** As for reading the resource of the same name."
	if l.Permissions != "" {
		permissions += " " + l.Permissions
	}
	resp.Schema = schema.Schema{MarkdownDescription: l.Description + "\n\n" + permissions, Attributes: l.Attributes}
}

// Configure implements [list.ListResourceWithConfigure].
func (l *lister) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	l.remote = remote.From(req.ProviderData, &resp.Diagnostics)
}

// List implements [list.ListResource]. Everything is read before the stream begins: reads that go on at the same time share
// calls, and an error that is found later than that could not be told.
func (l *lister) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	found, err := l.Find(ctx, l.remote, req.Config)
	if err != nil {
		var diagnostics diag.Diagnostics
		diagnostics.AddError("Existing objects could not be listed", remote.Detail(err))
		stream.Results = list.ListResultsStreamDiagnostics(diagnostics)
		return
	}
	if limit := int(req.Limit); limit > 0 && len(found) > limit {
		found = found[:limit]
	}
	results := make([]list.ListResult, len(found))
	var group errgroup.Group
	group.SetLimit(together)
	for i, object := range found {
		group.Go(func() error {
			results[i] = l.result(ctx, req, object)
			return nil
		})
	}
	_ = group.Wait() // nothing in it fails: what could not be read stands in its result
	stream.Results = func(push func(list.ListResult) bool) {
		for _, result := range results {
			if !push(result) {
				return
			}
		}
	}
}

// together is how many objects are read at the same time: as many as share one call.
const together = 20

func (l *lister) result(ctx context.Context, req list.ListRequest, object Found) list.ListResult {
	result := req.NewListResult(ctx)
	result.DisplayName = object.Display
	for name, value := range object.Identity {
		result.Diagnostics.Append(result.Identity.SetAttribute(ctx, path.Root(name), value)...)
	}
	if !req.IncludeResource || result.Diagnostics.HasError() {
		return result
	}
	state, problems := l.read(ctx, object.ImportID)
	if problems.HasError() {
		// The object is there and can be named; one that cannot be read must not hide all others.
		result.Resource = nil
		for _, p := range problems.Errors() {
			result.Diagnostics.AddWarning(fmt.Sprintf("%s: %s", object.Display, p.Summary()), p.Detail())
		}
		return result
	}
	result.Resource.Raw = state.Raw
	return result
}

// read imports an object and reads it, as an import block does.
func (l *lister) read(ctx context.Context, id string) (tfsdk.State, diag.Diagnostics) {
	managed, ok := l.New().(Importable)
	if !ok {
		return tfsdk.State{}, diag.Diagnostics{diag.NewErrorDiagnostic("Type cannot be listed", "It has no identity or no import. Please report this as a bug of the provider.")}
	}
	var configured resource.ConfigureResponse
	managed.Configure(ctx, resource.ConfigureRequest{ProviderData: l.remote}, &configured)
	var described resource.SchemaResponse
	managed.Schema(ctx, resource.SchemaRequest{}, &described)
	kind := described.Schema.Type().TerraformType(ctx)
	imported := resource.ImportStateResponse{State: tfsdk.State{Schema: described.Schema, Raw: tftypes.NewValue(kind, nil)}}
	managed.ImportState(ctx, resource.ImportStateRequest{ID: id}, &imported)
	if imported.Diagnostics.HasError() || l.ImportOnly {
		return imported.State, imported.Diagnostics
	}
	read := resource.ReadResponse{State: imported.State}
	managed.Read(ctx, resource.ReadRequest{State: imported.State}, &read)
	if read.State.Raw.IsNull() {
		read.Diagnostics.AddError("Object is gone", "It was deleted while it was listed.")
	}
	return read.State, read.Diagnostics
}
