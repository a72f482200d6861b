package remote

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// callTimeout bounds one metadata call that serves several callers, none of whom may end it.
const callTimeout = 2 * time.Minute

// writes sends what many resources create or delete at about the same time with few calls: ten components in each, one call
// after the other, because Salesforce refuses concurrent setup changes.
//
// At -parallelism=1 each goes by itself, and that stays so: Terraform asks for the next change only when the one before has ended, and an
// apply's process knows nothing of the changes that it has not been asked for (each Configure is one walk, and a planned private state belongs
// to its resource). To fill a call, the provider would have to write what other resources were planned to make before Terraform asks for
// them; an apply that is stopped, or a dependency that fails, would then leave components that no state knows. Reads, which can be dropped
// without harm, are shared at any parallelism.
type writes struct {
	mu      sync.Mutex
	waiting []*change
	running bool
}

// change is a component that somebody wants to make or to delete.
type change struct {
	ctx       context.Context // whoever gave up before the call went out is left out of it
	remove    bool
	component metadata.Component // to delete: its type and name
	sent      bool
	done      chan struct{}
	err       error
}

// CreateMetadata makes a component, once. Those that are made at the same time share a call, and each has its own result. A
// caller that gives up before the call went out changes nothing; after that the result is waited for.
func (r *Remote) CreateMetadata(ctx context.Context, component metadata.Component) error {
	return r.write(&change{ctx: ctx, component: component, done: make(chan struct{})})
}

// DeleteMetadata deletes a component, as [Remote.CreateMetadata] makes one.
func (r *Remote) DeleteMetadata(ctx context.Context, kind, fullName string) error {
	return r.write(&change{ctx: ctx, remove: true, component: metadata.Component{Type: kind, FullName: fullName}, done: make(chan struct{})})
}

func (r *Remote) write(c *change) error {
	w := &r.writes
	w.mu.Lock()
	w.waiting = append(w.waiting, c)
	if !w.running {
		w.running = true
		go r.runWrites(context.WithoutCancel(c.ctx))
	}
	w.mu.Unlock()
	select {
	case <-c.done:
		return c.err
	case <-c.ctx.Done():
	}
	w.mu.Lock()
	sent := c.sent
	w.mu.Unlock()
	if !sent { // the run leaves it out
		return c.ctx.Err()
	}
	<-c.done
	return c.err
}

func (r *Remote) runWrites(ctx context.Context) {
	for {
		r.config.Gather(ctx, r.waitingWrites)
		unlock := r.Lock(LockMetadata)
		changes := r.nextWrites()
		if len(changes) > 0 {
			r.send(ctx, changes)
		}
		unlock()
		if len(changes) == 0 && r.rest() {
			return
		}
	}
}

func (r *Remote) waitingWrites() int {
	r.writes.mu.Lock()
	defer r.writes.mu.Unlock()
	return len(r.writes.waiting)
}

// rest ends the run unless something has come meanwhile.
func (r *Remote) rest() bool {
	w := &r.writes
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = len(w.waiting) > 0
	return !w.running
}

// nextWrites takes the changes of the next call, which are of one kind.
func (r *Remote) nextWrites() []*change {
	w := &r.writes
	w.mu.Lock()
	defer w.mu.Unlock()
	limit := salesforce.MaxMetadata
	if r.config.Alone {
		limit = 1
	}
	var taken, left []*change
	for _, c := range w.waiting {
		switch {
		case c.ctx.Err() != nil: // gave up
		case len(taken) < limit && (len(taken) == 0 || c.remove == taken[0].remove && c.component.Type == taken[0].component.Type):
			c.sent = true
			taken = append(taken, c)
		default:
			left = append(left, c)
		}
	}
	w.waiting = left
	return taken
}

// send makes the call and gives everybody the result. A call that is refused as a whole for what stands in it, not for the
// moment, is made again for each component by itself: one that is malformed must not fail the others.
func (r *Remote) send(ctx context.Context, changes []*change) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	results, err := r.callMetadata(ctx, changes)
	if err != nil && len(changes) > 1 && !passing(err) && !salesforce.IsLocked(err) && !salesforce.IsAmbiguous(err) && !salesforce.IsDenied(err) {
		for _, c := range changes {
			r.send(ctx, []*change{c})
		}
		return
	}
	for i, c := range changes {
		if c.err = err; err == nil {
			c.err = results[i].Err()
		}
		r.noteWrite(c)
		close(c.done)
	}
}

var errResults = errors.New("salesforce: the answer does not hold a result for each component")

func (r *Remote) callMetadata(ctx context.Context, changes []*change) ([]salesforce.MetadataResult, error) {
	client, err := r.Salesforce(ctx)
	if err != nil {
		return nil, err
	}
	var results []salesforce.MetadataResult
	if changes[0].remove {
		names := make([]string, len(changes))
		for i, c := range changes {
			names[i] = c.component.FullName
		}
		results, err = client.DeleteMetadata(ctx, changes[0].component.Type, names...)
	} else {
		components := make([]metadata.Component, len(changes))
		for i, c := range changes {
			components[i] = c.component
		}
		results, err = client.CreateMetadata(ctx, components...)
	}
	if err == nil && len(results) != len(changes) {
		err = errResults
	}
	return results, err
}

// noteWrite drops what was read of the object. The list of components, which every create looks into, is kept right instead of
// being read again, unless it is not known what became of the change.
func (r *Remote) noteWrite(c *change) {
	kind, fullName := c.component.Type, c.component.FullName
	object, _, _ := strings.Cut(fullName, ".")
	known := c.err == nil
	if known {
		r.reads.mu.Lock()
		lists := r.reads.listed
		r.reads.mu.Unlock()
		if lists != nil {
			lists.change(kind, func(names map[string]string) map[string]string { return withName(names, fullName, !c.remove) })
		}
	}
	// An object brings and takes its fields along.
	r.drop(!known || kind != "CustomField", object)
}

// withName gives a copy of a list with a name added or removed: others may be reading the list as it was.
func withName(names map[string]string, fullName string, there bool) map[string]string {
	changed := make(map[string]string, len(names)+1)
	for key, name := range names {
		changed[key] = name
	}
	if there {
		changed[strings.ToLower(fullName)] = fullName
	} else {
		delete(changed, strings.ToLower(fullName))
	}
	return changed
}
