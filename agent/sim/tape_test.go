package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// call is one request as an agent sent it, and what it heard.
type call struct {
	at, heard  time.Time // heard is zero while there is no answer, or none came
	life       *life
	method     string
	url        string // with the query
	header     http.Header
	body       []byte
	status     int // 0: no answer
	retryAfter string
}

// path is the part of the address behind the host, without the query.
func (c *call) path() string {
	_, path, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(c.url, "http://"), "https://"), "/")
	path, _, _ = strings.Cut(path, "?")
	return "/" + path
}

// feedsRead counts the readings of feeds in a time: polls of the CRM, and lists of Partner Center's newest referrals.
func (h *history) feedsRead(from, to time.Time) (n int) {
	for _, c := range h.w.tape.calls {
		if (h.o.crm.readsFeed(c) || strings.Contains(c.url, "$orderby=updatedDateTime")) && !c.at.Before(from) && c.at.Before(to) {
			n++
		}
	}
	return n
}

// object gives the body as a JSON object; empty when it is none.
func (c *call) object() map[string]any {
	var object map[string]any
	_ = json.Unmarshal(c.body, &object) // a call without a body, or with another one
	return object
}

// contains tells whether any byte of the request says a word.
func (c *call) contains(word string) bool {
	if strings.Contains(c.url, word) || bytes.Contains(c.body, []byte(word)) {
		return true
	}
	for _, values := range c.header {
		for _, value := range values {
			if strings.Contains(value, word) {
				return true
			}
		}
	}
	return false
}

// mostCalls is far more than any history takes. An agent that asks on and on would keep virtual time from passing.
const mostCalls = 100_000

// tape records what the agents of a world send, and lets it be watched at the moment at which it leaves.
type tape struct {
	now   func() time.Time
	watch func(*call) // called one at a time, before the request leaves

	mu    sync.Mutex
	calls []*call
}

func (t *tape) sends(l *life, request *http.Request) *call {
	if t == nil {
		return nil
	}
	c := &call{at: t.now(), life: l, method: request.Method, url: request.URL.String(), header: request.Header.Clone()}
	if request.GetBody != nil {
		if body, err := request.GetBody(); err == nil {
			c.body, _ = io.ReadAll(body) // from memory
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calls = append(t.calls, c); len(t.calls) > mostCalls {
		var last strings.Builder
		for _, c := range t.calls[len(t.calls)-40:] {
			fmt.Fprintln(&last, c.at.Format(time.RFC3339Nano), c.method, c.path(), c.status, c.retryAfter)
		}
		panic(fmt.Sprintf("the agent makes calls without end, the last of them\n%s", &last))
	}
	if t.watch != nil {
		t.watch(c)
	}
	return c
}

func (t *tape) hears(c *call, response *http.Response) {
	if t == nil || response == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c.heard, c.status, c.retryAfter = t.now(), response.StatusCode, response.Header.Get("Retry-After")
}
