package intake

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound what the receiver takes on; above them it answers 503 with Retry-After. Zero values mean the defaults.
type Limits struct {
	Rate         float64 // requests per second, all senders together; default 2000
	Burst        int     // default 4000
	AddressRate  float64 // requests per second of one address (IPv6: one /64); default 1000
	AddressBurst int     // default 2000
	InFlight     int     // requests at once; default 256
}

func (l Limits) withDefaults() Limits {
	orFloat := func(value, standard float64) float64 {
		if value > 0 {
			return value
		}
		return standard
	}
	orInt := func(value, standard int) int {
		if value > 0 {
			return value
		}
		return standard
	}
	return Limits{
		Rate: orFloat(l.Rate, 2000), Burst: orInt(l.Burst, 4000),
		AddressRate: orFloat(l.AddressRate, 1000), AddressBurst: orInt(l.AddressBurst, 2000),
		InFlight: orInt(l.InFlight, 256),
	}
}

const maxAddresses = 4096 // remembered at once

// admission sheds load.
type admission struct {
	limits  Limits
	proxies []netip.Prefix
	clock   func() time.Time
	all     *rate.Limiter
	slots   chan struct{}

	mu       sync.Mutex
	senders  map[netip.Prefix]*rate.Limiter
	overflow *rate.Limiter // of the addresses that do not fit
	swept    time.Time
}

func newAdmission(limits Limits, proxies []netip.Prefix, clock func() time.Time) *admission {
	limits = limits.withDefaults()
	a := &admission{
		limits: limits, proxies: proxies, clock: clock,
		all:     rate.NewLimiter(rate.Limit(limits.Rate), limits.Burst),
		slots:   make(chan struct{}, limits.InFlight),
		senders: make(map[netip.Prefix]*rate.Limiter),
	}
	a.overflow = a.newSender()
	return a
}

func (a *admission) newSender() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(a.limits.AddressRate), a.limits.AddressBurst)
}

// admit takes a request on, or not. The sender's own share is looked at first, so that one sender's flood does not use up
// the share of all.
func (a *admission) admit(r *http.Request) (release func(), ok bool) {
	now := a.clock()
	if !a.sender(a.address(r), now).AllowN(now, 1) || !a.all.AllowN(now, 1) {
		return nil, false
	}
	select {
	case a.slots <- struct{}{}:
		return func() { <-a.slots }, true
	default:
		return nil, false
	}
}

func (a *admission) sender(address netip.Addr, now time.Time) *rate.Limiter {
	bits := 64
	if address.Is4() {
		bits = 32
	}
	network, err := address.Prefix(bits)
	if err != nil {
		return a.overflow // not an IP address: an in-memory connection
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if limiter, ok := a.senders[network]; ok {
		return limiter
	}
	if len(a.senders) >= maxAddresses && now.Sub(a.swept) >= time.Second {
		a.swept = now
		for key, limiter := range a.senders {
			if limiter.TokensAt(now) >= float64(a.limits.AddressBurst) {
				delete(a.senders, key) // idle: a new one would be equal
			}
		}
	}
	if len(a.senders) >= maxAddresses {
		return a.overflow
	}
	limiter := a.newSender()
	a.senders[network] = limiter
	return limiter
}

// address is the sender's. X-Forwarded-For counts only as far as trusted proxies wrote it: from the right, up to the first
// address that is not a proxy's.
func (a *admission) address(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap().WithZone("")
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(forwarded) - 1; i >= 0 && a.isProxy(address); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(forwarded[i]))
		if err != nil {
			break
		}
		address = next.Unmap().WithZone("")
	}
	return address
}

func (a *admission) isProxy(address netip.Addr) bool {
	for _, p := range a.proxies {
		if p.Contains(address) {
			return true
		}
	}
	return false
}
