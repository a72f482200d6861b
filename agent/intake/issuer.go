package intake

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"time"
)

const (
	// maxIssuers is how many issuers are fetched for one certificate. The chains of Microsoft's services need both: the issuing
	// authority, and Microsoft's root as signed by the older root that systems trust.
	maxIssuers       = 2
	maxIssuerAddress = 1 << 10 // bytes
)

// complete gives the issuers that the certificate's chain needs beside the intermediates we were given. Those already known
// are kept while they serve. Else they are fetched from where the certificate says (RFC 5280, 4.2.2.1), which the standard
// library does not do, but only for a certificate that could be Partner Center's now.
//
// CertificateMissing means that an issuer cannot be had now. A chain that leads nowhere is no error here: the certificate is
// returned without issuers, and then refused like every other without a chain.
func (k *keyring) complete(ctx context.Context, certificate *x509.Certificate, known []*x509.Certificate) ([]*x509.Certificate, error) {
	now := k.clock()
	if k.trust.chained(certificate, known, now) {
		return known, nil
	}
	if !validAt(certificate, now) || !k.trust.named(certificate) {
		return nil, nil
	}
	var issuers []*x509.Certificate
	last := certificate
	for range maxIssuers {
		address := k.issuerAddress(last)
		if address == "" {
			break
		}
		issuer, err := k.fetchIssuer(ctx, address)
		if err != nil {
			return nil, err
		}
		if !validAt(issuer, now) || !issued(issuer, last) {
			break
		}
		if issuers = append(issuers, issuer); k.trust.chained(certificate, issuers, now) {
			return issuers, nil
		}
		last = issuer
	}
	k.log.Warn("the signing certificate's chain leads to no trusted authority: add what is missing to the intermediates or the trust bundle",
		"fetched_issuers", len(issuers))
	return nil, nil
}

// issued reports whether a certificate was issued by another one: by its name and by its key.
func issued(issuer, certificate *x509.Certificate) bool {
	return bytes.Equal(certificate.RawIssuer, issuer.RawSubject) && certificate.CheckSignatureFrom(issuer) == nil
}

// issuerAddress gives the first admissible address of the certificate's issuer, or "".
func (k *keyring) issuerAddress(certificate *x509.Certificate) string {
	for _, address := range certificate.IssuingCertificateURL {
		if k.hosts.admitsIssuer(address) {
			return address
		}
	}
	return ""
}

// fetchIssuer fetches within the limit of all fetches. The error is CertificateMissing also when something other than a
// certificate came: over plain HTTP anything on the way may have answered, and the sender cannot help it.
func (k *keyring) fetchIssuer(ctx context.Context, address string) (*x509.Certificate, error) {
	k.mu.Lock()
	allowed := k.spend(fetchesAll)
	k.mu.Unlock()
	if !allowed {
		return nil, CertificateMissing
	}
	data, err := k.fetch(ctx, address)
	if err == nil {
		var issuer *x509.Certificate
		if issuer, err = parseIssuer(data); err == nil {
			return issuer, nil
		}
	}
	k.failed("issuer of the signing certificate", address, err)
	return nil, CertificateMissing
}

var (
	errNotOneCertificate = errors.New("the host answered with something other than one certificate")
	errNotAnAuthority    = errors.New("the host answered with the certificate of no authority, or with a key of unusual size")
)

// parseIssuer takes DER, or PEM with exactly one certificate, of an authority. A PKCS #7 bundle, which RFC 5280 allows, is
// refused: the hosts we admit serve single certificates.
func parseIssuer(data []byte) (*x509.Certificate, error) {
	der, err := unwrapPEM(data)
	if err != nil {
		return nil, errNotOneCertificate
	}
	issuer, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errNotOneCertificate
	}
	if !issuer.BasicConstraintsValid || !issuer.IsCA {
		return nil, errNotAnAuthority
	}
	if key, ok := issuer.PublicKey.(*rsa.PublicKey); ok && (key.N.BitLen() < minModulusBits || key.N.BitLen() > maxModulusBits) {
		return nil, errNotAnAuthority
	}
	return issuer, nil
}

func validAt(certificate *x509.Certificate, now time.Time) bool {
	return !now.Before(certificate.NotBefore) && !now.After(certificate.NotAfter)
}
