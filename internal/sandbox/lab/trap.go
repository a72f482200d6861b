package lab

import (
	"fmt"
	"net/http"
	"sync"
)

// When a trap holds the caller.
const (
	TrapBefore = "before" // the write has not been applied
	TrapAfter  = "after"  // the write has been applied, its answer is withheld
)

// Trap holds back one answer at a counted effect, so that a harness can kill a program exactly there. Writes are counted over
// all services, from Arm on; acts of people are not counted.
//
// A service calls Before when a write has passed every check and is about to be applied, and After when it has been applied
// and before it answers. Neither may be called while holding a lock that other requests need.
type Trap struct {
	mu      sync.Mutex
	armed   bool
	n       int
	when    string
	begun   int
	applied int
	hit     chan struct{}
	release chan struct{}
}

// NewTrap returns a trap that is not armed.
func NewTrap() *Trap {
	return &Trap{hit: make(chan struct{}), release: make(chan struct{})}
}

// Arm sets the trap for the n-th write from now on, and lets go whoever an earlier trap still holds. It refuses n below 1
// and a moment other than "before" and "after".
func (t *Trap) Arm(n int, when string) error {
	if n < 1 || (when != TrapBefore && when != TrapAfter) {
		return fmt.Errorf("trap at write %d, %q: the number starts at 1 and the moment is %q or %q", n, when, TrapBefore, TrapAfter)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.release)
	t.armed, t.n, t.when, t.begun, t.applied = true, n, when, 0, 0
	t.hit, t.release = make(chan struct{}), make(chan struct{})
	return nil
}

// Hit is closed when the armed trap holds its write.
func (t *Trap) Hit() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hit
}

// Release lets the held write go on and disarms the trap.
func (t *Trap) Release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.armed = false
	close(t.release)
	t.release = make(chan struct{})
}

// Before is called when a write is about to be applied. It returns an error when the trap held the write and the caller went
// away meanwhile: the write must then not be applied, for the program was killed before it.
func (t *Trap) Before(r *http.Request) error {
	t.mu.Lock()
	t.begun++
	release := t.springs(TrapBefore, t.begun)
	t.mu.Unlock()
	return hold(r, release)
}

// After is called when a write has been applied and its answer is not yet sent. It returns an error when the caller went away
// while it was held; there is nobody left to answer.
func (t *Trap) After(r *http.Request) error {
	t.mu.Lock()
	t.applied++
	release := t.springs(TrapAfter, t.applied)
	t.mu.Unlock()
	return hold(r, release)
}

// springs returns the channel to wait on if this is the counted write, else nil. The trap's lock is held.
func (t *Trap) springs(when string, count int) chan struct{} {
	if !t.armed || t.when != when || t.n != count {
		return nil
	}
	close(t.hit)
	return t.release
}

func hold(r *http.Request, release chan struct{}) error {
	if release == nil {
		return nil
	}
	select {
	case <-release:
		return nil
	case <-r.Context().Done():
		return fmt.Errorf("the caller went away while its write was held: %w", r.Context().Err())
	}
}
