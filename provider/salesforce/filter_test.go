package salesforce_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
)

// filter is the network between the provider and the organisation. It can lose the answer of the first request whose body
// holds a text: the organisation has carried it out, and the provider does not know. It keeps the metadata updates that
// were sent.
type filter struct {
	base http.RoundTripper

	mu      sync.Mutex
	lose    string
	lost    int
	updates []string
}

var errConnectionLost = errors.New("connection lost")

func (f *filter) loseAnswerTo(text string) func() {
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.lose = text
	}
}

// losses gives how many answers were lost.
func (f *filter) losses() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// takeUpdates gives the bodies of the metadata updates since it was asked last.
func (f *filter) takeUpdates() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.updates
	f.updates = nil
	return taken
}

func (f *filter) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		body, _ = io.ReadAll(request.Body)
		_ = request.Body.Close()
		request.Body = io.NopCloser(bytes.NewReader(body))
	}
	response, err := f.base.RoundTrip(request)
	if err != nil || !f.takes(request.Method+" "+request.URL.Path+" "+string(body)) {
		return response, err
	}
	_ = response.Body.Close()
	return nil, errConnectionLost
}

func (f *filter) takes(text string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.Contains(text, "<updateMetadata>") {
		f.updates = append(f.updates, text)
	}
	if f.lose == "" || !strings.Contains(text, f.lose) {
		return false
	}
	f.lose = ""
	f.lost++
	return true
}
