package partnercenter

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// CertificatePath is where the signing certificate is served, as on Microsoft's storage account.
	CertificatePath = "/cert/" + signerHost + ".cer"

	signerHost      = "pcnotifications-dispatch.microsoft.com"
	microsoft       = "Microsoft Corporation"
	signerLife      = 180 * 24 * time.Hour // of Microsoft's TLS certificates in 2026
	signerBits      = 2048
	authorityLife   = 5 * 365 * 24 * time.Hour
	backdated       = 24 * time.Hour // a clock that is behind shall not reject the certificates
	certificateType = "CERTIFICATE"
)

// Authority is a certificate hierarchy of its own, with the names of the real one: a root, an issuing authority of Microsoft
// Corporation, and the leaf that signs webhooks with RSA. The leaf alone is served, so verifiers need the trust bundle.
type Authority struct {
	root, issuing *x509.Certificate
	issuingKey    *ecdsa.PrivateKey
	signerKey     *rsa.PrivateKey

	mu     sync.RWMutex
	signer []byte // DER
	serial int64
}

// NewAuthority makes a hierarchy that is valid from now.
func NewAuthority(now time.Time) (*Authority, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of the root: %w", err)
	}
	a := &Authority{serial: 2}
	if a.issuingKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("make the key of the issuing authority: %w", err)
	}
	if a.signerKey, err = rsa.GenerateKey(rand.Reader, signerBits); err != nil {
		return nil, fmt.Errorf("make the key that signs webhooks: %w", err)
	}
	rootTemplate := authorityTemplate(1, "Cosell Sandbox Global Root G2", "Cosell Sandbox", now)
	if a.root, err = issue(rootTemplate, rootTemplate, &rootKey.PublicKey, rootKey); err != nil {
		return nil, err
	}
	issuingTemplate := authorityTemplate(2, "Microsoft TLS G2 RSA CA Sandbox 02", microsoft, now)
	issuingTemplate.MaxPathLenZero = true
	if a.issuing, err = issue(issuingTemplate, a.root, &a.issuingKey.PublicKey, rootKey); err != nil {
		return nil, err
	}
	return a, a.Renew(now)
}

func authorityTemplate(serial int64, name, organization string, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name, Organization: []string{organization}, Country: []string{"US"}},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(authorityLife), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

func issue(template, parent *x509.Certificate, key crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, signer)
	if err != nil {
		return nil, fmt.Errorf("issue the certificate of %s: %w", template.Subject.CommonName, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of %s: %w", template.Subject.CommonName, err)
	}
	return certificate, nil
}

// Renew replaces the signing certificate behind the same URL by one that is valid from now. The key stays.
func (a *Authority) Renew(now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	leaf, err := a.leaf(pkix.Name{CommonName: signerHost, Organization: []string{microsoft}, Country: []string{"US"}}, now, &a.signerKey.PublicKey,
		func(template *x509.Certificate) { template.DNSNames = []string{signerHost} })
	if err != nil {
		return err
	}
	a.signer = leaf.Raw
	return nil
}

func (a *Authority) leaf(subject pkix.Name, now time.Time, key crypto.PublicKey, names func(*x509.Certificate)) (*x509.Certificate, error) {
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: subject, NotBefore: now.Add(-backdated), NotAfter: now.Add(signerLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	names(template)
	return issue(template, a.issuing, key, a.issuingKey)
}

// Sign returns the base64 RSA PKCS#1 v1.5 signature of the SHA-256 of the body, as deliveries carry it.
func (a *Authority) Sign(body []byte) (string, error) {
	digest := sha256.Sum256(body)
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.signerKey, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign a webhook: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// Certificate is the signing certificate, DER.
func (a *Authority) Certificate() []byte {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.signer
}

// TrustBundle is the root and the issuing authority, PEM: what a verifier of webhooks must trust.
func (a *Authority) TrustBundle() []byte {
	bundle := pem.EncodeToMemory(&pem.Block{Type: certificateType, Bytes: a.root.Raw})
	return append(bundle, pem.EncodeToMemory(&pem.Block{Type: certificateType, Bytes: a.issuing.Raw})...)
}

// TLSCertificate issues a server certificate for 127.0.0.1, ::1 and localhost under the same root.
func (a *Authority) TLSCertificate(now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make the key of the certificate listener: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	leaf, err := a.leaf(pkix.Name{CommonName: "localhost", Organization: []string{"Cosell Sandbox"}}, now, &key.PublicKey,
		func(template *x509.Certificate) {
			template.DNSNames = []string{"localhost"}
			template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
		})
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, a.issuing.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// Handler serves the signing certificate at CertificatePath.
func (a *Authority) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != CertificatePath || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(a.Certificate()) // the caller may have gone
	})
}
