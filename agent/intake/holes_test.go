package intake

import (
	"crypto"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The ten holes below are those of receivers that follow the samples in Microsoft's documentation (pages "Partner Center
// webhooks" and "Referral connectors"). Each test fails in a receiver that has the hole, and in no other way than by letting
// the request in.

func TestHoleS1SignatureIsNotVerified(t *testing.T) {
	w := newWorld(t)
	d := w.delivery()
	d.sign(make([]byte, 256))
	w.expect(d, SignatureRefused)
	// A genuine certificate of another Microsoft service proves nothing about the sender, whoever signed.
	w = newWorld(t)
	w.serve(signerPath, w.ca.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"www.bing.com"} }))
	w.expect(w.delivery(), IdentityRefused)
}

func TestHoleS2UntrustedCertificateSkipsTheCheck(t *testing.T) {
	w := newWorld(t)
	w.serve(signerPath, w.ca.sign(t, w.ca.leafTemplate(), nil, w.ca.otherKey.Public(), w.ca.otherKey))
	d := w.delivery()
	w.expect(d, ChainRefused) // neither signature is right or wrong: it is not asked
	d.sign(signed(t, w.ca.otherKey, d.body))
	w.expect(d, ChainRefused)
}

func TestHoleS3AddressIsFetchedBeforeAnyCheck(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{
		"http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "https://evil.example/cert/x.cer", "http://" + host + "/cert/x.cer",
	} {
		d := w.delivery()
		d.header.Set("X-Ms-Certificate-Url", address)
		w.expect(d, AddressRefused)
	}
	d := w.delivery()
	d.header.Set("X-Ms-Signature-Algorithm", "none")
	w.expect(d, AlgorithmRefused)
	if lookups, dials := w.reached(); lookups+dials > 0 {
		t.Errorf("reached out: %v %v", w.lookups, w.dials)
	}
	w.serve("/cert/target.cer", w.ca.leaf)
	w.serveFunc(signerPath, redirect(http.StatusFound, "/cert/target.cer"))
	w.expect(w.delivery(), CertificateMissing)
	w.clock.Advance(failedFor)
	w.serveFunc(signerPath, endless)
	w.expect(w.delivery(), CertificateMissing)
	if _, dials := w.reached(); dials != 2 {
		t.Errorf("dialled %v", w.dials)
	}
}

func TestHoleS4TrustBySubstringAndAnyPurpose(t *testing.T) {
	for name, change := range map[string]func(*world, *delivery){
		"code signing by Microsoft's own authority": with(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
		}),
		"any purpose":        with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }),
		"customer's subject": organizations("Fabrikam"),
		"issuer contains it": underIssuer(func(c *x509.Certificate) { c.Subject.Organization = []string{"x, O=Microsoft Corporation"} }),
	} {
		w := newWorld(t)
		d := w.delivery()
		change(w, d)
		if _, reason := w.send(d); reason != ChainRefused && reason != IdentityRefused {
			t.Errorf("%s: %s", name, reason)
		}
	}
}

func TestHoleS5HashNamedByTheRequest(t *testing.T) {
	w := newWorld(t)
	d := w.delivery()
	sums := map[crypto.Hash][]byte{}
	md5Sum, sha1Sum := md5.Sum(d.body), sha1.Sum(d.body)
	sums[crypto.MD5], sums[crypto.SHA1] = md5Sum[:], sha1Sum[:]
	for hash, sum := range sums {
		s, err := rsa.SignPKCS1v15(rand.Reader, w.ca.leafKey, hash, sum)
		if err != nil {
			t.Fatal(err)
		}
		d.sign(s)
		d.header.Set("X-Ms-Signature-Algorithm", "rsa-"+strings.ToLower(strings.ReplaceAll(hash.String(), "-", "")))
		w.expect(d, AlgorithmRefused)
		d.header.Set("X-Ms-Signature-Algorithm", "rsa-sha256")
		w.expect(d, SignatureRefused)
	}
}

func TestHoleS6SchemeAndHeaderAreConfused(t *testing.T) {
	for _, registered := range []string{HeaderAuthorization, HeaderMSSignature} {
		w := newWorld(t, func(s *setup) { s.verifier.SignatureHeader = registered })
		right := "Signature " + base64.StdEncoding.EncodeToString(signed(t, w.ca.leafKey, w.delivery().body))
		bare := strings.TrimPrefix(right, "Signature ")
		for _, c := range []struct{ authorization, msSignature []string }{
			{[]string{"Bearer " + bare}, nil},
			{[]string{bare}, nil},
			{nil, []string{bare}},
			{nil, []string{"Bearer " + bare}},
			{[]string{"Bearer x"}, []string{right}},
			{[]string{right}, []string{"Signature AAAA"}},
			{[]string{right}, []string{right}},
			{[]string{right, "Signature AAAA"}, nil},
			{nil, []string{"Signature AAAA", right}},
		} {
			d := w.delivery()
			d.header["Authorization"], d.header["X-Ms-Signature"] = c.authorization, c.msSignature
			if answer, reason := w.send(d); answer.Code == http.StatusOK {
				t.Errorf("%s, %v: %s", registered, c, reason)
			}
		}
	}
}

func TestHoleS7SignatureOverReencodedText(t *testing.T) {
	w := newWorld(t)
	right := body("{", `{"x":"`+"\ufffd"+`",`)
	d := w.deliver([]byte(right))
	for _, other := range []string{strings.Replace(right, "\ufffd", "\xff", 1), "\xef\xbb\xbf" + right, strings.Replace(right, "\ufffd", `\ufffd`, 1)} {
		d.body = []byte(other)
		w.expect(d, SignatureRefused)
	}
	signedInvalid := w.deliver([]byte(strings.Replace(right, "\ufffd", "\xff", 1)))
	w.expect(signedInvalid, DocumentMalformed)
}

func TestHoleS8BodyWithoutLimitAndLogged(t *testing.T) {
	w := newWorld(t)
	d := w.deliver([]byte(strings.Repeat("[", 10<<20)))
	w.expect(d, BodyTooLarge)
	if lookups, dials := w.reached(); lookups+dials > 0 {
		t.Error("fetched before the body was judged")
	}
	d = w.delivery()
	d.sign(signed(t, w.ca.otherKey, d.body))
	w.clock.Advance(time.Minute)
	w.expect(d, SignatureRefused)
	for _, part := range []string{referral, d.header.Get("X-Ms-Signature")[10:40], "/cert/"} {
		if strings.Contains(w.log.String(), part) {
			t.Errorf("%q is in the log:\n%s", part, w.log)
		}
	}
}

func TestHoleS9Replay(t *testing.T) {
	w := newWorld(t)
	d := w.delivery()
	w.expect(d, Accepted)
	w.expect(d, Accepted)
	if n := len(w.inbox.stored()); n != 1 {
		t.Errorf("%d events", n)
	}
	w.clock.Advance(OldestEvent + time.Minute)
	w.expect(d, OutsideWindow)
}

func TestHoleS10ResourceIsDereferenced(t *testing.T) {
	w := newWorld(t)
	for _, resource := range []string{
		"http://localhost:16722/v1/webhooks/registration/test", "https://evil.example/engagements/v1/referrals/eeeeeeee" + referral[8:], referralURI(referral),
	} {
		w.send(w.deliver(eventBody("referral-updated", resource, start)))
	}
	w.send(w.deliver([]byte(body("null", `"https://evil.example/audit"`))))
	if len(w.lookups) != 1 || w.lookups[0] != CertificateHost {
		t.Errorf("looked up %v", w.lookups)
	}
	for _, e := range w.inbox.stored() {
		if e.Key != "pc:"+referral {
			t.Errorf("stored %s", e.Key)
		}
	}
}
