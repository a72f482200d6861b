package remote

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// reads keeps what was read of the organisation during this walk.
type reads struct {
	mu        sync.Mutex
	metadata  map[string]*batch[found]  // by component type
	listed    *batch[map[string]string] // by component type: the full names, by their lower case
	describes *batch[*salesforce.Describe]
	tables    map[string]*batch[tableRows] // by statement
	changed   map[string]bool              // rows, as Table.row names them
	limits    *batch[FieldLimit]           // by object
}

// Presence says what is known about a metadata component.
type Presence int

const (
	// Absent components do not exist.
	Absent Presence = iota
	// Hidden components exist, but nothing grants them to the provider's user: their definition cannot be read.
	Hidden
	// Present components exist and were read.
	Present
)

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
		r.reads.describes.alone = r.config.Alone
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

// FindMetadata looks a component up by its type, e.g. "CustomField", and full name. An empty answer of readMetadata is
// cross-checked with the list of components, because it also means that the user may not see the component (source:
// Metadata API Developer Guide, "readMetadata()"). Only a [Present] component is given; it is a copy. Reads that come while
// another is under way share a call, and what was read is kept until [Remote.Changed].
func (r *Remote) FindMetadata(ctx context.Context, kind, fullName string) (metadata.Component, Presence, error) {
	component, ok, err := r.readMetadata(ctx, kind, fullName)
	if err != nil {
		return metadata.Component{}, Absent, err
	}
	if ok {
		return component, Present, nil
	}
	listed, err := r.list(ctx, kind)
	if err != nil || listed[strings.ToLower(fullName)] == "" {
		return metadata.Component{}, Absent, err
	}
	return metadata.Component{}, Hidden, nil
}

// ListMetadata gives the full names of a type's components, sorted, as the service writes them.
func (r *Remote) ListMetadata(ctx context.Context, kind string) ([]string, error) {
	listed, err := r.list(ctx, kind)
	return slices.Sorted(maps.Values(listed)), err
}

// list gives the names of a type's components by their lower case, read once per walk and shared.
func (r *Remote) list(ctx context.Context, kind string) (map[string]string, error) {
	r.reads.mu.Lock()
	if r.reads.listed == nil {
		r.reads.listed = newBatch(1, r.fetchList)
		r.reads.listed.alone = r.config.Alone
	}
	lists := r.reads.listed
	r.reads.mu.Unlock()
	return lists.get(ctx, kind)
}

func (r *Remote) fetchList(ctx context.Context, kinds []string) (map[string]map[string]string, error) {
	client, err := r.Salesforce(ctx)
	if err != nil {
		return nil, err
	}
	lists := map[string]map[string]string{}
	for _, kind := range kinds {
		var files []salesforce.FileProperties
		if err := r.Retry(ctx, func(ctx context.Context) (err error) {
			files, err = client.ListMetadata(ctx, kind)
			return err
		}); err != nil {
			return nil, err
		}
		lists[kind] = map[string]string{}
		for _, file := range files {
			lists[kind][strings.ToLower(file.FullName)] = file.FullName
		}
	}
	return lists, nil
}

// readMetadata gives a component as the user may see it. A field is read with all fields of its object, which are one component;
// others are read ten per call.
func (r *Remote) readMetadata(ctx context.Context, kind, fullName string) (component metadata.Component, ok bool, err error) {
	if kind == kindField && !r.config.Alone {
		return r.readField(ctx, fullName)
	}
	read, err := r.read(ctx, kind, fullName)
	if err != nil || !read.ok {
		return metadata.Component{}, false, err
	}
	return read.component.Clone(), true, nil
}

const (
	kindField  = "CustomField"
	kindObject = "CustomObject"
)

// readField takes a field out of its object's definition (source: Metadata API Developer Guide, "CustomObject": fields).
func (r *Remote) readField(ctx context.Context, fullName string) (component metadata.Component, ok bool, err error) {
	objectName, name, _ := strings.Cut(fullName, ".")
	object, err := r.read(ctx, kindObject, objectName)
	if err != nil || !object.ok {
		return metadata.Component{}, false, err
	}
	for _, field := range object.component.Node.All("fields") {
		if !strings.EqualFold(field.ChildText("fullName"), name) {
			continue
		}
		var content []*metadata.Node
		for _, child := range field.Clone().Children() {
			if child.Name() != "fullName" {
				content = append(content, child)
			}
		}
		return metadata.New(kindField, object.component.FullName+"."+field.ChildText("fullName"), content...), true, nil
	}
	return metadata.Component{}, false, nil
}

// read gives what is kept of a component, or reads it.
func (r *Remote) read(ctx context.Context, kind, fullName string) (found, error) {
	r.reads.mu.Lock()
	if r.reads.metadata == nil {
		r.reads.metadata = map[string]*batch[found]{}
	}
	components, known := r.reads.metadata[kind]
	if !known {
		components = newBatch(salesforce.MaxMetadata, func(ctx context.Context, names []string) (map[string]found, error) {
			return r.fetchMetadata(ctx, kind, names)
		})
		components.alone = r.config.Alone
		r.reads.metadata[kind] = components
	}
	r.reads.mu.Unlock()
	return components.get(ctx, fullName)
}

// MetadataListed reports whether a component of a name exists, by the list of all components of its type.
func (r *Remote) MetadataListed(ctx context.Context, kind, fullName string) (bool, error) {
	names, err := r.list(ctx, kind)
	return names[strings.ToLower(fullName)] != "", err
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
func (r *Remote) Changed(objects ...string) { r.drop(true, objects...) }

// drop is [Remote.Changed], with or without the lists, which hold the parts of every object.
func (r *Remote) drop(lists bool, objects ...string) {
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
	if r.reads.listed != nil && lists {
		r.reads.listed.forget(func(string) bool { return true })
	}
}

// belongsTo reports whether a metadata component's full name is an object or a part of it: a field, a layout.
func belongsTo(fullName, object string) bool {
	return fullName == object || strings.HasPrefix(fullName, object+".") || strings.HasPrefix(fullName, object+"-")
}
