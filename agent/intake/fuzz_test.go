package intake

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// The fuzz targets share one oracle: what is accepted was signed by the test's key, over exactly these bytes, with a
// certificate from an allowed address, and used no lenient feature of any parser. Each states its part of it in other terms
// than the code under test.

// fuzzVerifier gives a verifier whose every address serves the bytes.
func fuzzVerifier(t testing.TB, ca *authority, header string, served []byte) *Verifier {
	t.Helper()
	v, err := NewVerifier(VerifierOptions{
		SignatureHeader: header, Roots: ca.roots(), Intermediates: ca.intermediates(), Clock: (&testClock{now: start}).Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	v.keys.fetch = func(context.Context, string) ([]byte, error) { return served, nil }
	return v
}

func FuzzVerifyRequest(f *testing.F) {
	ca := newAuthority(f)
	event := eventBody("referral-updated", referralURI(referral), start)
	right := "Signature " + base64.StdEncoding.EncodeToString(signed(f, ca.leafKey, event))
	f.Add(true, right, "", signerURL, "rsa-sha256", event)
	f.Add(false, "", right, signerURL, "RSA-SHA256", event)
	f.Add(false, right, right, signerURL, "rsa-sha256", event)
	f.Add(true, right+"\n", "", signerURL, "rsa-sha256", event)
	f.Add(true, "Signature  "+right[10:], "", signerURL+"?", "rsa-sha1", append(event, '\n'))
	f.Add(true, strings.TrimRight(right, "="), "", strings.ToUpper(signerURL), "", []byte{})
	f.Fuzz(func(t *testing.T, inAuthorization bool, authorization, msSignature, address, algorithm string, body []byte) {
		registered, own, other := HeaderMSSignature, msSignature, authorization
		if inAuthorization {
			registered, own, other = HeaderAuthorization, authorization, msSignature
		}
		h := http.Header{}
		for name, value := range map[string]string{
			"Authorization": authorization, "X-Ms-Signature": msSignature, "X-Ms-Certificate-Url": address, "X-Ms-Signature-Algorithm": algorithm,
		} {
			if value != "" {
				h.Set(name, value)
			}
		}
		v := fuzzVerifier(t, ca, registered, ca.leaf)
		if err := v.Verify(t.Context(), h, body); err != nil {
			if v.Fetches() > 0 && !plainAddress(address, CertificateHost) {
				t.Fatalf("fetched %q", address)
			}
			return
		}
		fields := strings.Split(own, " ")
		if len(fields) != 2 || fields[0] != "Signature" || other != "" || strings.ToLower(algorithm) != "rsa-sha256" || !plainAddress(address, CertificateHost) {
			t.Fatalf("accepted %q %q %q %q", authorization, msSignature, address, algorithm)
		}
		signature, err := base64.StdEncoding.DecodeString(fields[1])
		if err != nil || base64.StdEncoding.EncodeToString(signature) != fields[1] {
			t.Fatalf("accepted the encoding %q", fields[1])
		}
		digest := sha256.Sum256(body)
		if rsa.VerifyPKCS1v15(&ca.leafKey.PublicKey, crypto.SHA256, digest[:], signature) != nil {
			t.Fatalf("accepted %q with a signature that does not match", body)
		}
	})
}

// plainAddress says what the allow-list admits, by means of the standard parser.
func plainAddress(address, host string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host != host || u.User != nil || u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return false
	}
	name, ok := strings.CutPrefix(u.EscapedPath(), "/cert/")
	return ok && u.EscapedPath() == u.Path && u.String() == address && len(name) > len(".cer") && strings.HasSuffix(name, ".cer") &&
		!strings.Contains(name, "..") && !strings.ContainsAny(name, "/%?#;@:\\ ")
}

func FuzzCertURL(f *testing.F) {
	f.Add(signerURL, "127.0.0.1:8443")
	f.Add("https://127.0.0.1:8443/cert/x.cer", "127.0.0.1:8443")
	f.Add("https://[::1]:8443/cert/x.cer", "[::1]:8443")
	for _, list := range badAddresses {
		for _, address := range list {
			f.Add(address, "certs.example.com")
		}
	}
	f.Fuzz(func(t *testing.T, address, added string) {
		list, err := newHosts([]string{added})
		if err != nil {
			if list, err = newHosts(nil); err != nil {
				t.Fatal(err)
			}
			added = CertificateHost
		}
		if list.admits(address) && !plainAddress(address, CertificateHost) && !plainAddress(address, added) {
			t.Fatalf("admitted %q with %q", address, added)
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(body("", "")))
	for _, seed := range []string{
		body("{", `{"eventname":"x",`), body("{", `{"\u0045ventName":"x",`), body("}", "}{}"), body("referral-", `\ud800`), body("{", `{"x":[[[[[[[[]]]]]]]],`),
		`[]`, `null`, `{}`, `{"EventName":1}`, "\xef\xbb\xbf{}", `{"EventName":"referral-updated","ResourceUri":"http://localhost:16722/"}`,
	} {
		f.Add([]byte(seed))
	}
	id := regexp.MustCompile(`^[0-9a-fA-F-]{36}$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := parseEvent(data)
		if err != nil {
			if reason := reasonOf(err); reason != DocumentMalformed && reason != EventMalformed {
				t.Fatalf("%s", reason)
			}
			return
		}
		if !utf8.Valid(data) || !json.Valid(data) {
			t.Fatalf("accepted %q", data)
		}
		// A lenient reader, which ignores case and takes the last of several, reads the same event.
		var lenient struct{ EventName, ResourceUri, ResourceName, ResourceChangeUtcDate string }
		if err := json.Unmarshal(data, &lenient); err != nil || e != (event{
			name: lenient.EventName, resourceURI: lenient.ResourceUri, resourceName: lenient.ResourceName, changed: lenient.ResourceChangeUtcDate,
		}) {
			t.Fatalf("read %+v, others read %+v (%v)", e, lenient, err)
		}
		referral, reason := e.judge(start, ResourceHosts)
		if reason.Status() != http.StatusOK || (reason == Accepted) != (referral != "") {
			t.Fatalf("%s, %q", reason, referral)
		}
		if reason == Accepted && (!id.MatchString(referral) || !strings.HasSuffix(e.resourceURI, "/referrals/"+referral)) {
			t.Fatalf("%q from %q", referral, e.resourceURI)
		}
	})
}

func FuzzParseCert(f *testing.F) {
	ca := newAuthority(f)
	f.Add(ca.leaf)
	f.Add(asPEM("CERTIFICATE", ca.leaf))
	f.Add(append(asPEM("CERTIFICATE", ca.leaf), asPEM("CERTIFICATE", ca.issuer.Raw)...))
	f.Add(ca.issuer.Raw)
	f.Add(ca.issueFor(f, oddRSA(1024, 3)(), nil))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	ours := parsed(f, ca.leaf)
	event := eventBody("referral-updated", referralURI(referral), start)
	token := "Signature " + base64.StdEncoding.EncodeToString(signed(f, ca.leafKey, event))
	h := http.Header{"X-Ms-Signature": {token}, "X-Ms-Certificate-Url": {signerURL}, "X-Ms-Signature-Algorithm": {"rsa-sha256"}}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseCertificate(data)
		if err == nil {
			key, ok := c.PublicKey.(*rsa.PublicKey)
			if !ok || key.Size() < 256 || key.Size() > 1024 || key.E < 65537 || c.IsCA {
				t.Fatalf("accepted the key of %x", data)
			}
			if !bytes.Equal(c.Raw, data) && !strings.HasPrefix(string(data), "-----BEGIN CERTIFICATE-----") {
				t.Fatalf("read a certificate inside %q", data)
			}
		}
		verified := fuzzVerifier(t, ca, HeaderMSSignature, data).Verify(t.Context(), h, event) == nil
		if verified && (err != nil || !bytes.Equal(c.RawTBSCertificate, ours.RawTBSCertificate)) {
			t.Fatalf("trusted %x", data)
		}
	})
}
