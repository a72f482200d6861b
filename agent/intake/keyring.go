package intake

import (
	"context"
	"crypto/x509"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/singleflight"
)

const (
	maxCached = 16 // addresses

	freshFor      = time.Hour        // a certificate in memory is looked up again after this, and used on if that fails
	failedFor     = time.Minute      // a failed fetch is not repeated within this
	settleFor     = 10 * time.Second // a certificate this young is not asked for again
	renewInterval = 5 * time.Minute  // between two fetches that failed verifications ask for, per address

	fetchWindow = time.Minute
	fetchesAll  = 6 // per window
	// fetchesUnproven is how many of these are for addresses that never gave a trusted certificate. The others suffice to renew
	// the real certificate and its issuers, so junk cannot starve it.
	fetchesUnproven = fetchesAll - 1 - maxIssuers

	flightTimeout = 2 * fetchTimeout // for a certificate and then its issuers
)

// entry is what one address gave. Entries are replaced, not changed, except for the fields guarded by the keyring's lock.
type entry struct {
	certificate *x509.Certificate   // nil when the fetch failed
	issuers     []*x509.Certificate // fetched to complete its chain
	failure     error               // why there is none
	fetched     time.Time

	// guarded
	used        time.Time
	proven      bool      // the address gave a certificate that was trusted, this one or an earlier one
	announced   bool      // prove was called
	renewAt     time.Time // no fetch for a failed verification, and none for age after a failure, before this
	renewFailed bool      // the last such fetch failed
}

// keyring remembers certificates, and the issuers they needed, by address. At most one fetch per address is under way; others
// wait for it.
type keyring struct {
	fetch func(ctx context.Context, address string) ([]byte, error)
	trust *trust
	hosts hosts
	clock func() time.Time
	log   hclog.Logger

	flights singleflight.Group
	mu      sync.Mutex
	entries map[string]*entry
	recent  []time.Time // fetches within the window, oldest first
	fetches int64
}

func newKeyring(fetch func(context.Context, string) ([]byte, error), t *trust, list hosts, clock func() time.Time, log hclog.Logger) *keyring {
	return &keyring{fetch: fetch, trust: t, hosts: list, clock: clock, log: log, entries: make(map[string]*entry)}
}

// get gives the certificate of an address, from memory when it is young enough. The error is CertificateMissing (try again
// later), CertificateBroken or KeyRefused.
func (k *keyring) get(ctx context.Context, address string) (*entry, error) {
	k.mu.Lock()
	now := k.clock()
	e := k.entries[address]
	if e != nil {
		e.used = now
	}
	old := e != nil && e.certificate != nil && now.Sub(e.fetched) >= freshFor && !now.Before(e.renewAt)
	failed := e != nil && e.certificate == nil && now.Sub(e.fetched) >= failedFor
	k.mu.Unlock()
	if e == nil || old || failed {
		next, err := k.refresh(ctx, address, e)
		if err != nil && (e == nil || e.certificate == nil) {
			return nil, err
		}
		if err == nil {
			e = next
		}
	}
	if e.certificate == nil {
		return nil, e.failure
	}
	return e, nil
}

// renew is for a certificate that did not verify: Microsoft may have put a new one at the same address. It gives the newer
// certificate, nil when there is none to be had, or CertificateMissing when that cannot be known now.
func (k *keyring) renew(ctx context.Context, address string, used *entry) (*entry, error) {
	k.mu.Lock()
	now := k.clock()
	current := k.entries[address]
	settling := now.Sub(used.fetched) < settleFor
	k.mu.Unlock()
	if current != nil && current != used && current.certificate != nil {
		return current, nil
	}
	if settling {
		return nil, nil
	}
	next, err := k.refresh(ctx, address, used)
	if err != nil {
		return nil, err
	}
	if next == used {
		return nil, nil
	}
	if next.certificate == nil {
		return nil, next.failure
	}
	return next, nil
}

// refresh fetches unless somebody has done so since the caller saw the given entry, or a limit forbids it. A certificate in
// memory is kept when the fetch fails.
func (k *keyring) refresh(ctx context.Context, address string, seen *entry) (*entry, error) {
	result := k.flights.DoChan(address, func() (any, error) {
		// The fetch serves everybody who waits, so it must not end with the first of them.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTimeout)
		defer cancel()
		return k.fetchEntry(ctx, address, seen)
	})
	select {
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*entry), nil
	case <-ctx.Done():
		return nil, CertificateMissing
	}
}

func (k *keyring) fetchEntry(ctx context.Context, address string, seen *entry) (*entry, error) {
	if e, err := k.reserve(address, seen); e != nil || err != nil {
		return e, err
	}
	var known []*x509.Certificate
	if seen != nil {
		known = seen.issuers
	}
	return k.store(address, k.read(ctx, address, known))
}

// read fetches a certificate and the issuers that it needs.
func (k *keyring) read(ctx context.Context, address string, known []*x509.Certificate) *entry {
	data, err := k.fetch(ctx, address)
	if err != nil {
		k.failed("signing certificate", address, err)
		return &entry{failure: CertificateMissing}
	}
	certificate, err := parseCertificate(data)
	if err != nil {
		return &entry{failure: err}
	}
	issuers, err := k.complete(ctx, certificate, known)
	if err != nil {
		return &entry{failure: err}
	}
	return &entry{certificate: certificate, issuers: issuers}
}

// failed logs why something was not fetched. The limits make it a handful per minute. Of the address it says only the host,
// which is on an allow-list: the path is the sender's text.
func (k *keyring) failed(what, address string, err error) {
	host := ""
	if u, err := url.Parse(address); err == nil {
		host = u.Host
	}
	k.log.Warn(what+" not fetched; the sender is asked to try again", "host", host, "cause", withoutAddress(err))
}

// reserve decides whether to fetch: nil and nil mean yes.
func (k *keyring) reserve(address string, seen *entry) (*entry, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock()
	e := k.entries[address]
	if e != nil && e != seen {
		return e, nil
	}
	if e != nil && now.Before(e.renewAt) {
		if e.renewFailed {
			return nil, CertificateMissing
		}
		return e, nil
	}
	allowed := fetchesUnproven
	if e != nil && e.proven {
		allowed = fetchesAll
	}
	if !k.spend(allowed) {
		return nil, CertificateMissing
	}
	return nil, nil
}

// spend counts a fetch unless so many were made within the window. The caller holds the lock.
func (k *keyring) spend(allowed int) bool {
	now := k.clock()
	for len(k.recent) > 0 && now.Sub(k.recent[0]) >= fetchWindow {
		k.recent = k.recent[1:]
	}
	if len(k.recent) >= allowed {
		return false
	}
	k.recent = append(k.recent, now)
	k.fetches++
	return true
}

// store puts what a fetch gave in the memory.
func (k *keyring) store(address string, next *entry) (*entry, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock()
	last := k.entries[address]
	if next.certificate == nil && last != nil && last.certificate != nil {
		last.renewAt, last.renewFailed = now.Add(failedFor), true
		return nil, next.failure
	}
	next.fetched, next.used = now, now
	if last != nil && last.certificate != nil {
		next.proven, next.renewAt = last.proven, now.Add(renewInterval)
	}
	if last == nil && len(k.entries) >= maxCached {
		k.evict()
	}
	k.entries[address] = next
	return next, nil
}

// evict forgets the address that was not used for longest, one that never gave a trusted certificate if there is any.
func (k *keyring) evict() {
	var victim string
	var worst *entry
	for address, e := range k.entries {
		if worst == nil || !e.proven && worst.proven || e.proven == worst.proven && e.used.Before(worst.used) {
			victim, worst = address, e
		}
	}
	delete(k.entries, victim)
}

// prove marks the certificate as one that was trusted. It reports whether this is the first time for this certificate.
func (k *keyring) prove(e *entry) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	first := !e.announced
	e.proven, e.announced = true, true
	return first
}

// count gives the number of fetches since the start, of certificates and of issuers.
func (k *keyring) count() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fetches
}
