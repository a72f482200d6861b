package intake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
)

// CertificateHost is where Partner Center publishes its signing certificates (page "Partner Center webhooks").
const CertificateHost = "3psostorageacct.blob.core.windows.net"

// issuerHosts is where Microsoft and DigiCert, which signs for Microsoft's roots, publish the certificates of issuers.
var issuerHosts = map[string]bool{
	"www.microsoft.com":       true,
	"caissuers.microsoft.com": true,
	"cacerts.digicert.com":    true,
}

var (
	certificatePath = regexp.MustCompile(`^/cert/[A-Za-z0-9._-]+\.cer$`)
	// issuerPath takes plain characters and the escaped spaces of names such as Microsoft%20TLS%20RSA%20Root%20G2%20-%20xsign.crt.
	issuerPath = regexp.MustCompile(`^(/([A-Za-z0-9._()-]|%20)+)+$`)
	hostEntry  = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$`)
)

// hosts is the allow-list of certificate hosts. The value tells whether the operator added the host.
type hosts map[string]bool

// newHosts adds the operator's entries to Microsoft's own host. An entry is a host or host:port in lower case. An entry for a
// host that must be public, on whatever port, does not make it one that may be private.
func newHosts(extra []string) (hosts, error) {
	list := hosts{CertificateHost: false}
	for _, entry := range extra {
		if !hostEntry.MatchString(entry) {
			return nil, fmt.Errorf("certificate host %q is not a host or host:port in lower case: remove scheme, path and wildcards", entry)
		}
		name, _, _ := strings.Cut(entry, ":")
		list[entry] = name != CertificateHost && !issuerHosts[name]
	}
	return list, nil
}

// admits compares text, not parsed addresses, so that no two parsers can disagree: the scheme, an entry of the list, and a
// path of plain characters. Upper case, a port that the entry does not have, user information, a trailing dot, escapes,
// queries and fragments all differ from that text.
func (l hosts) admits(address string) bool {
	rest, ok := strings.CutPrefix(address, "https://")
	if !ok || strings.Contains(rest, "..") {
		return false
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return false
	}
	_, listed := l[rest[:slash]]
	return listed && certificatePath.MatchString(rest[slash:])
}

// admitsIssuer is admits for the address of an issuer, as a certificate names it: on one of issuerHosts, or where the operator
// added a host. Plain HTTP is usual there and does no harm: what comes is trusted only for the signature of a trusted root.
func (l hosts) admitsIssuer(address string) bool {
	rest, ok := strings.CutPrefix(address, "http://")
	if !ok {
		rest, ok = strings.CutPrefix(address, "https://")
	}
	if !ok || len(address) > maxIssuerAddress || strings.Contains(rest, "..") {
		return false
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return false
	}
	host := rest[:slash]
	return (issuerHosts[host] || l[host]) && issuerPath.MatchString(rest[slash:])
}

// added reports whether the operator added the host that the address (host:port) belongs to.
func (l hosts) added(address string) bool {
	if l[address] {
		return true
	}
	for _, standard := range []string{":443", ":80"} {
		if host, ok := strings.CutSuffix(address, standard); ok && l[host] {
			return true
		}
	}
	return false
}

// guard dials certificate hosts. It resolves the name itself, judges every address, and then dials exactly those, so that the
// answer cannot change in between.
type guard struct {
	hosts  hosts
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

var errNotPublic = errors.New("the certificate host resolves to an address that is not public")

func (g *guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("certificate host: %w", err)
	}
	addresses, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	added := g.hosts.added(address)
	for _, a := range addresses {
		if !dialable(a, added) {
			return nil, errNotPublic // also when others are fine: nobody mixes them in good faith
		}
	}
	var failures []error
	for _, a := range addresses {
		conn, err := g.dial(ctx, network, net.JoinHostPort(a.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		failures = append(failures, err)
	}
	return nil, fmt.Errorf("certificate host: %w", errors.Join(failures...))
}

func (g *guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	addresses, err := g.lookup(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("certificate host: %w", err)
	}
	if len(addresses) == 0 {
		return nil, errors.New("the certificate host has no address")
	}
	return addresses, nil
}

// dialable admits public addresses. A host that the operator added may also be on this machine or in a private network, but
// never link-local, where clouds answer with credentials.
func dialable(a netip.Addr, added bool) bool {
	a = a.Unmap()
	if !added {
		return public(a)
	}
	return a.Zone() == "" && (a.IsLoopback() || a.IsGlobalUnicast())
}

var (
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
	ipv6  = netip.MustParsePrefix("2000::/3") // all global unicast addresses given out so far
	// special lists what looks global but is not (IANA special-purpose address registries).
	special = prefixes(
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	)
)

func public(a netip.Addr) bool {
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Zone() != "" || a.Is6() && !ipv6.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}
