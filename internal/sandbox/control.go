package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/partnercenter"
)

const (
	maxControlBody = 1 << 20
	maxWait        = time.Minute // of the calls that wait
)

// misuse is an error of the caller of the control API.
type misuse struct {
	status int
	err    error
}

func (m *misuse) Error() string { return m.err.Error() }
func (m *misuse) Unwrap() error { return m.err }

func badRequest(err error) error { return &misuse{http.StatusBadRequest, err} }

// controlHandler serves the control API: JSON over HTTP, errors as {"error": "…"}.
func (s *Sandbox) controlHandler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(r *http.Request) (any, error){
		"GET /_sandbox/log":                  s.getLog,
		"GET /_sandbox/switches":             s.getSwitches,
		"PUT /_sandbox/switches":             s.putSwitches,
		"GET /_sandbox/faults":               s.getFaults,
		"PUT /_sandbox/faults":               s.putFaults,
		"GET /_sandbox/deliveries":           s.getDeliveries,
		"PUT /_sandbox/deliveries":           s.putDeliveries,
		"PUT /_sandbox/dataverse/deliveries": s.putDataverseDeliveries,
		"GET /_sandbox/dataverse/snapshot":   s.getDataverseSnapshot,
		"GET /_sandbox/clock":                s.getClock,
		"POST /_sandbox/clock/advance":       s.advanceClock,
		"POST /_sandbox/trap":                s.armTrap,
		"GET /_sandbox/trap/wait":            s.waitTrap,
		"POST /_sandbox/trap/release":        s.releaseTrap,
		"GET /_sandbox/acts":                 func(*http.Request) (any, error) { return Acts(), nil },
		"POST /_sandbox/act/{name}":          s.postAct,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Origin") != "" {
				// A page that a browser shows must not reach the sandbox of the person who browses.
				respond(w, nil, &misuse{http.StatusForbidden, errors.New("the control API is not for browsers")})
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
			result, err := handle(r)
			respond(w, result, err)
		})
	}
	return mux
}

func respond(w http.ResponseWriter, result any, err error) {
	status := http.StatusOK
	if err != nil {
		status = http.StatusInternalServerError
		var m *misuse
		if errors.As(err, &m) {
			status = m.status
		}
		result = map[string]string{"error": err.Error()}
	}
	data, err := json.Marshal(result)
	if err != nil {
		http.Error(w, "the answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // the caller may have gone
}

// read decodes the body of a request strictly.
func read(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return badRequest(fmt.Errorf("read the body: %w", err))
	}
	return nil
}

// wait is the query parameter of that name as a duration, at most a minute.
func wait(r *http.Request, name string) (time.Duration, error) {
	value := r.URL.Query().Get(name)
	if value == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d > maxWait {
		return 0, badRequest(fmt.Errorf("%s=%s is not a time between 0s and %v", name, value, maxWait))
	}
	return d, nil
}

// getLog returns the operations after the number since; with wait=10s it waits that long for the first one.
func (s *Sandbox) getLog(r *http.Request) (any, error) {
	var since int64
	if value := r.URL.Query().Get("since"); value != "" {
		var err error
		if since, err = strconv.ParseInt(value, 10, 64); err != nil || since < 0 {
			return nil, badRequest(fmt.Errorf("since=%s is not the number of an operation", value))
		}
	}
	patience, err := wait(r, "wait")
	if err != nil {
		return nil, err
	}
	if patience > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		_ = s.kit.Log.Wait(ctx, since) // nothing new is an answer too
	}
	operations := s.kit.Log.Since(since)
	last := since
	if n := len(operations); n > 0 {
		last = operations[n-1].Seq
	}
	return struct {
		Operations []lab.Operation `json:"operations"`
		Last       int64           `json:"last"` // the value of since for the next call
	}{operations, last}, nil
}

func (s *Sandbox) getSwitches(*http.Request) (any, error) { return s.kit.Switches.All(), nil }

// putSwitches sets the switches of a JSON object id → value, all or none, and returns all.
func (s *Sandbox) putSwitches(r *http.Request) (any, error) {
	var values map[string]string
	if err := read(r, &values); err != nil {
		return nil, err
	}
	trial := lab.NewSwitches(Switches()...)
	for id, value := range values {
		if err := trial.Set(id, value); err != nil {
			return nil, badRequest(err)
		}
	}
	for id, value := range values {
		if err := s.kit.Switches.Set(id, value); err != nil {
			return nil, err
		}
	}
	return s.kit.Switches.All(), nil
}

func (s *Sandbox) getFaults(*http.Request) (any, error) { return s.kit.Faults.Plan(), nil }

func (s *Sandbox) putFaults(r *http.Request) (any, error) {
	var plan lab.FaultPlan
	if err := read(r, &plan); err != nil {
		return nil, err
	}
	if err := s.kit.Faults.Set(plan); err != nil {
		return nil, badRequest(err)
	}
	return plan, nil
}

func (s *Sandbox) getDeliveries(*http.Request) (any, error) {
	waiting, offline := s.partnerCenter.Deliveries()
	return map[string][]partnercenter.Delivery{"waiting": waiting, "offline": offline}, nil
}

func (s *Sandbox) putDeliveries(r *http.Request) (any, error) {
	var plan partnercenter.DeliveryPlan
	if err := read(r, &plan); err != nil {
		return nil, err
	}
	if err := s.partnerCenter.SetDeliveryPlan(plan); err != nil {
		return nil, badRequest(err)
	}
	return plan, nil
}

var errNoDataverse = &misuse{http.StatusNotFound, errors.New("this sandbox has no Dataverse environment; start it with --dataverse")}

func (s *Sandbox) putDataverseDeliveries(r *http.Request) (any, error) {
	if s.dataverse == nil {
		return nil, errNoDataverse
	}
	var plan dataverse.DeliveryPlan
	if err := read(r, &plan); err != nil {
		return nil, err
	}
	if err := s.dataverse.SetDeliveryPlan(plan); err != nil {
		return nil, badRequest(err)
	}
	return plan, nil
}

func (s *Sandbox) getDataverseSnapshot(*http.Request) (any, error) {
	if s.dataverse == nil {
		return nil, errNoDataverse
	}
	return s.dataverse.Snapshot(), nil
}

type clockState struct {
	Now time.Time `json:"now"`
}

func (s *Sandbox) getClock(*http.Request) (any, error) { return clockState{s.kit.Clock.Now()}, nil }

// advanceClock moves the clock by a Go duration: {"by": "336h"}.
func (s *Sandbox) advanceClock(r *http.Request) (any, error) {
	var move struct {
		By string `json:"by"`
	}
	if err := read(r, &move); err != nil {
		return nil, err
	}
	by, err := time.ParseDuration(move.By)
	if err != nil || by < 0 {
		return nil, badRequest(fmt.Errorf("by %q is not a duration forward, for example 336h", move.By))
	}
	s.Advance(by)
	return clockState{s.kit.Clock.Now()}, nil
}

// armTrap arms the trap: {"n": 3, "when": "after"}.
func (s *Sandbox) armTrap(r *http.Request) (any, error) {
	var trap struct {
		N    int    `json:"n"`
		When string `json:"when"`
	}
	if err := read(r, &trap); err != nil {
		return nil, err
	}
	if err := s.kit.Trap.Arm(trap.N, trap.When); err != nil {
		return nil, badRequest(err)
	}
	return map[string]bool{"armed": true}, nil
}

// waitTrap waits until the trap holds its write, by default 30 seconds, and says whether it does.
func (s *Sandbox) waitTrap(r *http.Request) (any, error) {
	patience, err := wait(r, "timeout")
	if err != nil {
		return nil, err
	}
	if patience == 0 {
		patience = 30 * time.Second
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	hit := false
	select {
	case <-s.kit.Trap.Hit():
		hit = true
	case <-timer.C:
	case <-r.Context().Done():
	}
	return map[string]bool{"hit": hit}, nil
}

func (s *Sandbox) releaseTrap(*http.Request) (any, error) {
	s.kit.Trap.Release()
	return map[string]bool{"released": true}, nil
}

func (s *Sandbox) postAct(r *http.Request) (any, error) {
	parameters, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, badRequest(fmt.Errorf("read the body: %w", err))
	}
	result, err := s.Act(r.Context(), r.PathValue("name"), parameters)
	if err != nil {
		return nil, badRequest(err)
	}
	return result, nil
}
