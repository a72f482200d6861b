package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

// writer is an organisation that makes what it is told to, but for names with "Refused", and that faults at "Malformed".
type writer struct {
	*service

	mu    sync.Mutex
	calls [][]string // full names by call
}

func newWriter() *writer {
	w := &writer{service: newService()}
	w.answers["/services/Soap/m/66.0"] = func(request *http.Request) (int, string) {
		body, _ := io.ReadAll(request.Body)
		var names []string
		for _, rest := range strings.Split(string(body), "<fullName>")[1:] {
			name, _, _ := strings.Cut(rest, "<")
			names = append(names, name)
		}
		w.mu.Lock()
		w.calls = append(w.calls, names)
		w.mu.Unlock()
		answer, status := "", http.StatusOK
		for _, name := range names {
			result := "<success>true</success>"
			if strings.Contains(name, "Refused") {
				result = "<success>false</success><errors><message>no</message><statusCode>FIELD_INTEGRITY_EXCEPTION</statusCode></errors>"
			}
			answer += "<result><fullName>" + name + "</fullName>" + result + "</result>"
		}
		answer = "<createMetadataResponse>" + answer + "</createMetadataResponse>"
		if strings.Contains(string(body), "Malformed") {
			status, answer = http.StatusInternalServerError, "<Fault><faultcode>sf:INVALID_TYPE</faultcode><faultstring>INVALID_TYPE: malformed</faultstring></Fault>"
		}
		return status, `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body xmlns="http://soap.sforce.com/2006/04/metadata">` + answer + `</Body></Envelope>`
	}
	return w
}

// made creates fields at the same time and gives each one's failure. Before the first call goes out, ready is called.
func (w *writer) made(t *testing.T, ready func(cancel map[string]context.CancelFunc), names ...string) map[string]error {
	t.Helper()
	r := w.remote(func(*SalesforceConfig) {})
	cancels := map[string]context.CancelFunc{}
	var once sync.Once
	r.config.Gather = func(_ context.Context, waiting func() int) {
		once.Do(func() {
			for waiting() < len(names) {
				runtime.Gosched()
			}
			ready(cancels)
		})
	}
	var mu sync.Mutex
	failures := map[string]error{}
	contexts := map[string]context.Context{}
	for _, name := range names {
		contexts[name], cancels[name] = context.WithCancel(t.Context())
	}
	var group sync.WaitGroup
	for _, name := range names {
		group.Go(func() {
			err := r.CreateMetadata(contexts[name], metadata.New("CustomField", name))
			mu.Lock()
			defer mu.Unlock()
			failures[name] = err
		})
	}
	group.Wait()
	return failures
}

// TestWritesShareACall sends ten components in a call, and each caller gets its own result.
func TestWritesShareACall(t *testing.T) {
	t.Parallel()
	w := newWriter()
	names := []string{"O.Refused__c", "O.A__c", "O.B__c", "O.C__c", "O.D__c", "O.E__c", "O.F__c", "O.G__c", "O.H__c", "O.I__c", "O.J__c", "O.K__c"}
	failures := w.made(t, func(map[string]context.CancelFunc) {}, names...)
	for name, err := range failures {
		var refusal *salesforce.APIError
		if refused := errors.As(err, &refusal); refused != (name == "O.Refused__c") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(w.calls) != 2 || len(w.calls[0]) != 10 || len(w.calls[1]) != 2 {
		t.Errorf("calls %q", w.calls)
	}
}

// TestCallerWhoGivesUpHarmsNobody leaves one out that gave up before the call, and makes the others.
func TestCallerWhoGivesUpHarmsNobody(t *testing.T) {
	t.Parallel()
	w := newWriter()
	failures := w.made(t, func(cancel map[string]context.CancelFunc) { cancel["O.B__c"]() }, "O.A__c", "O.B__c", "O.C__c")
	if failures["O.A__c"] != nil || failures["O.C__c"] != nil || !errors.Is(failures["O.B__c"], context.Canceled) {
		t.Errorf("got %v", failures)
	}
	if len(w.calls) != 1 || len(w.calls[0]) != 2 || slices.Contains(w.calls[0], "O.B__c") {
		t.Errorf("calls %q", w.calls)
	}
}

// TestMalformedComponentHarmsNobody sends each by itself when the call is refused as a whole.
func TestMalformedComponentHarmsNobody(t *testing.T) {
	t.Parallel()
	w := newWriter()
	failures := w.made(t, func(map[string]context.CancelFunc) {}, "O.A__c", "O.Malformed__c", "O.C__c")
	if failures["O.A__c"] != nil || failures["O.C__c"] != nil || failures["O.Malformed__c"] == nil {
		t.Errorf("got %v", failures)
	}
	if len(w.calls) != 4 {
		t.Errorf("calls %q", w.calls)
	}
}

// TestReaderWhoGivesUpHarmsNobody cancels the caller for whom a call was begun.
func TestReaderWhoGivesUpHarmsNobody(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := newBatch(10, g.fetch)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() { _, err := b.get(ctx, "key"); first <- err }()
	<-g.calls
	go func() { _, err := b.get(t.Context(), "key"); second <- err }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	g.open <- nil
	if err := <-second; err != nil {
		t.Errorf("the other got %v", err)
	}
}
