package intake

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The addresses have the form of Microsoft's.
const (
	issuerURL  = "http://caissuers.microsoft.com/pkiops/certs/Microsoft%20TLS%20G2%20RSA%20CA%20OCSP%2002.crt"
	issuerFile = "/pkiops/certs/Microsoft TLS G2 RSA CA OCSP 02.crt"
	crossURL   = "http://www.microsoft.com/pkiops/certs/Microsoft%20TLS%20RSA%20Root%20G2%20-%20xsign.crt"
	crossFile  = "/pkiops/certs/Microsoft TLS RSA Root G2 - xsign.crt"
)

// rootsOnly makes a receiver that was given no intermediates.
func rootsOnly(s *setup) { s.verifier.Intermediates = nil }

// pointing serves a leaf that says where its issuer is. Nothing of its issuer is served yet.
func (w *world) pointing(addresses ...string) {
	w.serve(signerPath, w.ca.issue(w.t, func(c *x509.Certificate) { c.IssuingCertificateURL = addresses }))
}

// oneStep serves a leaf and its issuer, which a root signed.
func (w *world) oneStep() {
	w.pointing(issuerURL)
	w.serve(issuerFile, w.ca.issuer.Raw)
}

// twoSteps serves a leaf, its issuer, and that one's issuer, as Microsoft does: the last is Microsoft's root, signed by an
// older one.
func (w *world) twoSteps() { w.steps(nil, nil, nil) }

// steps is twoSteps with changes to the templates of the leaf, of its issuer and of Microsoft's root.
func (w *world) steps(leaf, issuer, cross func(*x509.Certificate)) {
	w.t.Helper()
	a := w.ca
	crossTemplate, issuerTemplate, leafTemplate := a.issuerTemplate(), a.issuerTemplate(), a.leafTemplate()
	crossTemplate.Subject.CommonName, crossTemplate.MaxPathLenZero = "Microsoft TLS RSA Root G2", false
	issuerTemplate.IssuingCertificateURL, leafTemplate.IssuingCertificateURL = []string{crossURL}, []string{issuerURL}
	for template, change := range map[*x509.Certificate]func(*x509.Certificate){leafTemplate: leaf, issuerTemplate: issuer, crossTemplate: cross} {
		if change != nil {
			change(template)
		}
	}
	crossed := parsed(w.t, a.sign(w.t, crossTemplate, a.root, a.otherKey.Public(), a.rootKey))
	issued := parsed(w.t, a.sign(w.t, issuerTemplate, crossed, a.issuerKey.Public(), a.otherKey))
	w.serve(crossFile, crossed.Raw)
	w.serve(issuerFile, issued.Raw)
	w.serve(signerPath, a.sign(w.t, leafTemplate, issued, a.leafKey.Public(), a.issuerKey))
}

// expectFetches compares the fetches since the start, of certificates and issuers.
func (w *world) expectFetches(want int64) {
	w.t.Helper()
	if n := w.verifier.Fetches(); n != want {
		w.t.Errorf("%d fetches, want %d; looked up %v", n, want, w.lookups)
	}
}

func TestMissingIssuersAreFetched(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(w *world)
		from  []string // the hosts of the issuers
	}{
		"one step":  {(*world).oneStep, []string{"caissuers.microsoft.com"}},
		"two steps": {(*world).twoSteps, []string{"caissuers.microsoft.com", "www.microsoft.com"}},
		"PEM": {func(w *world) {
			w.pointing("http://cacerts.digicert.com/issuer.crt.pem")
			w.serve("/issuer.crt.pem", asPEM("CERTIFICATE", w.ca.issuer.Raw))
		}, []string{"cacerts.digicert.com"}},
		"HTTPS": {func(w *world) {
			w.pointing("https://www.microsoft.com/pki/mscorp/issuer(1).crt")
			w.serve("/pki/mscorp/issuer(1).crt", w.ca.issuer.Raw)
		}, []string{"www.microsoft.com"}},
		"first admissible address": {func(w *world) {
			w.oneStep()
			w.pointing("ldap:///CN=Issuer", "http://169.254.169.254/issuer.crt", issuerURL, crossURL)
		}, []string{"caissuers.microsoft.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, rootsOnly)
			c.serve(w)
			w.expect(w.delivery(), Accepted)
			w.expect(w.delivery(), Accepted)
			if want := append([]string{CertificateHost}, c.from...); !slices.Equal(w.lookups, want) {
				t.Errorf("looked up %v, want %v", w.lookups, want)
			}
			w.expectFetches(int64(1 + len(c.from)))
		})
	}
	t.Run("not when they are known", func(t *testing.T) {
		w := newWorld(t)
		w.oneStep()
		w.expect(w.delivery(), Accepted)
		w.expectFetches(1)
	})
	t.Run("one is known, the other fetched", func(t *testing.T) {
		for i, fetches := range []int64{3, 2} { // the second step is found through the first
			w := newWorld(t, rootsOnly)
			w.twoSteps()
			w.expect(w.delivery(), Accepted)
			known := w.verifier.keys.entries[signerURL].issuers[i]
			w = newWorld(t, rootsOnly)
			w.twoSteps()
			w.verifier.trust.intermediates = poolOf(known)
			w.expect(w.delivery(), Accepted)
			w.expectFetches(fetches)
		}
	})
	t.Run("one fetch for many deliveries", func(t *testing.T) {
		w := newWorld(t, rootsOnly)
		w.twoSteps()
		w.concurrently(50, w.delivery(), Accepted)
		w.expectFetches(3)
	})
}

func TestIssuersFromAddedHosts(t *testing.T) {
	add := func(entries ...string) func(*setup) {
		return func(s *setup) {
			s.verifier.Intermediates, s.verifier.CertificateHosts = nil, entries
			s.tlsNames = append([]string{"pki.example.com"}, publicHosts...)
		}
	}
	for name, c := range map[string]struct{ entry, address, resolved, dialled string }{
		"HTTP":          {"pki.example.com", "http://pki.example.com/issuer.crt", "10.1.2.3", "10.1.2.3:80"},
		"HTTPS":         {"pki.example.com", "https://pki.example.com/issuer.crt", "127.0.0.1", "127.0.0.1:443"},
		"the same port": {"pki.example.com:8443", "https://pki.example.com:8443/issuer.crt", "10.1.2.3", "10.1.2.3:8443"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, add(c.entry))
			w.addresses["pki.example.com"] = []netip.Addr{netip.MustParseAddr(c.resolved)}
			w.pointing(c.address)
			w.serve("/issuer.crt", w.ca.issuer.Raw)
			w.expect(w.delivery(), Accepted)
			if w.dials[len(w.dials)-1] != c.dialled {
				t.Errorf("dialled %v, want %s last", w.dials, c.dialled)
			}
		})
	}
	t.Run("another port", func(t *testing.T) {
		w := newWorld(t, add("pki.example.com:8443"))
		w.pointing("https://pki.example.com/issuer.crt", "http://pki.example.com:8080/issuer.crt")
		w.expect(w.delivery(), ChainRefused)
		w.expectFetches(1)
	})
	t.Run("never link-local", func(t *testing.T) {
		w := newWorld(t, add("pki.example.com"))
		w.addresses["pki.example.com"] = []netip.Addr{netip.MustParseAddr("169.254.169.254")}
		w.pointing("http://pki.example.com/latest/meta-data")
		w.expect(w.delivery(), CertificateMissing)
		if _, dials := w.reached(); dials != 1 {
			t.Errorf("dialled %v", w.dials)
		}
	})
	t.Run("built-in hosts stay public", func(t *testing.T) {
		for _, entries := range [][]string{nil, {"www.microsoft.com"}, {"www.microsoft.com:80"}, {"www.microsoft.com:443"}} {
			w := newWorld(t, add(entries...))
			w.addresses["www.microsoft.com"] = []netip.Addr{netip.MustParseAddr("10.0.0.1")}
			w.pointing("http://www.microsoft.com/issuer.crt")
			w.expect(w.delivery(), CertificateMissing)
			if _, dials := w.reached(); dials != 1 {
				t.Errorf("%v: dialled %v", entries, w.dials)
			}
		}
	})
}

// badIssuerAddresses are never fetched, whatever a certificate says.
var badIssuerAddresses = []string{
	"http://169.254.169.254/issuer.crt", "http://[::1]/issuer.crt", "http://localhost/issuer.crt", "http://evil.example/issuer.crt",
	"http://" + CertificateHost + "/cert/issuer.cer", "https://" + CertificateHost + "/cert/issuer.cer", // serves no issuers
	"http://www.microsoft.com.evil.example/issuer.crt", "http://evilwww.microsoft.com/issuer.crt", "http://microsoft.com/issuer.crt",
	"http://ctldl.microsoft.com/issuer.crt", "http://www.microsoft.com./issuer.crt", "http://WWW.microsoft.com/issuer.crt",
	"HTTP://www.microsoft.com/issuer.crt", "ftp://www.microsoft.com/issuer.crt", "ldap://www.microsoft.com/issuer.crt",
	"file:///etc/passwd", "//www.microsoft.com/issuer.crt", "www.microsoft.com/issuer.crt", "/issuer.crt", "",
	"http:www.microsoft.com/issuer.crt", "http:/www.microsoft.com/issuer.crt", "http:///www.microsoft.com/issuer.crt",
	"http://www.microsoft.com:80/issuer.crt", "https://www.microsoft.com:443/issuer.crt", "http://www.microsoft.com:8080/issuer.crt",
	"http://www.microsoft.com:/issuer.crt", "http://u:p@www.microsoft.com/issuer.crt", "http://@www.microsoft.com/issuer.crt",
	"http://www.microsoft.com@evil.example/issuer.crt", `http://evil.example\@www.microsoft.com/issuer.crt`,
	"http://evil.example#@www.microsoft.com/issuer.crt", "http://www.microsoft.com/issuer.crt?x=1", "http://www.microsoft.com/issuer.crt?",
	"http://www.microsoft.com/issuer.crt#f", "http://www.microsoft.com/issuer.crt#", "http://www.microsoft.com?/issuer.crt",
	"http://www.microsoft.com", "http://www.microsoft.com/", "http://www.microsoft.com//issuer.crt", "http://www.microsoft.com/issuer.crt/",
	"http://www.microsoft.com/../issuer.crt", "http://www.microsoft.com/pki/..", "http://www.microsoft.com/%2e%2e/issuer.crt",
	"http://www.microsoft.com/a%2fissuer.crt", "http://www.microsoft.com/issuer%00.crt", "http://www.microsoft.com/issuer%2",
	"http://www.microsoft.com/issuer .crt", "http://www.microsoft.com/issuer.crt\r\nHost: evil.example", "http://www.microsoft.com/issuer.crt\n",
	" http://www.microsoft.com/issuer.crt", "http://www.microsoft.com/issuer;x.crt", `http://www.microsoft.com\issuer.crt`,
	"http://www.microsoft.com/" + strings.Repeat("x", maxIssuerAddress),
}

func TestIssuerAddressesThatAreNeverFetched(t *testing.T) {
	for _, address := range badIssuerAddresses {
		t.Run(address, func(t *testing.T) {
			w := newWorld(t, rootsOnly)
			if w.verifier.hosts.admitsIssuer(address) {
				t.Error("admitted")
			}
			w.pointing(address)
			w.expect(w.delivery(), ChainRefused)
			if !slices.Equal(w.lookups, []string{CertificateHost}) || len(w.dials) != 1 {
				t.Errorf("looked up %v, dialled %v", w.lookups, w.dials)
			}
		})
	}
	w := newWorld(t)
	for name := range issuerHosts { // nor is a host of issuers one of signing certificates
		d := w.delivery()
		d.header.Set("X-Ms-Certificate-Url", "https://"+name+"/cert/x.cer")
		w.expect(d, AddressRefused)
	}
	w.expectFetches(0)
}

func FuzzIssuerURL(f *testing.F) {
	f.Add(issuerURL, "127.0.0.1:8443")
	f.Add("https://[::1]:8443/x%20y(1).crt", "[::1]:8443")
	for _, address := range badIssuerAddresses {
		f.Add(address, "pki.example.com")
	}
	f.Fuzz(func(t *testing.T, address, added string) {
		list, err := newHosts([]string{added})
		if err != nil {
			if list, err = newHosts(nil); err != nil {
				t.Fatal(err)
			}
			added = ""
		}
		if !list.admitsIssuer(address) {
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
			u.String() != address || strings.Contains(u.Path, "..") {
			t.Fatalf("admitted %q", address)
		}
		if u.Host != added && !slices.Contains(publicHosts[1:], u.Host) || added != "" && u.Host == CertificateHost {
			t.Fatalf("admitted %q with %q", address, added)
		}
	})
}

// answering serves a leaf and lets the host of its issuer answer so.
func answering(handler http.HandlerFunc) func(*world, *delivery) {
	return func(w *world, _ *delivery) {
		w.pointing(issuerURL)
		w.serveFunc(issuerFile, handler)
	}
}

// issuedBy serves a leaf, and as its issuer what the function makes.
func issuedBy(make func(w *world) []byte) func(*world, *delivery) {
	return func(w *world, d *delivery) { answering(content("application/pkix-cert", make(w)))(w, d) }
}

// stepping is twoSteps with changes, as a row's change.
func stepping(leaf, issuer, cross func(*x509.Certificate)) func(*world, *delivery) {
	return func(w *world, _ *delivery) { w.steps(leaf, issuer, cross) }
}

func TestIssuersThatDoNotServe(t *testing.T) { // C9
	expired := func(c *x509.Certificate) { c.NotAfter = start.Add(-time.Second) }
	runRows(t, []row{
		// Nothing usable came: the sender is to try again.
		{id: "404", want: CertificateMissing, change: answering(http.NotFound)},
		{id: "500", want: CertificateMissing, change: answering(status(500))},
		{id: "redirect", want: CertificateMissing, change: answering(redirect(301, "http://www.microsoft.com/target.crt"))},
		{id: "redirect on the host", want: CertificateMissing, change: answering(redirect(302, "/target.crt"))},
		{id: "empty", want: CertificateMissing, change: answering(status(200))},
		{id: "page", want: CertificateMissing, change: answering(content("text/html", []byte("<html>")))},
		{id: "garbage", want: CertificateMissing, change: answering(content("application/pkix-cert", []byte("garbage")))},
		{id: "too large", want: CertificateMissing, change: answering(content("application/pkix-cert", make([]byte, maxCertificate+1)))},
		{id: "endless", want: CertificateMissing, change: answering(endless)},
		{id: "DER + 1", want: CertificateMissing, change: issuedBy(func(w *world) []byte { return append(slices.Clone(w.ca.issuer.Raw), 0) })},
		{id: "two certificates", want: CertificateMissing, change: issuedBy(func(w *world) []byte {
			return append(asPEM("CERTIFICATE", w.ca.issuer.Raw), asPEM("CERTIFICATE", w.ca.root.Raw)...)
		})},
		{id: "PKCS #7", want: CertificateMissing, change: issuedBy(func(w *world) []byte { return bundle(w.t, w.ca.issuer.Raw) })},
		{id: "PKCS #7 in PEM", want: CertificateMissing, change: issuedBy(func(w *world) []byte { return asPEM("PKCS7", bundle(w.t, w.ca.issuer.Raw)) })},
		{id: "no authority", want: CertificateMissing, change: issuedBy(func(w *world) []byte { return w.ca.leaf })},
		{id: "huge key", want: CertificateMissing, change: issuedBy(func(w *world) []byte {
			return w.ca.sign(w.t, w.ca.issuerTemplate(), w.ca.root, oddRSA(16384, 65537)(), w.ca.rootKey)
		})},
		{id: "second step fails", want: CertificateMissing, change: func(w *world, _ *delivery) {
			w.twoSteps()
			w.serveFunc(crossFile, status(503))
		}},

		// An authority's certificate came, and no chain with it leads to a root.
		{id: "expired", want: ChainRefused, change: issuedBy(func(w *world) []byte {
			template := w.ca.issuerTemplate()
			expired(template)
			return w.ca.sign(w.t, template, w.ca.root, w.ca.issuerKey.Public(), w.ca.rootKey)
		})},
		{id: "expired in the second step", want: ChainRefused, change: stepping(nil, nil, expired)},
		{id: "other key", want: ChainRefused, change: issuedBy(func(w *world) []byte {
			return w.ca.sign(w.t, w.ca.issuerTemplate(), w.ca.root, w.ca.otherKey.Public(), w.ca.rootKey)
		})},
		{id: "other name", want: ChainRefused, change: issuedBy(func(w *world) []byte {
			template := w.ca.issuerTemplate()
			template.Subject.CommonName = "Microsoft TLS G2 RSA CA OCSP 04"
			return w.ca.sign(w.t, template, w.ca.root, w.ca.issuerKey.Public(), w.ca.rootKey)
		})},
		{id: "not for this purpose", want: ChainRefused, change: stepping(nil, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
		}, nil)},
		{id: "path too long", want: ChainRefused, change: stepping(nil, nil, func(c *x509.Certificate) { c.MaxPathLenZero = true })},
		{id: "name constraint", want: ChainRefused, change: stepping(nil, nil, func(c *x509.Certificate) {
			c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"azure.com"}
		})},
		{id: "issuer says nothing of its own", want: ChainRefused, change: stepping(nil, func(c *x509.Certificate) { c.IssuingCertificateURL = nil }, nil)},
		{id: "issuer points elsewhere", want: ChainRefused, change: stepping(nil, func(c *x509.Certificate) {
			c.IssuingCertificateURL = []string{"http://169.254.169.254/issuer.crt"}
		}, nil)},
		{id: "own root", want: ChainRefused, change: ownHierarchy},
	}, rootsOnly)
}

// ownHierarchy serves a leaf with its issuer and even its root, all with Microsoft's names, none with a trusted key.
func ownHierarchy(w *world, d *delivery) {
	a := w.ca
	template := a.rootTemplate()
	root := parsed(w.t, a.sign(w.t, template, nil, a.otherKey.Public(), a.otherKey))
	template = a.issuerTemplate()
	template.IssuingCertificateURL = []string{crossURL}
	issuer := parsed(w.t, a.sign(w.t, template, root, a.otherKey.Public(), a.otherKey))
	template = a.leafTemplate()
	template.IssuingCertificateURL = []string{issuerURL}
	w.serve(crossFile, root.Raw)
	w.serve(issuerFile, issuer.Raw)
	w.serve(signerPath, a.sign(w.t, template, issuer, a.leafKey.Public(), a.otherKey))
}

// bundle wraps a certificate in PKCS #7 signed data without signers.
func bundle(t testing.TB, der []byte) []byte {
	t.Helper()
	type signedData struct {
		Version      int
		Algorithms   []asn1.RawValue `asn1:"set"`
		Content      struct{ Type asn1.ObjectIdentifier }
		Certificates asn1.RawValue
		Signers      []asn1.RawValue `asn1:"set"`
	}
	inner := signedData{Version: 1, Certificates: asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: der}}
	inner.Content.Type = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	out, err := asn1.Marshal(struct {
		Type asn1.ObjectIdentifier
		Data signedData `asn1:"explicit,tag:0"`
	}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}, inner})
	if err != nil {
		t.Fatalf("bundle: %v", err)
	}
	return out
}

func TestAtMostTwoIssuersAreFetched(t *testing.T) {
	w := newWorld(t, rootsOnly)
	w.twoSteps()
	// Microsoft's root is signed by one more authority, which a third step would find.
	a := w.ca
	template := a.issuerTemplate()
	template.Subject.CommonName, template.MaxPathLenZero = "DigiCert Cross", false
	last := parsed(t, a.sign(t, template, a.root, a.leafKey.Public(), a.rootKey))
	template = a.issuerTemplate()
	template.Subject.CommonName, template.MaxPathLenZero = "Microsoft TLS RSA Root G2", false
	template.IssuingCertificateURL = []string{"http://cacerts.digicert.com/last.crt"}
	w.serve(crossFile, a.sign(t, template, last, a.otherKey.Public(), a.leafKey))
	w.serve("/last.crt", last.Raw)
	w.expect(w.delivery(), ChainRefused)
	w.expectFetches(3)
	if !strings.Contains(w.log.String(), "leads to no trusted authority") {
		t.Errorf("the operator is not told what to add:\n%s", w.log)
	}
}

func TestIssuerThatDoesNotFitIsNotFollowed(t *testing.T) {
	for id, change := range map[string]func(template *x509.Certificate) (key crypto.PublicKey){
		"expired": func(c *x509.Certificate) crypto.PublicKey {
			c.NotAfter = start.Add(-time.Second)
			return keys()[1].Public()
		},
		"other key": func(*x509.Certificate) crypto.PublicKey { return keys()[3].Public() },
		"other name": func(c *x509.Certificate) crypto.PublicKey {
			c.Subject.CommonName = "Microsoft TLS G2 RSA CA OCSP 04"
			return keys()[1].Public()
		},
	} {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t, rootsOnly)
			w.oneStep()
			template := w.ca.issuerTemplate()
			template.IssuingCertificateURL = []string{crossURL}
			key := change(template)
			w.serve(issuerFile, w.ca.sign(t, template, w.ca.root, key, w.ca.rootKey))
			w.expect(w.delivery(), ChainRefused)
			w.expectFetches(2)
		})
	}
}

func TestNoIssuerIsFetchedForOtherCertificates(t *testing.T) {
	pointing := func(change func(*x509.Certificate)) func(*world, *delivery) {
		return func(w *world, _ *delivery) {
			w.oneStep()
			w.serve(signerPath, w.ca.issue(w.t, func(c *x509.Certificate) {
				c.IssuingCertificateURL = []string{issuerURL}
				change(c)
			}))
		}
	}
	for id, change := range map[string]func(*world, *delivery){
		"expired":            pointing(func(c *x509.Certificate) { c.NotAfter = start.Add(-time.Second) }),
		"not yet valid":      pointing(func(c *x509.Certificate) { c.NotBefore = start.Add(time.Second) }),
		"other name":         pointing(func(c *x509.Certificate) { c.DNSNames = []string{"www.bing.com"} }),
		"other organization": pointing(func(c *x509.Certificate) { c.Subject.Organization = []string{"Fabrikam"} }),
	} {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t, rootsOnly)
			change(w, nil)
			w.expect(w.delivery(), ChainRefused)
			w.expectFetches(1)
		})
	}
	t.Run("no key of a signer", func(t *testing.T) {
		w := newWorld(t, rootsOnly)
		w.serve(signerPath, w.ca.issueFor(t, oddRSA(1024, 65537)(), func(c *x509.Certificate) { c.IssuingCertificateURL = []string{issuerURL} }))
		w.expect(w.delivery(), KeyRefused)
		w.expectFetches(1)
	})
}

func TestFailedIssuerFetchIsRemembered(t *testing.T) {
	w := newWorld(t, rootsOnly)
	w.twoSteps()
	w.serveFunc(crossFile, status(503))
	for range 20 {
		w.expect(w.delivery(), CertificateMissing)
	}
	w.expectFetches(3)
	if !strings.Contains(w.log.String(), "www.microsoft.com") {
		t.Errorf("the operator is not told which host failed:\n%s", w.log)
	}
	w.clock.Advance(failedFor)
	w.twoSteps()
	w.expect(w.delivery(), Accepted)
}

func TestIssuersAreKeptWithTheCertificate(t *testing.T) {
	w := newWorld(t, rootsOnly)
	w.twoSteps()
	w.expect(w.delivery(), Accepted)
	w.serveFunc(issuerFile, status(503))
	for range 5 { // looked up every hour, and its issuers never
		w.clock.Advance(freshFor)
		w.expect(w.delivery(), Accepted)
	}
	w.expectFetches(3 + 5)
}

// moved serves a certificate for another key below another issuer, and gives a request signed with that key.
func (w *world) moved() *delivery {
	a := w.ca
	template := a.issuerTemplate()
	template.Subject.CommonName, template.IssuingCertificateURL = "Microsoft TLS G2 RSA CA OCSP 04", []string{crossURL}
	next := a.issuerTemplate()
	next.Subject.CommonName, next.MaxPathLenZero = "Microsoft TLS RSA Root G3", false
	cross := parsed(w.t, a.sign(w.t, next, a.root, a.otherKey.Public(), a.rootKey))
	issuer := parsed(w.t, a.sign(w.t, template, cross, a.issuerKey.Public(), a.otherKey))
	leaf := a.leafTemplate()
	leaf.IssuingCertificateURL = []string{issuerURL}
	w.serve(crossFile, cross.Raw)
	w.serve(issuerFile, issuer.Raw)
	w.serve(signerPath, a.sign(w.t, leaf, issuer, a.otherKey.Public(), a.issuerKey))
	d := w.delivery()
	d.sign(signed(w.t, a.otherKey, d.body))
	return d
}

func TestRenewedCertificateOfAnotherIssuer(t *testing.T) {
	w := newWorld(t, rootsOnly)
	w.twoSteps()
	old := w.delivery()
	w.expect(old, Accepted)
	w.clock.Advance(fetchWindow)
	d := w.moved()
	w.serveFunc(issuerFile, status(503))
	w.expect(d, CertificateMissing) // perhaps it is right: the sender is to try again
	w.expect(old, Accepted)         // and what is in memory still serves
	w.clock.Advance(failedFor)
	d = w.moved()
	w.concurrently(50, d, Accepted)
	w.expect(old, SignatureRefused)
	w.expectFetches(3 + 2 + 3)
}

func TestCachedIssuerExpires(t *testing.T) {
	w := newWorld(t, rootsOnly)
	w.steps(nil, func(c *x509.Certificate) { c.NotAfter = start.Add(30 * time.Minute) }, nil)
	w.expect(w.delivery(), Accepted)
	w.clock.Advance(30*time.Minute + time.Second)
	w.expect(w.delivery(), ChainRefused) // the host still serves the expired one
	w.clock.Advance(renewInterval)
	w.twoSteps()
	w.expect(w.delivery(), Accepted)
}

func TestIssuerFetchesAreLimited(t *testing.T) {
	t.Run("all together", func(t *testing.T) {
		w := newWorld(t, rootsOnly)
		w.pointing(issuerURL)
		leaf := w.served[signerPath]
		for minute := range 10 {
			before := w.verifier.Fetches()
			for n := range 50 {
				path := fmt.Sprintf("/cert/%d-%d.cer", minute, n)
				w.serveFunc(path, leaf)
				d := w.delivery()
				d.header.Set("X-Ms-Certificate-Url", "https://"+CertificateHost+path)
				w.expect(d, CertificateMissing)
			}
			if n := w.verifier.Fetches() - before; n > fetchesAll {
				t.Fatalf("%d fetches in a minute", n)
			}
			w.clock.Advance(fetchWindow)
		}
	})
	t.Run("junk leaves enough for a renewal", func(t *testing.T) {
		w := newWorld(t, rootsOnly)
		w.twoSteps()
		w.expect(w.delivery(), Accepted)
		w.clock.Advance(fetchWindow)
		junk := w.delivery()
		for n := range 50 {
			junk.header.Set("X-Ms-Certificate-Url", fmt.Sprintf("https://%s/cert/%d.cer", CertificateHost, n))
			w.expect(junk, CertificateMissing)
		}
		w.expect(w.moved(), Accepted)
	})
}

func TestIssuersThatAreSlow(t *testing.T) {
	ca := newAuthority(t)
	leaf := ca.issue(t, func(c *x509.Certificate) { c.IssuingCertificateURL = []string{issuerURL} })
	synctest.Test(t, func(t *testing.T) {
		v, err := NewVerifier(VerifierOptions{SignatureHeader: HeaderMSSignature, Roots: ca.roots(), Clock: func() time.Time { return start }})
		if err != nil {
			t.Fatal(err)
		}
		v.keys.fetch = func(ctx context.Context, address string) ([]byte, error) {
			if address == signerURL {
				return leaf, nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		begin := time.Now()
		_, err = v.keys.get(t.Context(), signerURL)
		if took := time.Since(begin); reasonOf(err) != CertificateMissing || took != flightTimeout {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestParseIssuer(t *testing.T) {
	ca := newAuthority(t)
	for i := range ca.issuer.Raw { // no panic, and whatever still parses completes no chain
		data := slices.Clone(ca.issuer.Raw)
		data[i] ^= 0x5a
		issuer, err := parseIssuer(data)
		tr := trust{roots: ca.roots(), name: CertificateName}
		if err == nil && tr.check(parsed(t, ca.leaf), []*x509.Certificate{issuer}, start) == nil {
			t.Fatalf("byte %d can be changed", i)
		}
	}
	weak := ca.sign(t, ca.issuerTemplate(), ca.root, oddRSA(1024, 65537)(), ca.rootKey)
	if _, err := parseIssuer(weak); err == nil {
		t.Error("a key of 1024 bits was taken")
	}
	ec := ca.sign(t, ca.issuerTemplate(), ca.root, tlsKey().Public(), ca.rootKey)
	if issuer, err := parseIssuer(ec); err != nil || !bytes.Equal(issuer.Raw, ec) {
		t.Errorf("ECDSA: %v", err)
	}
}
