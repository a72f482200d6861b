package lab

import (
	"sync"
	"time"
)

// Clock is the sandbox's own time: it follows the machine's clock plus an offset that tests move.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
}

// NewClock returns a clock that shows the machine's time.
func NewClock() *Clock { return &Clock{} }

// Now is the sandbox's time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset).UTC()
}

// Advance moves the clock forward. It never goes backwards: a negative duration changes nothing.
func (c *Clock) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}
