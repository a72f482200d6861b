package intake

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"time"

	"github.com/hashicorp/go-hclog"
)

// VerifierOptions says whom a [Verifier] trusts and how it reaches certificates. Roots, Clock and SignatureHeader are required.
type VerifierOptions struct {
	// SignatureHeader is HeaderAuthorization or HeaderMSSignature, as registered. A request that carries the other one as
	// well is refused.
	SignatureHeader string
	// CertificateHosts are hosts or host:port entries, in lower case, beside CertificateHost. An entry also admits an address
	// on this machine or in a private network; Microsoft's and DigiCert's own hosts must resolve to public addresses.
	CertificateHosts []string
	// CertificateName is the pattern of the DNS name that the certificate must carry; nil means CertificateName.
	CertificateName *regexp.Regexp
	// Roots are trusted to sign the certificate's chain; see LoadPool.
	Roots *x509.CertPool
	// Intermediates complete chains: the address serves one certificate alone. With those that are missing here, its issuers
	// are fetched from where it says, if that is a host of Microsoft's or DigiCert's, or one of CertificateHosts.
	Intermediates *x509.CertPool
	// ServerRoots are trusted for the TLS connection to certificate hosts; nil means the system's pool.
	ServerRoots *x509.CertPool
	// Clock gives the time at which certificates are judged.
	Clock func() time.Time
	// Lookup resolves a host name; nil means the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial connects to an address (ip:port) that was found admissible; nil means the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Log hears of newly trusted certificates and of failed fetches; nil logs nothing.
	Log hclog.Logger
}

// Verifier decides whether Partner Center signed a request. It is safe for concurrent use.
type Verifier struct {
	header string
	hosts  hosts
	trust  trust
	keys   *keyring
	clock  func() time.Time
	log    hclog.Logger
}

// NewVerifier makes a verifier. It fails when a required option is missing or a host entry is malformed.
func NewVerifier(o VerifierOptions) (*Verifier, error) {
	if o.Roots == nil || o.Clock == nil {
		return nil, errors.New("webhook verifier: trusted roots and a clock are required")
	}
	if o.SignatureHeader != HeaderAuthorization && o.SignatureHeader != HeaderMSSignature {
		return nil, fmt.Errorf("webhook verifier: the signature header is %q or %q, as registered, not %q",
			HeaderAuthorization, HeaderMSSignature, o.SignatureHeader)
	}
	list, err := newHosts(o.CertificateHosts)
	if err != nil {
		return nil, fmt.Errorf("webhook verifier: %w", err)
	}
	if o.CertificateName == nil {
		o.CertificateName = CertificateName
	}
	if o.Lookup == nil {
		o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	v := &Verifier{
		header: o.SignatureHeader,
		hosts:  list,
		trust:  trust{roots: o.Roots, intermediates: o.Intermediates, name: o.CertificateName},
		clock:  o.Clock,
		log:    o.Log,
	}
	fetcher := newFetcher(&guard{hosts: list, lookup: o.Lookup, dial: o.Dial}, o.ServerRoots, o.Clock)
	v.keys = newKeyring(fetcher.fetch, &v.trust, list, o.Clock, o.Log)
	return v, nil
}

// Verify decides whether Partner Center signed exactly these bytes. A refusal is a [Reason]. It may fetch a certificate and
// its issuers, but only after the headers were found in order.
func (v *Verifier) Verify(ctx context.Context, header http.Header, body []byte) error {
	p, err := v.inspect(header)
	if err != nil {
		return err
	}
	return v.verify(ctx, p, body)
}

// Fetches gives the number of fetches since the start, of certificates and of issuers.
func (v *Verifier) Fetches() int64 { return v.keys.count() }

func (v *Verifier) verify(ctx context.Context, p proof, body []byte) error {
	digest := sha256.Sum256(body)
	e, err := v.keys.get(ctx, p.address)
	if err != nil {
		return err
	}
	refusal := v.check(e, p.signature, digest)
	if refusal == nil {
		return nil
	}
	newer, err := v.keys.renew(ctx, p.address, e)
	if err != nil {
		return err
	}
	if newer == nil {
		return refusal
	}
	return v.check(newer, p.signature, digest)
}

func (v *Verifier) check(e *entry, signature []byte, digest [sha256.Size]byte) error {
	if err := v.trust.check(e.certificate, e.issuers, v.clock()); err != nil {
		return err
	}
	if v.keys.prove(e) {
		fingerprint := sha256.Sum256(e.certificate.Raw)
		v.log.Info("signing certificate trusted", "subject", e.certificate.Subject.CommonName,
			"sha256", hex.EncodeToString(fingerprint[:]), "not_after", e.certificate.NotAfter.UTC().Format(time.RFC3339))
	}
	key, ok := e.certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return KeyRefused
	}
	if len(signature) != key.Size() || rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) != nil {
		return SignatureRefused
	}
	return nil
}
