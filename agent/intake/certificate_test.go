package intake

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	_ "crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

var signerPath = "/cert/" + signerName + ".cer"

// with serves a leaf that was issued after the change.
func with(change func(*x509.Certificate)) func(*world, *delivery) {
	return func(w *world, _ *delivery) { w.serve(signerPath, w.ca.issue(w.t, change)) }
}

// forKey serves a leaf for another public key.
func forKey(public func() crypto.PublicKey) func(*world, *delivery) {
	return func(w *world, _ *delivery) { w.serve(signerPath, w.ca.issueFor(w.t, public(), nil)) }
}

// organizations issues with these subject organizations.
func organizations(names ...string) func(*world, *delivery) {
	return with(func(c *x509.Certificate) { c.Subject.Organization = names })
}

// oddRSA gives an RSA public key of a size or exponent for which no private key is needed.
func oddRSA(bits, exponent int) func() crypto.PublicKey {
	return func() crypto.PublicKey {
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		return &rsa.PublicKey{N: n.SetBit(n.Add(n, big.NewInt(12345)), 0, 1), E: exponent}
	}
}

func TestCertificatesThatAreRefused(t *testing.T) {
	runRows(t, []row{
		{id: "C1 self-signed", want: ChainRefused, change: func(w *world, _ *delivery) {
			w.serve(signerPath, w.ca.sign(w.t, w.ca.leafTemplate(), nil, w.ca.leafKey.Public(), w.ca.leafKey))
		}},
		{id: "C2 root of the same name", want: ChainRefused, change: func(w *world, _ *delivery) {
			root := parsed(w.t, w.ca.sign(w.t, w.ca.rootTemplate(), nil, w.ca.otherKey.Public(), w.ca.otherKey))
			issuer := parsed(w.t, w.ca.sign(w.t, w.ca.issuerTemplate(), root, w.ca.otherKey.Public(), w.ca.otherKey))
			w.serve(signerPath, w.ca.sign(w.t, w.ca.leafTemplate(), issuer, w.ca.leafKey.Public(), w.ca.otherKey))
		}},
		{id: "C3 own domain at a public authority", want: IdentityRefused, change: with(func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: "attacker.example.com"}
			c.DNSNames = []string{"attacker.example.com"}
		})},
		{id: "C4 Microsoft's certificate of another service", want: IdentityRefused, change: with(func(c *x509.Certificate) {
			c.Subject.CommonName, c.DNSNames = "www.bing.com", []string{"www.bing.com"}
		})},
		{id: "C4 right certificate, another key's signature", want: SignatureRefused, change: func(w *world, d *delivery) {
			d.sign(signed(w.t, w.ca.otherKey, d.body))
		}},
		{id: "C5 code signing", want: ChainRefused, change: with(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
		})},
		{id: "C5 code signing issuer", want: ChainRefused, change: underIssuer(func(c *x509.Certificate) {
			c.Subject.CommonName = "Microsoft ID Verified CS AOC CA 01"
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
		})},
		{id: "C6 organization inside the common name", want: IdentityRefused, change: with(func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: "x, O=Microsoft Corporation"}
		})},
		{id: "C6 two organizations", want: IdentityRefused, change: organizations("Microsoft Corporation", "Contoso")},
		{id: "C6 the same twice", want: IdentityRefused, change: organizations("Microsoft Corporation", "Microsoft Corporation")},
		{id: "C6 homoglyph", want: IdentityRefused, change: organizations("Micrоsoft Corporation")}, // a Cyrillic letter
		{id: "C6 trailing space", want: IdentityRefused, change: organizations("Microsoft Corporation ")},
		{id: "C6 case", want: IdentityRefused, change: organizations("MICROSOFT CORPORATION")},
		{id: "C6 unit", want: IdentityRefused, change: with(func(c *x509.Certificate) {
			c.Subject.Organization, c.Subject.OrganizationalUnit = nil, []string{"Microsoft Corporation"}
		})},
		{id: "C7 issuer right, subject wrong", want: IdentityRefused, change: organizations("Fabrikam")},
		{id: "C7 subject right, issuer wrong", want: IdentityRefused, change: underIssuer(func(c *x509.Certificate) {
			c.Subject.Organization = []string{"Fabrikam Trust"}
		})},
		{id: "C8 expired", want: ChainRefused, change: with(func(c *x509.Certificate) { c.NotAfter = start.Add(-time.Second) })},
		{id: "C8 not yet valid", want: ChainRefused, change: with(func(c *x509.Certificate) { c.NotBefore = start.Add(time.Second) })},
		{id: "C9 expired issuer", want: ChainRefused, change: underIssuer(func(c *x509.Certificate) { c.NotAfter = start.Add(-time.Hour) })},
		{id: "C9 missing issuer", want: ChainRefused, change: func(w *world, _ *delivery) {
			w.verifier.trust.intermediates = nil
			w.serve(signerPath, w.ca.issue(w.t, func(c *x509.Certificate) {
				c.IssuingCertificateURL = []string{"http://169.254.169.254/issuer.cer"}
			}))
		}},
		{id: "C10 leaf as issuer", want: ChainRefused, change: func(w *world, _ *delivery) {
			middle := parsed(w.t, w.ca.issueFor(w.t, w.ca.otherKey.Public(), nil))
			w.verifier.trust.intermediates.AddCert(middle)
			w.serve(signerPath, w.ca.sign(w.t, w.ca.leafTemplate(), middle, w.ca.leafKey.Public(), w.ca.otherKey))
		}},
		{id: "C10 path too long", want: ChainRefused, change: func(w *world, _ *delivery) {
			template := w.ca.issuerTemplate()
			template.Subject.CommonName = "Microsoft TLS below"
			middle := parsed(w.t, w.ca.sign(w.t, template, w.ca.issuer, w.ca.otherKey.Public(), w.ca.issuerKey))
			w.verifier.trust.intermediates.AddCert(middle)
			w.serve(signerPath, w.ca.sign(w.t, w.ca.leafTemplate(), middle, w.ca.leafKey.Public(), w.ca.otherKey))
		}},
		{id: "C10 name constraint", want: ChainRefused, change: underIssuer(func(c *x509.Certificate) {
			c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"azure.com"}
		})},
		{id: "C10 SHA-1 in the chain", want: ChainRefused, change: weaklySigned(5, crypto.SHA1)},
		{id: "C10 MD5 in the chain", want: ChainRefused, change: weaklySigned(4, crypto.MD5)},
		{id: "C11 1024 bits", want: KeyRefused, change: forKey(oddRSA(1024, 65537))},
		{id: "C11 2047 bits", want: KeyRefused, change: forKey(oddRSA(2047, 65537))},
		{id: "C11 16384 bits", want: KeyRefused, change: forKey(oddRSA(16384, 65537))},
		{id: "C11 e=1", want: KeyRefused, change: forKey(oddRSA(2048, 1))},
		{id: "C11 e=3", want: KeyRefused, change: forKey(oddRSA(2048, 3))},
		{id: "C11 even e", want: KeyRefused, change: forKey(oddRSA(2048, 65538))},
		{id: "C11 ECDSA", want: KeyRefused, change: forKey(func() crypto.PublicKey {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				panic(err)
			}
			return key.Public()
		})},
		{id: "C11 Ed25519", want: KeyRefused, change: forKey(func() crypto.PublicKey {
			public, _, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				panic(err)
			}
			return public
		})},
		{id: "C11 RSA-PSS key", want: KeyRefused, change: func(w *world, _ *delivery) {
			w.serve(signerPath, w.ca.resign(w.t, w.ca.leaf, rsaOID(1), rsaOID(10), crypto.SHA256))
		}},
		{id: "C12 authority", want: KeyRefused, change: func(w *world, d *delivery) {
			w.serve(signerPath, w.ca.issuer.Raw)
			d.sign(signed(w.t, w.ca.issuerKey, d.body))
		}},
		{id: "C12 right names but an authority", want: KeyRefused, change: with(func(c *x509.Certificate) { c.IsCA = true })},
		{id: "C12 not for signatures", want: KeyRefused, change: with(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })},
		{id: "C12 root itself trusted as signer", want: KeyRefused, change: func(w *world, d *delivery) {
			w.serve(signerPath, w.ca.root.Raw)
			d.sign(signed(w.t, w.ca.rootKey, d.body))
		}},
		{id: "C15 wildcard", want: IdentityRefused, change: with(func(c *x509.Certificate) { c.DNSNames = []string{"*.microsoft.com"} })},
		{id: "C15 common name only", want: IdentityRefused, change: with(func(c *x509.Certificate) { c.DNSNames = nil })},
		{id: "C15 prefix", want: IdentityRefused, change: with(func(c *x509.Certificate) { c.DNSNames = []string{"x" + signerName} })},
		{id: "C15 suffix", want: IdentityRefused, change: with(func(c *x509.Certificate) { c.DNSNames = []string{signerName + ".example.com"} })},
		{id: "C15 dots", want: IdentityRefused, change: with(func(c *x509.Certificate) { c.DNSNames = []string{"pcnotifications-dispatchXmicrosoft.com"} })},
	})
}

// underIssuer serves a leaf below an issuer that was made after the change.
func underIssuer(change func(*x509.Certificate)) func(*world, *delivery) {
	return func(w *world, _ *delivery) {
		template := w.ca.issuerTemplate()
		change(template)
		issuer := parsed(w.t, w.ca.sign(w.t, template, w.ca.root, w.ca.otherKey.Public(), w.ca.rootKey))
		w.verifier.trust.intermediates = poolOf(issuer)
		w.serve(signerPath, w.ca.sign(w.t, w.ca.leafTemplate(), issuer, w.ca.leafKey.Public(), w.ca.otherKey))
	}
}

// rsaOID is the encoded object identifier 1.2.840.113549.1.1.n.
func rsaOID(n byte) []byte { return []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, n} }

func weaklySigned(algorithm byte, hash crypto.Hash) func(*world, *delivery) {
	return func(w *world, _ *delivery) {
		w.serve(signerPath, w.ca.resign(w.t, w.ca.leaf, rsaOID(11), rsaOID(algorithm), hash))
	}
}

func TestCertificatesThatAreTaken(t *testing.T) {
	runRows(t, []row{
		{id: "DER", want: Accepted, change: func(*world, *delivery) {}},
		{id: "PEM", want: Accepted, change: func(w *world, _ *delivery) { w.serve(signerPath, asPEM("CERTIFICATE", w.ca.leaf)) }},
		{id: "PEM with CRLF", want: Accepted, change: func(w *world, _ *delivery) {
			w.serve(signerPath, bytes.ReplaceAll(asPEM("CERTIFICATE", w.ca.leaf), []byte("\n"), []byte("\r\n")))
		}},
		{id: "other name of the family", want: Accepted, change: with(func(c *x509.Certificate) {
			c.DNSNames = []string{"www.example.com", "pcnotifications.microsoft.com"}
		})},
		{id: "no key usage", want: Accepted, change: with(func(c *x509.Certificate) { c.KeyUsage = 0 })},
		{id: "serverAuth among others", want: Accepted, change: with(func(c *x509.Certificate) {
			c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
		})},
	})
}

func TestBytesThatAreNoCertificate(t *testing.T) { // C13
	ca := newAuthority(t)
	block := asPEM("CERTIFICATE", ca.leaf)
	for name, data := range map[string][]byte{
		"junk before":   append([]byte("x\n"), block...),
		"junk after":    append(slices.Clone(block), "x"...),
		"two blocks":    append(slices.Clone(block), block...),
		"broken first":  append([]byte("-----BEGIN CERTIFICATE-----\nx\n"), block...),
		"private key":   asPEM("PRIVATE KEY", x509.MarshalPKCS1PrivateKey(ca.leafKey)),
		"wrong label":   asPEM("X509 CERTIFICATE", ca.leaf),
		"PKCS #7":       asPEM("PKCS7", ca.leaf),
		"PEM headers":   bytes.Replace(block, []byte("\n"), []byte("\nProc-Type: 4,ENCRYPTED\n\n"), 1),
		"unfinished":    block[:len(block)/2],
		"DER + 1":       append(slices.Clone(ca.leaf), 0),
		"DER - 1":       ca.leaf[:len(ca.leaf)-1],
		"two DER":       append(slices.Clone(ca.leaf), ca.leaf...),
		"text":          []byte("hello"),
		"sequence":      {0x30, 0x80, 0, 0},
		"huge length":   {0x30, 0x84, 0xff, 0xff, 0xff, 0xff},
		"PEM in a page": []byte("<pre>" + string(block) + "</pre>"),
	} {
		if _, err := parseCertificate(data); reasonOf(err) != CertificateBroken {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range ca.leaf { // no panic, and whatever still parses no longer has a valid chain
		data := slices.Clone(ca.leaf)
		data[i] ^= 0x5a
		c, err := parseCertificate(data)
		tr := trust{roots: ca.roots(), intermediates: ca.intermediates(), name: CertificateName}
		if err == nil && tr.check(c, nil, start) == nil {
			t.Fatalf("byte %d can be changed", i)
		}
	}
	w := newWorld(t)
	w.serve(signerPath, []byte("hello"))
	w.expect(w.delivery(), CertificateBroken)
	w.expect(w.delivery(), CertificateBroken)
	if n := w.verifier.Fetches(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestCachedCertificateExpires(t *testing.T) { // C8
	w := newWorld(t)
	w.serve(signerPath, w.ca.issue(t, func(c *x509.Certificate) { c.NotAfter = start.Add(30 * time.Minute) }))
	w.expect(w.delivery(), Accepted)
	w.clock.Advance(30 * time.Minute)
	w.expect(w.delivery(), Accepted) // the last moment
	if n := w.verifier.Fetches(); n != 1 {
		t.Fatalf("%d fetches: the certificate should come from memory", n)
	}
	w.clock.Advance(time.Second)
	w.expect(w.delivery(), ChainRefused)
	w.clock.Advance(renewInterval)
	w.serve(signerPath, w.ca.leaf) // renewed
	w.expect(w.delivery(), Accepted)
}

func TestCertificateOfTomorrowWorksTomorrow(t *testing.T) {
	w := newWorld(t)
	w.serve(signerPath, w.ca.issue(t, func(c *x509.Certificate) { c.NotBefore = start.Add(20 * time.Minute) }))
	w.expect(w.delivery(), ChainRefused)
	w.clock.Advance(20 * time.Minute)
	w.expect(w.delivery(), Accepted)
}

// renewed serves a certificate for another key, and gives a request signed with that key.
func (w *world) renewed() *delivery {
	w.serve(signerPath, w.ca.issueFor(w.t, w.ca.otherKey.Public(), nil))
	d := w.delivery()
	d.sign(signed(w.t, w.ca.otherKey, d.body))
	return d
}

func TestRenewedKeyAtTheSameAddress(t *testing.T) { // C14
	w := newWorld(t)
	w.expect(w.delivery(), Accepted)
	w.clock.Advance(settleFor)
	w.expect(w.renewed(), Accepted)
	if n := w.verifier.Fetches(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
	w.expect(w.delivery(), SignatureRefused) // signed with the old key
	w.expect(w.renewed(), Accepted)
	if n := w.verifier.Fetches(); n != 2 {
		t.Errorf("%d fetches, want still 2", n)
	}
}

func TestRenewalUnderConcurrentDeliveries(t *testing.T) {
	w := newWorld(t)
	w.expect(w.delivery(), Accepted)
	w.clock.Advance(settleFor)
	w.concurrently(50, w.renewed(), Accepted)
	if n := w.verifier.Fetches(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
}

func TestConcurrentDeliveriesShareOneFetch(t *testing.T) {
	w := newWorld(t)
	w.concurrently(50, w.delivery(), Accepted)
	if n := w.verifier.Fetches(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
}

// concurrently sends the same request n times at once.
func (w *world) concurrently(n int, d *delivery, want Reason) {
	w.t.Helper()
	before := w.handler.Counts()[want]
	var group sync.WaitGroup
	for range n {
		group.Go(func() { w.send(d) })
	}
	group.Wait()
	if got := w.handler.Counts()[want] - before; got != int64(n) {
		w.t.Errorf("%d of %d ended as %s: %v", got, n, want, w.handler.Counts())
	}
}

func TestBadSignaturesCauseFewFetches(t *testing.T) {
	w := newWorld(t)
	w.expect(w.delivery(), Accepted)
	bad := w.delivery()
	bad.sign(signed(t, w.ca.otherKey, bad.body))
	for range 100 { // over five minutes
		w.expect(bad, SignatureRefused)
		w.clock.Advance(3 * time.Second)
	}
	if n := w.verifier.Fetches(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
}

func TestRenewalThatCannotBeFetched(t *testing.T) {
	w := newWorld(t)
	w.expect(w.delivery(), Accepted)
	w.clock.Advance(settleFor)
	d := w.renewed()
	w.serveFunc(signerPath, status(500))
	w.expect(d, CertificateMissing) // perhaps it is right: the sender is to try again
	w.expect(d, CertificateMissing)
	if n := w.verifier.Fetches(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
	w.expect(w.delivery(), Accepted) // the certificate in memory still serves
	d = w.renewed()
	w.clock.Advance(failedFor)
	w.expect(d, Accepted)
}

func TestOldCertificateIsLookedUpAgain(t *testing.T) {
	w := newWorld(t)
	w.expect(w.delivery(), Accepted)
	w.clock.Advance(freshFor)
	w.expect(w.delivery(), Accepted)
	if n := w.verifier.Fetches(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
	w.clock.Advance(freshFor)
	w.serveFunc(signerPath, status(503))
	w.expect(w.delivery(), Accepted) // and is used on when that fails
	w.expect(w.delivery(), Accepted)
	if n := w.verifier.Fetches(); n != 3 {
		t.Errorf("%d fetches, want 3", n)
	}
	w.renewed()
	w.clock.Advance(failedFor)
	w.expect(w.delivery(), SignatureRefused) // the old key is no longer published
}

func TestEvictionKeepsTheProvenAddress(t *testing.T) {
	now := start
	serve := func(context.Context, string) ([]byte, error) { return []byte("x"), nil }
	k := newKeyring(serve, new(trust), nil, func() time.Time { return now }, hclog.NewNullLogger())
	k.entries["proven"] = &entry{certificate: new(x509.Certificate), proven: true}
	for n := range 100 {
		now = now.Add(fetchWindow)
		if _, err := k.get(t.Context(), string(rune('a'+n))); reasonOf(err) != CertificateBroken {
			t.Fatal(err)
		}
	}
	if k.entries["proven"] == nil || len(k.entries) != maxCached {
		t.Errorf("%d entries", len(k.entries))
	}
}

func TestLoadPool(t *testing.T) {
	ca := newAuthority(t)
	directory := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pool, err := LoadPool(write("good.pem", asPEM("CERTIFICATE", ca.root.Raw)))
	if err != nil || !pool.Equal(ca.roots()) {
		t.Errorf("%v", err)
	}
	if _, err := LoadPool(write("bad.pem", ca.root.Raw)); err == nil || !strings.Contains(err.Error(), "bad.pem") {
		t.Errorf("%v", err)
	}
	if _, err := LoadPool(filepath.Join(directory, "absent.pem")); err == nil {
		t.Error("an absent bundle was read")
	}
	if pool, err := LoadPool(""); err != nil || pool == nil {
		t.Errorf("system pool: %v", err)
	}
}

func TestFingerprintOfATrustedCertificateIsLoggedOnce(t *testing.T) {
	w := newWorld(t)
	w.expect(w.delivery(), Accepted)
	w.expect(w.delivery(), Accepted)
	sum := sha256.Sum256(w.ca.leaf)
	if n := strings.Count(w.log.String(), "sha256="+hex.EncodeToString(sum[:])); n != 1 {
		t.Errorf("logged %d times:\n%s", n, w.log)
	}
}
