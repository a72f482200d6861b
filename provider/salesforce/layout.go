package salesforce

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	client "github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

const kindLayout = "Layout"

// fragment is one node of a layout. A layout is written whole, so whoever owns a fragment reads the layout, changes that
// node and sends everything back, the rest byte for byte.
type fragment struct {
	kind           fragmentKind
	object, layout string // the layout's full name is object-layout
	name           string // of the list, or the section's label
}

func (f fragment) layoutName() string { return f.object + "-" + f.layout }

// id is the import id.
func (f fragment) id() string { return f.layoutName() + "/" + f.name }

func (f fragment) identity() map[string]string {
	attribute := "list"
	if f.kind == layoutSections {
		attribute = "label"
	}
	return map[string]string{"object": f.object, "layout": f.layout, attribute: f.name}
}

// noLayoutError says that a layout does not exist, and which ones do.
type noLayoutError struct {
	layout string
	exist  []string
}

func (e *noLayoutError) Error() string {
	object, _, _ := strings.Cut(e.layout, "-")
	if len(e.exist) == 0 {
		return fmt.Sprintf("no layout %q: %s has no layouts, or does not exist", e.layout, object)
	}
	return fmt.Sprintf("no layout %q; %s has: %s", e.layout, object, strings.Join(e.exist, ", "))
}

var errUnreadable = errors.New("the layout exists, but the provider's user may not read it")

// layoutResource is what the types share that own a fragment.
type layoutResource struct{ orgResource }

func (r *layoutResource) layouts() components { return components{remote: r.remote, kind: kindLayout} }

// find reads a layout by its plain full name. Whether special characters are percent-encoded in full names is not
// documented, so a name that is not found is looked for among the listed ones. It fails with a [*noLayoutError].
func (r *layoutResource) find(ctx context.Context, name string) (metadata.Component, error) {
	layout, state, err := r.layouts().find(ctx, name)
	if err != nil || state == remote.Present {
		return layout, err
	}
	listed, err := r.remote.ListMetadata(ctx, kindLayout)
	if err != nil {
		return metadata.Component{}, err
	}
	missing := &noLayoutError{layout: name}
	object, _, _ := strings.Cut(name, "-")
	for _, candidate := range listed {
		plain := plainName(candidate)
		if plain == plainName(name) {
			r.layouts().forget(candidate) // writes drop what was read under the plain name only
			layout, state, err = r.layouts().find(ctx, candidate)
			if err == nil && state != remote.Present {
				err = errUnreadable
			}
			return layout, err
		}
		if own, ok := strings.CutPrefix(plain, object+"-"); ok {
			missing.exist = append(missing.exist, fmt.Sprintf("%q", own))
		}
	}
	return metadata.Component{}, missing
}

// plainName undoes the percent encoding of a layout's full name.
func plainName(name string) string {
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}

// read gives the live node of a fragment, nil when it or its layout is gone.
func (r *layoutResource) read(ctx context.Context, f fragment) (*metadata.Node, error) {
	layout, err := r.find(ctx, f.layoutName())
	var missing *noLayoutError
	switch {
	case errors.As(err, &missing):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return f.kind.find(layout.Node, f.name), nil
}

// edit changes a layout that is read right before, while nobody else of this provider writes it. Nothing is sent when the
// change leaves it as it is. The change is made again, on what is there then, when the write has to be repeated.
func (r *layoutResource) edit(ctx context.Context, name string, change func(layout *metadata.Node) error) error {
	defer r.remote.Lock("layout/" + name)()
	layouts := r.layouts()
	return layouts.write(ctx, name, func(ctx context.Context, api *client.Client) error {
		layouts.forget(name)
		layout, err := r.find(ctx, name)
		if err != nil {
			return err
		}
		before := layout.Node.String()
		if err := change(layout.Node); err != nil {
			return err
		}
		if layout.Node.String() == before {
			return nil
		}
		return repeatable(name, first(api.UpdateMetadata(ctx, layout)))
	})
}

// create adds a fragment behind another; write fills its node. It fails with errExists when the layout has it already.
func (r *layoutResource) create(ctx context.Context, f fragment, after string, write func(layout, node *metadata.Node) error) error {
	tried := false // an earlier try may have been applied although its answer was lost
	return r.edit(ctx, f.layoutName(), func(layout *metadata.Node) error {
		if live := f.kind.find(layout, f.name); live != nil {
			before := live.String()
			if !tried || write(layout, live) != nil || live.String() != before {
				return errExists
			}
			return nil
		}
		tried = true
		node := metadata.NewNode(f.kind.element, metadata.NewText(f.kind.key, f.name))
		if err := write(layout, node); err != nil {
			return err
		}
		return f.kind.place(layout, node, after)
	})
}

// update changes a fragment, and moves it when after is given.
func (r *layoutResource) update(ctx context.Context, f fragment, after string, write func(layout, node *metadata.Node) error) error {
	return r.edit(ctx, f.layoutName(), func(layout *metadata.Node) error {
		node := f.kind.find(layout, f.name)
		if node == nil {
			return errDeleted
		}
		if err := write(layout, node); err != nil || after == "" {
			return err
		}
		return f.kind.place(layout, node, after)
	})
}

// remove takes a fragment off its layout. One that is gone already is no failure.
func (r *layoutResource) remove(ctx context.Context, f fragment) error {
	err := r.edit(ctx, f.layoutName(), func(layout *metadata.Node) error {
		if node := f.kind.find(layout, f.name); node != nil {
			layout.Remove(node)
		}
		return nil
	})
	var missing *noLayoutError
	if errors.As(err, &missing) {
		return nil
	}
	return err
}

// plan notes that the plan makes a fragment, and checks what it names on the live layout, which it gives; nil when it
// cannot be checked.
func (r *layoutResource) plan(ctx context.Context, f fragment, after types.String, diagnostics *diag.Diagnostics) *metadata.Node {
	r.remote.PlansMetadata(f.kind.element, f.id())
	if _, err := r.remote.Salesforce(ctx); err != nil {
		return nil // a warning was given: see reachable
	}
	layout, err := r.find(ctx, f.layoutName())
	var missing *noLayoutError
	switch {
	case errors.As(err, &missing):
		diagnostics.AddAttributeError(path.Root("layout"), "Layout does not exist",
			remote.Detail(err)+"\n\nLayouts are made in Salesforce's Setup. Correct the name, or make the layout first.")
		return nil
	case err != nil:
		diagnostics.AddError("Layout could not be read", remote.Detail(err))
		return nil
	}
	behind := fragment{f.kind, f.object, f.layout, after.ValueString()}
	if behind.name != "" && f.kind.find(layout.Node, behind.name) == nil && !r.remote.MetadataPlanned(f.kind.element, behind.id()) {
		diagnostics.AddAttributeWarning(path.Root("after"), fmt.Sprintf("Layout has no such %s yet", f.kind.what),
			fmt.Sprintf("%s does not have %s; it has: %s. Placing something behind it fails unless it is made by then: refer to its resource, so that it comes first.",
				f.layoutName(), behind.name, strings.Join(f.kind.names(layout.Node), ", ")))
	}
	return layout.Node
}

// parseID takes an import id apart. A layout's name and a section's label can hold the separator, so the layouts that exist
// decide.
func (r *layoutResource) parseID(ctx context.Context, kind fragmentKind, id string, diagnostics *diag.Diagnostics) (f fragment, ok bool) {
	listed, err := r.remote.ListMetadata(ctx, kindLayout)
	if err != nil {
		diagnostics.AddError("Layouts could not be listed", remote.Detail(err))
		return fragment{}, false
	}
	for _, candidate := range listed {
		plain := plainName(candidate)
		object, layout, _ := strings.Cut(plain, "-")
		if name, found := strings.CutPrefix(id, plain+"/"); found && name != "" && len(plain) >= len(f.layoutName()) {
			f = fragment{kind, object, layout, name}
		}
	}
	if f.name == "" {
		diagnostics.AddError(fmt.Sprintf("Import id of a %s is malformed", kind.what),
			fmt.Sprintf("The id is <object>-<layout>/<%s>, for example %s; it is %q. The layouts are: %s.", kind.key, exampleID[kind], id, strings.Join(listed, ", ")))
		return fragment{}, false
	}
	return f, true
}

var exampleID = map[fragmentKind]string{
	relatedLists:   "Opportunity-Opportunity Layout/RelatedContentNoteList",
	layoutSections: "Opportunity-Opportunity Layout/Microsoft Partner Center",
}

// importState takes over an import id or an identity, whose last attribute is the fragment's name. The id stays empty, which
// tells the read that follows to take everything in.
func (r *layoutResource) importState(ctx context.Context, kind fragmentKind, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	f := fragment{kind: kind}
	if req.ID != "" || req.Identity == nil {
		var ok bool
		if f, ok = r.parseID(ctx, kind, req.ID, &resp.Diagnostics); !ok {
			return
		}
	} else {
		given := f.identity()
		for attribute := range given {
			var value string
			resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root(attribute), &value)...)
			given[attribute] = value
		}
		f.object, f.layout, f.name = given["object"], given["layout"], given["list"]+given["label"]
		r.sameOrg(ctx, req.Identity, &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	for attribute, value := range f.identity() {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
}

// addFragmentError explains why a fragment could not be written.
func addFragmentError(diagnostics *diag.Diagnostics, f fragment, done string, err error) {
	if errors.Is(err, errExists) {
		diagnostics.AddError(fmt.Sprintf("Layout has this %s already", f.kind.what),
			fmt.Sprintf("%s was not made by this configuration and is left alone. To manage it, import it:\n\n  terraform import %s.<name> '%s'\n\nor remove it from the layout first.",
				f.id(), f.kind.resourceType, f.id()))
		return
	}
	detail := remote.Detail(fmt.Errorf("%s: %w", f.id(), err))
	var refusal *client.APIError
	if errors.As(err, &refusal) && refusal.Class() == problem.NeedsPerson {
		detail += "\n\nWhat a layout shows must exist before: fields, the lookup of a custom list, and for the lists of notes and of the opportunity team the setting " +
			"that brings them (cosell_salesforce_settings). Refer to their resources, so that they come first."
	}
	diagnostics.AddError(fmt.Sprintf("Salesforce %s was not %s", f.kind.what, done), detail)
}
