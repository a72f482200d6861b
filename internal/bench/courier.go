package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// senders is how many webhooks are under way at once at most: Partner Center does not wait for one before it sends the next.
const senders = 64

const (
	courierTries = 20
	courierPause = 100 * time.Millisecond // between two attempts
	courierLimit = 10 * time.Second       // for one attempt
)

// courier carries the sandbox's webhooks to the agent, many at once, and times the agent's answers. The sandbox itself delivers
// one after the other and would bound what is measured.
type courier struct {
	client *http.Client
	queue  chan letter
	closed chan struct{}
	group  sync.WaitGroup

	mu       sync.Mutex
	held     []letter
	holding  bool
	took     []time.Duration // of the answers since the last call of answers
	attempts int             // that failed since then
}

type letter struct {
	url    string
	header http.Header
	body   []byte
}

func newCourier() *courier {
	c := &courier{
		client: &http.Client{Timeout: courierLimit, Transport: &http.Transport{MaxIdleConnsPerHost: senders}},
		queue:  make(chan letter, 1<<18), closed: make(chan struct{}),
	}
	for range senders {
		c.group.Go(c.send)
	}
	return c
}

// RoundTrip takes a webhook over and confirms it to the sandbox at once.
func (c *courier) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, fmt.Errorf("take a webhook over: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := letter{url: request.URL.String(), header: request.Header.Clone(), body: body}
	if c.holding {
		c.held = append(c.held, l)
	} else {
		c.queue <- l
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}, Request: request}, nil
}

// hold keeps webhooks back until release.
func (c *courier) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = true
}

// waiting is how many webhooks are kept back.
func (c *courier) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.held)
}

// release sends what was kept back.
func (c *courier) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.held {
		c.queue <- l
	}
	c.held, c.holding = nil, false
}

// answers gives how long the answers took since the last call, and how many attempts failed.
func (c *courier) answers() (took []time.Duration, failed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	took, failed = c.took, c.attempts
	c.took, c.attempts = nil, 0
	return took, failed
}

func (c *courier) close() {
	close(c.closed)
	c.group.Wait()
	c.client.CloseIdleConnections()
}

func (c *courier) send() {
	for {
		select {
		case <-c.closed:
			return
		case l := <-c.queue:
			c.deliver(l)
		}
	}
}

func (c *courier) deliver(l letter) {
	for range courierTries {
		begun := time.Now()
		ok := c.post(l)
		took := time.Since(begun)
		c.mu.Lock()
		if ok {
			c.took = append(c.took, took)
		} else {
			c.attempts++
		}
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-time.After(courierPause):
		case <-c.closed:
			return
		}
	}
}

func (c *courier) post(l letter) bool {
	request, err := http.NewRequest(http.MethodPost, l.url, bytes.NewReader(l.body)) //nolint:noctx // bounded by the client's time limit
	if err != nil {
		return false
	}
	request.Header = l.header
	response, err := c.client.Do(request)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return response.StatusCode/100 == 2
}
