package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// service is a remote system that squares numbers, slowly, and refuses multiples of ten.
type service struct {
	mu      sync.Mutex
	calls   [][]int
	busy    int
	busiest int
	down    error
}

var errTen = errors.New("a multiple of ten")

func square(n int) (int, error) {
	if n%10 == 0 {
		return 0, errTen
	}
	return n * n, nil
}

func (s *service) call(ctx context.Context, requests []int) ([]Result[int], error) {
	s.mu.Lock()
	s.calls = append(s.calls, requests)
	s.busy++
	s.busiest = max(s.busiest, s.busy)
	down := s.down
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy--
	}()
	select {
	case <-time.After(50 * time.Millisecond):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if down != nil {
		return nil, down
	}
	results := make([]Result[int], len(requests))
	for i, n := range requests {
		results[i].Value, results[i].Err = square(n)
	}
	return results, nil
}

// A call that nobody else waits with goes out at once and alone.
func TestALonelyCallDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		g := New(Options[int]{Size: 100, Slots: 2}, s.call)
		started := time.Now()
		if got, err := g.Do(t.Context(), 3); got != 9 || err != nil {
			t.Errorf("got %d, %v", got, err)
		}
		if took := time.Since(started); took != 50*time.Millisecond {
			t.Errorf("it took %s", took)
		}
	})
}

// What is asked while all slots are busy leaves together: two calls begin at once, and all others go with the third.
func TestWhatWaitsTravelsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		g := New(Options[int]{Size: 200, Slots: 2}, s.call)
		var all sync.WaitGroup
		started := time.Now()
		for n := range 200 {
			all.Go(func() {
				if _, err := g.Do(t.Context(), n*10+1); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if len(s.calls) != 3 || len(s.calls[2]) != 198 || s.busiest != 2 {
			t.Errorf("%d calls, %d at once", len(s.calls), s.busiest)
		}
		if took := time.Since(started); took != 100*time.Millisecond {
			t.Errorf("it took %s", took)
		}
	})
}

// A call never carries more than its size and its budget, and a request that is over the budget goes alone.
func TestACallKeepsItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		g := New(Options[int]{Size: 3, Cost: func(n int) int { return n }, Budget: 10, Gather: func() { time.Sleep(time.Nanosecond) }, Order: cmp.Compare[int]}, s.call)
		var all sync.WaitGroup
		for _, n := range []int{5, 1, 2, 4, 3, 11, 6, 12} {
			all.Go(func() {
				if _, err := g.Do(t.Context(), n); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := fmt.Sprint(s.calls); got != "[[1 2 3] [4 5] [6] [11] [12]]" {
			t.Errorf("the calls carried %s", got)
		}
	})
}

// A failed call is the failure of each of its requests, and of no others.
func TestAFailedCallFailsEachOfItsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		s := &service{down: down}
		g := New(Options[int]{Size: 10}, s.call)
		var all sync.WaitGroup
		for n := 1; n < 5; n++ {
			all.Go(func() {
				if _, err := g.Do(t.Context(), n); !errors.Is(err, down) {
					t.Errorf("%d: %v", n, err)
				}
			})
		}
		time.Sleep(70 * time.Millisecond)
		s.mu.Lock()
		s.down = nil
		s.mu.Unlock()
		all.Wait()
		if _, err := g.Do(t.Context(), 3); err != nil {
			t.Error(err)
		}
	})
}

// A caller who gives up leaves the others alone: what it asked for is not sent any more, or its answer is left unread. A call that
// nobody waits for ends.
func TestGivingUpConcernsOnlyTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		g := New(Options[int]{Size: 10}, s.call)
		going, goAway := context.WithCancel(t.Context())
		gone, leave := context.WithCancel(t.Context())
		errs := map[string]error{}
		var all sync.WaitGroup
		ask := func(ctx context.Context, who string, n int) {
			all.Go(func() {
				_, err := g.Do(ctx, n)
				s.mu.Lock()
				defer s.mu.Unlock()
				errs[who] = err
			})
			synctest.Wait()
		}
		ask(gone, "alone on its way", 1)
		ask(going, "waiting", 2)
		ask(t.Context(), "patient", 3)
		started := time.Now()
		time.Sleep(10 * time.Millisecond)
		goAway()
		synctest.Wait()
		leave()
		all.Wait()
		var abandoned *Abandoned
		if !errors.As(errs["alone on its way"], &abandoned) || !abandoned.Ambiguous() || !errors.Is(abandoned, context.Canceled) {
			t.Errorf("on its way: %v", errs["alone on its way"])
		}
		if err := errs["waiting"]; !errors.Is(err, context.Canceled) || errors.As(err, &abandoned) {
			t.Errorf("waiting: %v", err)
		}
		if errs["patient"] != nil || fmt.Sprint(s.calls) != "[[1] [3]]" {
			t.Errorf("patient: %v, calls %v", errs["patient"], s.calls)
		}
		if took := time.Since(started); took != 60*time.Millisecond {
			t.Errorf("the call that nobody waited for went on: %s", took)
		}
	})
}

// Whatever the limits and whoever comes when, everybody gets what a call of one's own would have given, and everything is asked
// for exactly once.
func TestItIsAsIfEachCalledAlone(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			s := &service{}
			options := Options[int]{Size: 1 + random.IntN(9), Slots: 1 + random.IntN(3), Budget: 1 + random.IntN(300)}
			if random.IntN(2) == 0 {
				options.Cost = func(n int) int { return n }
			}
			g := New(options, s.call)
			var all sync.WaitGroup
			for n := range 60 {
				wait := time.Duration(random.IntN(200)) * time.Millisecond
				all.Go(func() {
					time.Sleep(wait)
					want, wantErr := square(n)
					if got, err := g.Do(t.Context(), n); got != want || !errors.Is(err, wantErr) {
						t.Errorf("seed %d: %d gave %d, %v", seed, n, got, err)
					}
				})
			}
			all.Wait()
			asked := slices.Sorted(slices.Values(slices.Concat(s.calls...)))
			if len(asked) != 60 || len(slices.Compact(asked)) != 60 || s.busiest > options.Slots {
				t.Errorf("seed %d: asked %v, %d at once of %d", seed, asked, s.busiest, options.Slots)
			}
			for _, call := range s.calls {
				if len(call) > options.Size {
					t.Errorf("seed %d: a call carried %d, most is %d", seed, len(call), options.Size)
				}
			}
		})
	}
}

// A call that answers too little fails each of its requests instead of leaving somebody without an answer.
func TestAnAnswerTooFewFails(t *testing.T) {
	g := New(Options[int]{}, func(context.Context, []int) ([]Result[int], error) { return nil, nil })
	if _, err := g.Do(t.Context(), 1); err == nil {
		t.Error("nothing failed")
	}
	if r := Failed[int](errTen); !errors.Is(r.Err, errTen) || Of(1).Value != 1 {
		t.Error(r)
	}
}
