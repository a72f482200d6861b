package lab

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestClockOnlyMovesForward(t *testing.T) {
	clock := NewClock()
	before := clock.Now()
	clock.Advance(14 * 24 * time.Hour)
	clock.Advance(-time.Hour)
	moved := clock.Now().Sub(before)
	if moved < 14*24*time.Hour || moved > 14*24*time.Hour+time.Minute {
		t.Errorf("clock moved by %v, want 14 days", moved)
	}
	if clock.Now().Location() != time.UTC {
		t.Error("clock is not in UTC")
	}
}

func TestLogNumbersAndWait(t *testing.T) {
	log := NewLog(NewClock())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- log.Wait(ctx, 1) }()
	fields := []string{"b", "a"}
	if seq := log.Append(Operation{Service: "entra", Action: "token"}); seq != 1 {
		t.Fatalf("first row has number %d", seq)
	}
	log.Append(Operation{Service: "salesforce", Action: "create", Status: 201, Fields: fields})
	if err := <-done; err != nil {
		t.Fatalf("Wait: %v", err)
	}
	if fields[0] != "b" {
		t.Error("Append sorted the caller's slice")
	}
	rows := log.Since(1)
	if len(rows) != 1 || rows[0].Seq != 2 || !reflect.DeepEqual(rows[0].Fields, []string{"a", "b"}) || !rows[0].IsWrite() {
		t.Errorf("Since(1) = %+v", rows)
	}
	if len(log.Since(99)) != 0 || len(log.Since(-1)) != 2 {
		t.Error("Since is not tolerant of numbers outside the log")
	}
	ended, stop := context.WithCancel(ctx)
	stop()
	if err := log.Wait(ended, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait after the context ended: %v", err)
	}
}

func TestIsWrite(t *testing.T) {
	for _, c := range []struct {
		op   Operation
		want bool
	}{
		{Operation{Action: "update", Status: 204}, true},
		{Operation{Action: "delete", Status: 0}, true},
		{Operation{Action: "create", Status: 400}, false},
		{Operation{Action: "read", Status: 200}, false},
	} {
		if got := c.op.IsWrite(); got != c.want {
			t.Errorf("%+v: IsWrite = %v", c.op, got)
		}
	}
}

func TestSwitches(t *testing.T) {
	s := NewSwitches(
		Switch{ID: "b", Values: []string{"x", "y"}, Default: "x"},
		Switch{ID: "a", Values: []string{"on", "off"}, Default: "off"},
	)
	if err := s.Set("b", "y"); err != nil || !s.Is("b", "y") {
		t.Errorf("Set: %v, value %q", err, s.Get("b"))
	}
	if s.Set("b", "z") == nil || s.Set("c", "x") == nil {
		t.Error("an unknown value or id was accepted")
	}
	all := s.All()
	if len(all) != 2 || all[0].ID != "a" || all[0].Value != "off" || all[1].Value != "y" {
		t.Errorf("All = %+v", all)
	}
	for name, bad := range map[string]func(){
		"unknown id": func() { s.Get("c") },
		"bad table":  func() { NewSwitches(Switch{ID: "a", Values: []string{"x"}, Default: "y"}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			bad()
		}()
	}
}

func TestFaultPlanJSON(t *testing.T) {
	var plan FaultPlan
	in := `{"rate":0.5,"seed":7,"latency":"50ms","kinds":["reset"],"services":["entra"]}`
	if err := json.Unmarshal([]byte(in), &plan); err != nil {
		t.Fatal(err)
	}
	if out, err := json.Marshal(plan); err != nil || string(out) != in {
		t.Errorf("round trip gave %s (%v)", out, err)
	}
	for _, bad := range []string{`{"latency":"soon"}`, `{"rate":"often"}`, `{"kind":"reset"}`} {
		if json.Unmarshal([]byte(bad), &plan) == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
	for _, bad := range []FaultPlan{{Rate: 2}, {Latency: -1}, {Kinds: []string{"gremlin"}}} {
		if NewFaults().Set(bad) == nil {
			t.Errorf("plan %+v was accepted", bad)
		}
	}
}

func TestFaultsAreDeterministicPerPath(t *testing.T) {
	get := func(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }
	draw := func(noise bool) (kinds []string) {
		f := NewFaults()
		if err := f.Set(FaultPlan{Rate: 0.5, Seed: 11, Services: []string{"entra"}}); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			if noise {
				f.Draw("entra", get("/other"))
			}
			kinds = append(kinds, f.Draw("entra", get("/a")).Kind)
		}
		if f.Draw("salesforce", get("/a")).Kind != "" {
			t.Error("a service that the plan leaves out got a fault")
		}
		return kinds
	}
	quiet, noisy := draw(false), draw(true)
	if !reflect.DeepEqual(quiet, noisy) {
		t.Error("requests to another path changed the faults of this one")
	}
	hits := 0
	for _, kind := range quiet {
		if kind != "" {
			hits++
		}
	}
	if hits < 60 || hits > 140 {
		t.Errorf("%d of 200 requests got a fault at rate 0.5", hits)
	}
}

func TestFaultMiddleware(t *testing.T) {
	kit := NewKit()
	applied := make(chan string, 1) // the fault that the service saw
	service := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		applied <- FaultOf(r.Context())
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "done")
	})
	server := httptest.NewServer(kit.Faults.Middleware("entra", nil, service))
	defer server.Close()
	for _, c := range []struct {
		kind    string
		status  int // 0: no answer
		applies int
	}{
		{FaultUnavailable, 503, 0}, {FaultThrottled, 429, 0}, {FaultExpiredSession, 401, 0}, {FaultRowLock, 503, 0},
		{FaultReset, 0, 0}, {FaultLostResponse, 0, 1},
	} {
		if err := kit.Faults.Set(FaultPlan{Rate: 1, Kinds: []string{c.kind}}); err != nil {
			t.Fatal(err)
		}
		status := 0
		response, err := http.Post(server.URL, "text/plain", strings.NewReader("x"))
		if err == nil {
			status = response.StatusCode
			response.Body.Close()
		}
		if status != c.status || len(applied) != c.applies {
			t.Errorf("%s: status %d, applied %d times; want %d, %d", c.kind, status, len(applied), c.status, c.applies)
		}
		if c.applies > 0 {
			if seen := <-applied; seen != c.kind {
				t.Errorf("the service saw the fault %q", seen)
			}
		}
	}
	if rows := kit.Log.Since(0); len(rows) != 5 || rows[0].Fault != FaultUnavailable || rows[0].Status != 503 {
		t.Errorf("logged %+v", rows)
	}
}

func TestFaultMiddlewareRendersAndWaits(t *testing.T) {
	faults := NewFaults()
	if err := faults.Set(FaultPlan{Rate: 1, Kinds: []string{FaultRowLock}, Latency: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	handler := faults.Middleware("salesforce", func(w http.ResponseWriter, kind string) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, kind)
	}, http.NotFoundHandler())
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != 400 || w.Body.String() != FaultRowLock {
		t.Errorf("answer %d %q", w.Code, w.Body)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := faults.Set(FaultPlan{Latency: time.Hour}); err != nil {
		t.Fatal(err)
	}
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil).WithContext(gone))
}

func TestTrapHoldsTheCountedWrite(t *testing.T) {
	trap := NewTrap()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	write := func(r *http.Request) error {
		if err := trap.Before(r); err != nil {
			return err
		}
		return trap.After(r)
	}
	for _, when := range []string{TrapBefore, TrapAfter} {
		if err := write(r); err != nil {
			t.Fatalf("a trap that is not armed held a write: %v", err)
		}
		if err := trap.Arm(2, when); err != nil {
			t.Fatal(err)
		}
		if err := write(r); err != nil {
			t.Fatal(err)
		}
		gone, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- write(r.WithContext(gone)) }()
		<-trap.Hit()
		if err := write(r); err != nil {
			t.Fatalf("the write after the held one: %v", err)
		}
		if when == TrapBefore {
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("the caller was killed, yet Before returned %v", err)
			}
			trap.Release()
		} else {
			trap.Release()
			if err := <-done; err != nil {
				t.Errorf("released write: %v", err)
			}
		}
		cancel()
	}
	if trap.Arm(0, TrapAfter) == nil || trap.Arm(1, "later") == nil {
		t.Error("a senseless trap was accepted")
	}
}
