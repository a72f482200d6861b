package app

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// longestHold bounds how long one answer holds all calls to a system back. A deal that was told to wait longer does so for itself.
const longestHold = 15 * time.Minute

// limits are what a remote system says about the calls that it takes. They concern every deal, not only the one that heard of them.
type limits struct {
	until   map[string]time.Time // by host: no call goes out earlier, because the system asked for it
	used    int64                // of the organisation's day, by all its applications; 0: not told
	allowed int64
}

// note reads an answer: Retry-After where a call was turned away, and Sforce-Limit-Info ("Limit Info Header").
func (l *limits) note(host string, answer *http.Response, now time.Time) {
	if usage, told := salesforce.ParseUsage(answer.Header.Get("Sforce-Limit-Info")); told {
		l.used, l.allowed = usage.Used, usage.Allowed
	}
	if answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode != http.StatusServiceUnavailable {
		return
	}
	seconds, err := strconv.ParseInt(answer.Header.Get("Retry-After"), 10, 64)
	if err != nil || seconds <= 0 {
		return
	}
	until := now.Add(min(time.Duration(min(seconds, int64(longestHold/time.Second)))*time.Second, longestHold))
	if l.until == nil {
		l.until = map[string]time.Time{}
	}
	if until.After(l.until[host]) {
		l.until[host] = until
	}
}

// heldUntil is when the last of the system's hosts takes calls again; zero when all do.
func (l *limits) heldUntil(now time.Time) (latest time.Time) {
	for _, until := range l.until {
		if until.After(now) && until.After(latest) {
			latest = until
		}
	}
	return latest
}

// spared answers in the system's place while it wants no calls: they wait as if it had been asked, and it is left alone.
func (l *limits) spared(request *http.Request, now time.Time) *http.Response {
	left := l.until[request.URL.Host].Sub(now)
	if left <= 0 {
		return nil
	}
	seconds := int64((left + time.Second - 1) / time.Second)
	if request.Body != nil {
		_ = request.Body.Close() // nothing of it was read
	}
	return &http.Response{
		Status: "429 Too Many Requests", StatusCode: http.StatusTooManyRequests, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: request,
		Header: http.Header{"Retry-After": {fmt.Sprint(seconds)}}, Body: io.NopCloser(strings.NewReader("")),
	}
}

// percent is how much of the day is spent, by the budget or by the organisation's own limit, whichever is nearer to its end.
func (l *limits) percent(counted, daily int64) int64 {
	return max(share(counted, daily), share(l.used, l.allowed))
}

func share(used, of int64) int64 { return used * 100 / cmp.Or(max(of, 0), 1<<62) }
