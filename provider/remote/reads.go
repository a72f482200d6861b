package remote

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// reads keeps what was read of the organisation during this walk.
type reads struct {
	mu        sync.Mutex
	metadata  map[string]*batch[found] // by component type
	describes *batch[*salesforce.Describe]
}

// found is a component that was asked for; the zero value is one that does not exist or is not visible.
type found struct {
	component metadata.Component
	ok        bool
}

// Describe gives an object as the provider's user sees it, read once per walk and shared. The caller does not change it.
func (r *Remote) Describe(ctx context.Context, object string) (*salesforce.Describe, error) {
	r.reads.mu.Lock()
	if r.reads.describes == nil {
		r.reads.describes = newBatch(1, r.fetchDescribe)
	}
	describes := r.reads.describes
	r.reads.mu.Unlock()
	return describes.get(ctx, object)
}

func (r *Remote) fetchDescribe(ctx context.Context, objects []string) (map[string]*salesforce.Describe, error) {
	client, err := r.Salesforce(ctx)
	if err != nil {
		return nil, err
	}
	described := map[string]*salesforce.Describe{}
	for _, object := range objects {
		if err := r.Retry(ctx, func(ctx context.Context) (err error) {
			described[object], err = client.Data().Describe(ctx, object)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return described, nil
}

// ReadMetadata gives a component by its type, e.g. "CustomField", and full name. Reads that come while another is under
// way share a call, ten at a time, and what was read is kept until [Remote.Changed]. The component is a copy. ok is false
// when it does not exist, or the user may not see it: cross-check before believing that something is gone.
func (r *Remote) ReadMetadata(ctx context.Context, kind, fullName string) (component metadata.Component, ok bool, err error) {
	r.reads.mu.Lock()
	if r.reads.metadata == nil {
		r.reads.metadata = map[string]*batch[found]{}
	}
	components, known := r.reads.metadata[kind]
	if !known {
		components = newBatch(salesforce.MaxMetadata, func(ctx context.Context, names []string) (map[string]found, error) {
			return r.fetchMetadata(ctx, kind, names)
		})
		r.reads.metadata[kind] = components
	}
	r.reads.mu.Unlock()
	read, err := components.get(ctx, fullName)
	if err != nil || !read.ok {
		return metadata.Component{}, false, err
	}
	return read.component.Clone(), true, nil
}

func (r *Remote) fetchMetadata(ctx context.Context, kind string, names []string) (map[string]found, error) {
	client, err := r.Salesforce(ctx)
	if err != nil {
		return nil, err
	}
	var components []metadata.Component
	if err := r.Retry(ctx, func(ctx context.Context) (err error) {
		components, err = client.ReadMetadata(ctx, kind, names...)
		return err
	}); err != nil {
		return nil, err
	}
	answers := map[string]found{}
	for _, name := range names {
		at := slices.IndexFunc(components, func(c metadata.Component) bool { return strings.EqualFold(c.FullName, name) })
		if at < 0 {
			answers[name] = found{}
			continue
		}
		answers[name] = found{component: components[at], ok: true}
	}
	return answers, nil
}

// WriteMetadata runs a write to the organisation's metadata under the lock that Salesforce needs, again while something
// passing refuses it, and then drops what was read of the objects. A failure may be ambiguous: read back before giving up.
func (r *Remote) WriteMetadata(ctx context.Context, objects []string, write func(context.Context, *salesforce.Client) error) error {
	client, err := r.Salesforce(ctx)
	if err != nil {
		return err
	}
	defer r.Lock(LockMetadata)()
	defer r.Changed(objects...)
	return r.Retry(ctx, func(ctx context.Context) error { return write(ctx, client) })
}

// Changed drops what was read of objects: their descriptions, and metadata whose full name is the object or a part of it.
// Without objects it drops everything, for writes such as permissions that change how any object looks.
func (r *Remote) Changed(objects ...string) {
	concerned := func(name string) bool {
		return len(objects) == 0 || slices.ContainsFunc(objects, func(object string) bool { return belongsTo(name, object) })
	}
	r.reads.mu.Lock()
	defer r.reads.mu.Unlock()
	if r.reads.describes != nil {
		r.reads.describes.forget(concerned)
	}
	for _, components := range r.reads.metadata {
		components.forget(concerned)
	}
}

// belongsTo reports whether a metadata component's full name is an object or a part of it: a field, a layout.
func belongsTo(fullName, object string) bool {
	return fullName == object || strings.HasPrefix(fullName, object+".") || strings.HasPrefix(fullName, object+"-")
}
