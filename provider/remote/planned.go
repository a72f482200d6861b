package remote

import "sync"

// planned holds the metadata components that this walk's plan makes.
type planned struct {
	mu    sync.Mutex
	names map[string]bool // type and full name
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
