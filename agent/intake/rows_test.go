package intake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

const (
	rowPath         = "/hooks/rows"
	rowKey          = "key-of-the-test"
	rowOrganization = "00000000-0000-4000-8000-0000000000aa"
	rowDelivery     = `{"MessageName":"Update","PrimaryEntityName":"opportunity","PrimaryEntityId":"00000000-0000-4000-8000-00000000000b",
		"OrganizationId":"00000000-0000-4000-8000-0000000000AA","Depth":1,"InputParameters":[{"key":"Target","value":{"Attributes":[{"key":"name","value":"x"}]}}]}`
)

// rowWorld is a receiver of row changes and what it took.
type rowWorld struct {
	*testing.T
	handler *RowHandler
	log     bytes.Buffer
	events  []dataverse.Event
	ids     map[string]bool
	fail    error
}

func newRowWorld(t *testing.T) *rowWorld {
	t.Helper()
	w := &rowWorld{T: t, ids: map[string]bool{}}
	clock := &testClock{now: start}
	take := func(_ context.Context, event dataverse.Event, id string) (Reason, error) {
		if w.fail != nil {
			return "", w.fail
		}
		w.events, w.ids[id] = append(w.events, event), true
		return Accepted, nil
	}
	var err error
	if w.handler, err = NewRowHandler(RowOptions{
		Path: rowPath, Header: "x-cosell-key", Key: secret.New(rowKey), OrganizationID: rowOrganization, Take: take, Clock: clock.Now,
		Log: hclog.New(&hclog.LoggerOptions{Output: &w.log, Level: hclog.Trace}),
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

// send delivers a body, after the request was changed.
func (w *rowWorld) send(body io.Reader, change func(r *http.Request)) *httptest.ResponseRecorder {
	w.Helper()
	r := httptest.NewRequest(http.MethodPost, rowPath, body)
	r.RequestURI = rowPath
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("x-cosell-key", rowKey)
	if change != nil {
		change(r)
	}
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	return answer
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// Whoever does not have the key is turned away before anything of the body is read, and nothing is stored, whatever is wrong with it.
func TestRowsWithoutTheKey(t *testing.T) {
	for name, change := range map[string]func(r *http.Request){
		"none":       func(r *http.Request) { r.Header.Del("x-cosell-key") },
		"wrong":      func(r *http.Request) { r.Header.Set("x-cosell-key", "key-of-the-tesT") },
		"a part":     func(r *http.Request) { r.Header.Set("x-cosell-key", rowKey[:4]) },
		"more":       func(r *http.Request) { r.Header.Set("x-cosell-key", rowKey+"x") },
		"twice":      func(r *http.Request) { r.Header.Add("x-cosell-key", rowKey) },
		"empty":      func(r *http.Request) { r.Header.Set("x-cosell-key", "") },
		"elsewhere":  func(r *http.Request) { r.Header.Del("x-cosell-key"); r.Header.Set("Authorization", rowKey) },
		"no content": func(r *http.Request) { r.Header.Del("x-cosell-key"); r.Header.Del("Content-Type") },
	} {
		w := newRowWorld(t)
		if answer := w.send(unread{t}, change); answer.Code != http.StatusUnauthorized || len(w.events) > 0 {
			t.Errorf("%s: %d, took %v", name, answer.Code, w.events)
		}
		if strings.Contains(w.log.String(), rowKey[:7]) {
			t.Errorf("%s: the log holds the key:\n%s", name, w.log.String())
		}
	}
	w := newRowWorld(t)
	if answer := w.send(unread{t}, func(r *http.Request) { r.RequestURI += "?code=" + rowKey }); answer.Code != http.StatusNotFound {
		t.Errorf("another address: %d", answer.Code)
	}
}

// What cannot be a delivery, or is one of another environment, is refused with the key, too, and is not stored.
func TestRowsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		change func(r *http.Request)
		status int
	}{
		"method":             {rowDelivery, func(r *http.Request) { r.Method = http.MethodGet }, http.StatusMethodNotAllowed},
		"media type":         {rowDelivery, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusUnsupportedMediaType},
		"compressed":         {rowDelivery, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, http.StatusUnsupportedMediaType},
		"too large":          {rowDelivery + strings.Repeat(" ", MaxRowBody), nil, http.StatusRequestEntityTooLarge},
		"too large, unsaid":  {rowDelivery + strings.Repeat(" ", MaxRowBody), func(r *http.Request) { r.ContentLength = -1 }, http.StatusRequestEntityTooLarge},
		"empty":              {"", nil, http.StatusBadRequest},
		"no JSON":            {"{", nil, http.StatusBadRequest},
		"no row":             {`{"PrimaryEntityName":"opportunity"}`, nil, http.StatusBadRequest},
		"copied environment": {strings.ReplaceAll(rowDelivery, "0000000000AA", "0000000000AB"), nil, http.StatusForbidden},
	} {
		w := newRowWorld(t)
		if answer := w.send(strings.NewReader(c.body), c.change); answer.Code != c.status || len(w.events) > 0 {
			t.Errorf("%s: %d, took %v", name, answer.Code, w.events)
		}
	}
}

// A delivery is acknowledged when it is stored and not before, one that comes twice has one id, and a message that was stripped says of no
// value that it was not written.
func TestRowsAreStoredBeforeTheyAreAcknowledged(t *testing.T) {
	w := newRowWorld(t)
	w.fail = errors.New("the disk is full")
	if answer := w.send(strings.NewReader(rowDelivery), nil); answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
		t.Errorf("not stored: %d", answer.Code)
	}
	w.fail = nil
	for range 2 {
		if answer := w.send(strings.NewReader(rowDelivery), nil); answer.Code != http.StatusOK {
			t.Errorf("stored: %d", answer.Code)
		}
	}
	if len(w.ids) != 1 || len(w.events) != 2 || w.events[0].Values["name"] != "x" {
		t.Errorf("took %v with the ids %v", w.events, w.ids)
	}
	if answer := w.send(strings.NewReader(rowDelivery), func(r *http.Request) { r.Header.Set(dataverse.StrippedHeader, "true") }); answer.Code != http.StatusOK || w.events[2].Values != nil {
		t.Errorf("stripped: %d, %+v", answer.Code, w.events[2])
	}
	if counts := w.handler.Counts(); counts[Accepted] != 3 || counts[CommitFailed] != 1 {
		t.Errorf("counted %v", counts)
	}
}

// A receiver that anybody could call, or that could not be called at all, is not made.
func TestRowHandlerNeedsItsOptions(t *testing.T) {
	sound := RowOptions{
		Path: rowPath, Header: "x-cosell-key", Key: secret.New(rowKey), OrganizationID: rowOrganization, Clock: (&testClock{}).Now,
		Take: func(context.Context, dataverse.Event, string) (Reason, error) { return Accepted, nil },
	}
	for name, change := range map[string]func(o *RowOptions){
		"key": func(o *RowOptions) { o.Key = secret.Secret{} }, "path": func(o *RowOptions) { o.Path = "rows" }, "health": func(o *RowOptions) { o.Path = HealthPath },
		"header": func(o *RowOptions) { o.Header = "x key" }, "take": func(o *RowOptions) { o.Take = nil }, "organisation": func(o *RowOptions) { o.OrganizationID = "" },
	} {
		o := sound
		change(&o)
		if _, err := NewRowHandler(o); err == nil {
			t.Errorf("without a sound %s it is made", name)
		}
	}
}
