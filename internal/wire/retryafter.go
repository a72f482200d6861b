package wire

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter caps what a service may ask for; a longer wait is more likely an error than a wish.
const MaxRetryAfter = 24 * time.Hour

// ParseRetryAfter reads a Retry-After header: seconds (fractions tolerated) or an HTTP date. Absent, negative, past or
// unreadable values give 0, huge ones [MaxRetryAfter].
func ParseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		switch {
		case !(seconds > 0): // negative, zero and NaN
			return 0
		case seconds >= MaxRetryAfter.Seconds():
			return MaxRetryAfter
		default:
			return time.Duration(seconds * float64(time.Second))
		}
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), MaxRetryAfter)
}
