package intake

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"
)

const (
	organization   = "Microsoft Corporation"
	minModulusBits = 2048
	maxModulusBits = 8192 // a larger key costs the verifier, not the sender
	minExponent    = 65537
)

// CertificateName is the default pattern of the DNS name that a signing certificate must carry. The name in Microsoft's
// sample is pcnotifications-dispatch.microsoft.com (page "Partner Center webhooks").
var CertificateName = regexp.MustCompile(`^pcnotifications(-[a-z0-9]+)*\.microsoft\.com$`)

// LoadPool reads a bundle of PEM certificates. An empty name gives the system's pool, which is the default for roots: no root
// is compiled in, because we could not renew it in an installed program. With the system's pool any public authority can
// vouch for a chain, and what then tells Partner Center's certificate from others is its address, its name and the
// organization of its subject and issuer together; a bundle with only the authorities Microsoft uses narrows it further.
func LoadPool(file string) (*x509.CertPool, error) {
	if file == "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("trusted certificates of the system: %w", err)
		}
		return pool, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("certificate bundle: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("certificate bundle %s holds no PEM certificate", file)
	}
	return pool, nil
}

var pemStart = []byte("-----BEGIN ")

// parseCertificate takes DER, or PEM with exactly one certificate and nothing around it, and checks what the certificate says
// about itself. It returns CertificateBroken or KeyRefused.
func parseCertificate(data []byte) (*x509.Certificate, error) {
	der, err := unwrapPEM(data)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der) // refuses trailing bytes
	if err != nil {
		return nil, CertificateBroken
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, KeyRefused
	}
	bits := key.N.BitLen()
	if bits < minModulusBits || bits > maxModulusBits || key.E < minExponent || key.E%2 == 0 {
		return nil, KeyRefused
	}
	if certificate.IsCA || certificate.KeyUsage != 0 && certificate.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return nil, KeyRefused
	}
	return certificate, nil
}

// unwrapPEM counts the blocks itself, because pem.Decode skips what it does not understand.
func unwrapPEM(data []byte) ([]byte, error) {
	if !bytes.Contains(data, pemStart) {
		return data, nil
	}
	if !bytes.HasPrefix(data, pemStart) || bytes.Count(data, pemStart) != 1 {
		return nil, CertificateBroken
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) != 0 || len(bytes.TrimSpace(rest)) != 0 {
		return nil, CertificateBroken
	}
	return block.Bytes, nil
}

// trust is what a signing certificate must satisfy besides being well formed.
type trust struct {
	roots         *x509.CertPool
	intermediates *x509.CertPool
	name          *regexp.Regexp
}

// check verifies chain and names at the given time. It runs on every request: a certificate in memory expires too.
func (t *trust) check(certificate *x509.Certificate, issuers []*x509.Certificate, now time.Time) error {
	if !t.chained(certificate, issuers, now) {
		return ChainRefused
	}
	if !t.named(certificate) {
		return IdentityRefused
	}
	return nil
}

// chained reports whether a chain leads from the certificate to a trusted root, for this purpose and at the given time. The
// issuers fetched for it are intermediates like those we were given: none of them can be where a chain ends.
func (t *trust) chained(certificate *x509.Certificate, issuers []*x509.Certificate, now time.Time) bool {
	intermediates := t.intermediates
	if len(issuers) > 0 {
		if intermediates = x509.NewCertPool(); t.intermediates != nil {
			intermediates = t.intermediates.Clone()
		}
		for _, issuer := range issuers {
			intermediates.AddCert(issuer)
		}
	}
	chains, err := certificate.Verify(x509.VerifyOptions{
		Roots:         t.roots,
		Intermediates: intermediates,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err == nil && len(chains[0]) >= 2
}

// named compares attributes as a whole: a search for text would also find it inside a common name.
func (t *trust) named(certificate *x509.Certificate) bool {
	if !onlyMicrosoft(certificate.Subject.Organization) || !onlyMicrosoft(certificate.Issuer.Organization) {
		return false
	}
	for _, name := range certificate.DNSNames {
		if t.name.MatchString(name) {
			return true
		}
	}
	return false
}

func onlyMicrosoft(organizations []string) bool {
	return len(organizations) == 1 && organizations[0] == organization
}

// reasonOf finds the reason in an error of this package.
func reasonOf(err error) Reason {
	var reason Reason
	if errors.As(err, &reason) {
		return reason
	}
	return CertificateMissing
}
