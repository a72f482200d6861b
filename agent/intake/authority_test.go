package intake

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"sync"
	"testing"
	"time"
)

// start is when every test begins, by the injected clock.
var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const signerName = "pcnotifications-dispatch.microsoft.com"

// authority is a three-level hierarchy with the names that Microsoft's has, and keys of its own.
type authority struct {
	rootKey, issuerKey, leafKey, otherKey *rsa.PrivateKey

	root, issuer *x509.Certificate
	leaf         []byte // DER
	serial       int64
}

// keys are made once per run, the same in every run and process: the processes of a fuzz target then agree about what is
// signed, and an input that one of them found means the same in another.
var keys = sync.OnceValue(func() [4]*rsa.PrivateKey {
	random := mathrand.NewChaCha8([32]byte{})
	var out [4]*rsa.PrivateKey
	for i := range out {
		out[i] = newKey(prime(random, toPrime[2*i]), prime(random, toPrime[2*i+1]))
	}
	return out
})

// toPrime leads from the seeded numbers to the next primes. Searching them takes long in instrumented fuzz processes;
// TestPrimes shows that they are right.
var toPrime = [8]int64{998, 2378, 2176, 22, 90, 508, 190, 820}

func TestPrimes(t *testing.T) {
	for i, key := range keys() {
		if n := key.N.BitLen(); n != 2048 || !key.Primes[0].ProbablyPrime(20) || !key.Primes[1].ProbablyPrime(20) {
			t.Errorf("key %d of %d bits is not one", i, n)
		}
	}
}

// prime gives a prime of 1024 bits, the two upper ones of which are set.
func prime(random io.Reader, distance int64) *big.Int {
	bytes := make([]byte, 128)
	if _, err := io.ReadFull(random, bytes); err != nil {
		panic(err)
	}
	bytes[0] |= 0xc0
	bytes[127] |= 1
	p := new(big.Int).SetBytes(bytes)
	return p.Add(p, big.NewInt(distance))
}

func newKey(p, q *big.Int) *rsa.PrivateKey {
	const e = 65537
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: e},
		D:         new(big.Int).ModInverse(big.NewInt(e), phi),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	if err := key.Validate(); err != nil {
		panic(err)
	}
	return key
}

var tlsKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

func newAuthority(t testing.TB) *authority {
	t.Helper()
	k := keys()
	a := &authority{rootKey: k[0], issuerKey: k[1], leafKey: k[2], otherKey: k[3]}
	a.root = parsed(t, a.sign(t, a.rootTemplate(), nil, a.rootKey.Public(), a.rootKey))
	a.issuer = parsed(t, a.sign(t, a.issuerTemplate(), a.root, a.issuerKey.Public(), a.rootKey))
	a.leaf = a.issue(t, nil)
	return a
}

func (a *authority) rootTemplate() *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{Country: []string{"US"}, Organization: []string{"DigiCert Inc"}, CommonName: "DigiCert Global Root G2"},
		NotBefore: start.AddDate(-13, 0, 0), NotAfter: start.AddDate(12, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

func (a *authority) issuerTemplate() *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{
			Country: []string{"US"}, Organization: []string{"Microsoft Corporation"}, CommonName: "Microsoft TLS G2 RSA CA OCSP 02",
		},
		NotBefore: start.AddDate(-2, 0, 0), NotAfter: start.AddDate(3, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, MaxPathLenZero: true,
	}
}

func (a *authority) leafTemplate() *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{
			Country: []string{"US"}, Organization: []string{"Microsoft Corporation"}, CommonName: signerName,
		},
		DNSNames:  []string{signerName},
		NotBefore: start.AddDate(0, 0, -30), NotAfter: start.AddDate(0, 0, 150),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
}

// issue gives a leaf for the leaf key, after the template was changed.
func (a *authority) issue(t testing.TB, change func(*x509.Certificate)) []byte {
	t.Helper()
	return a.issueFor(t, a.leafKey.Public(), change)
}

func (a *authority) issueFor(t testing.TB, public crypto.PublicKey, change func(*x509.Certificate)) []byte {
	t.Helper()
	template := a.leafTemplate()
	if change != nil {
		change(template)
	}
	return a.sign(t, template, a.issuer, public, a.issuerKey)
}

func (a *authority) sign(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) []byte {
	t.Helper()
	a.serial++
	template.SerialNumber = big.NewInt(a.serial)
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		t.Fatalf("certificate: %v", err)
	}
	return der
}

// resign replaces bytes of a certificate's signed part, in its algorithm too when they occur there, and signs it again.
func (a *authority) resign(t testing.TB, der, old, replacement []byte, hash crypto.Hash) []byte {
	t.Helper()
	var c struct {
		TBS       asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		t.Fatalf("certificate: %v", err)
	}
	tbs := bytes.ReplaceAll(c.TBS.FullBytes, old, replacement)
	if bytes.Equal(tbs, c.TBS.FullBytes) {
		t.Fatal("the bytes to replace do not occur")
	}
	digest := hash.New()
	digest.Write(tbs)
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.issuerKey, hash, digest.Sum(nil))
	if err != nil {
		t.Fatalf("signature: %v", err)
	}
	c.TBS = asn1.RawValue{FullBytes: tbs}
	c.Algorithm = asn1.RawValue{FullBytes: bytes.ReplaceAll(c.Algorithm.FullBytes, old, replacement)}
	c.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	out, err := asn1.Marshal(c)
	if err != nil {
		t.Fatalf("certificate: %v", err)
	}
	return out
}

// server gives the TLS certificate of a certificate host.
func (a *authority) server(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	der := a.issueFor(t, tlsKey().Public(), func(c *x509.Certificate) {
		c.Subject.CommonName, c.DNSNames = names[0], names
	})
	return tls.Certificate{Certificate: [][]byte{der, a.issuer.Raw}, PrivateKey: tlsKey()}
}

func (a *authority) roots() *x509.CertPool         { return poolOf(a.root) }
func (a *authority) intermediates() *x509.CertPool { return poolOf(a.issuer) }

func poolOf(certificates ...*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certificates {
		pool.AddCert(c)
	}
	return pool
}

func parsed(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("certificate: %v", err)
	}
	return c
}

func asPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// signed gives the PKCS #1 v1.5 signature with SHA-256 over the body.
func signed(t testing.TB, key *rsa.PrivateKey, body []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(body)
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatalf("signature: %v", err)
	}
	return signature
}
