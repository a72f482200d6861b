package remote

import "sync"

// planned holds the metadata components that this walk's plan makes.
type planned struct {
	mu    sync.Mutex
	names map[string]bool            // type and full name
	added map[string]map[string]bool // new fields, by object
}

// PlansMetadata notes that the plan makes a component: what is planned later in this walk may count on it, because the
// apply comes in the same order.
func (r *Remote) PlansMetadata(kind, fullName string) {
	r.planned.mu.Lock()
	defer r.planned.mu.Unlock()
	if r.planned.names == nil {
		r.planned.names = map[string]bool{}
	}
	r.planned.names[kind+" "+fullName] = true
}

// MetadataPlanned reports whether the plan makes a component. A resource that refers to the component's resource is planned
// after it, so the answer is certain for it. It is no question for apply, where only what is there counts.
func (r *Remote) MetadataPlanned(kind, fullName string) bool {
	r.planned.mu.Lock()
	defer r.planned.mu.Unlock()
	return r.planned.names[kind+" "+fullName]
}

// PlansField notes that the plan makes a new field on an object, and counts those that it makes there so far.
func (r *Remote) PlansField(object, name string) int {
	r.planned.mu.Lock()
	defer r.planned.mu.Unlock()
	if r.planned.added == nil {
		r.planned.added = map[string]map[string]bool{}
	}
	if r.planned.added[object] == nil {
		r.planned.added[object] = map[string]bool{}
	}
	r.planned.added[object][name] = true
	return len(r.planned.added[object])
}
