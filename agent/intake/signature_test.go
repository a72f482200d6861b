package intake

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func header(name string, values ...string) func(*world, *delivery) {
	return func(_ *world, d *delivery) {
		d.header.Del(name)
		for _, v := range values {
			d.header.Add(name, v)
		}
	}
}

// signature replaces the signature by what is made of the body's right one.
func signature(change func(w *world, body, right []byte) []byte) func(*world, *delivery) {
	return func(w *world, d *delivery) { d.sign(change(w, d.body, signed(w.t, w.ca.leafKey, d.body))) }
}

// token replaces the text after the header's name by what is made of the right base64.
func token(change func(right string) string) func(*world, *delivery) {
	return func(w *world, d *delivery) {
		right := base64.StdEncoding.EncodeToString(signed(w.t, w.ca.leafKey, d.body))
		d.header["X-Ms-Signature"] = []string{change(right)}
	}
}

func TestAlgorithms(t *testing.T) { // A1
	rows := []row{
		{id: "absent", change: header("X-Ms-Signature-Algorithm"), want: AlgorithmRefused, noFetch: true},
		{id: "empty", change: header("X-Ms-Signature-Algorithm", ""), want: HeaderMalformed, noFetch: true},
		{id: "two", change: header("X-Ms-Signature-Algorithm", "rsa-sha256", "rsa-sha256"), want: HeaderMalformed, noFetch: true},
		{id: "upper case", change: header("X-Ms-Signature-Algorithm", "RSA-SHA256"), want: Accepted},
	}
	for _, name := range []string{
		"none", "rsa-sha1", "rsa-md5", "rsa-sha512", "sha256", "rsa-sha256-x", "rsa-sha256 ", " rsa-sha256", "hmac-sha256", "ecdsa-sha256", "rsa-sha256,none",
		"rsa-ſha256",
	} {
		want := AlgorithmRefused
		if name == "rsa-ſha256" { // Unicode folds it to the right name, which is why headers are ASCII
			want = HeaderMalformed
		}
		rows = append(rows, row{id: name, change: header("X-Ms-Signature-Algorithm", name), want: want, noFetch: true})
	}
	runRows(t, rows)
}

func TestSignatures(t *testing.T) { // A2, A3, A5
	runRows(t, []row{
		{id: "A2 HMAC with the certificate", want: SignatureRefused, change: signature(func(w *world, body, _ []byte) []byte {
			return mac(asPEM("CERTIFICATE", w.ca.leaf), body)
		})},
		{id: "A2 HMAC with the public key", want: SignatureRefused, change: signature(func(w *world, body, _ []byte) []byte {
			key, _ := x509.MarshalPKIXPublicKey(w.ca.leafKey.Public())
			return mac(asPEM("PUBLIC KEY", key), body)
		})},
		{id: "A3 one byte short", want: SignatureRefused, change: signature(func(_ *world, _, s []byte) []byte { return s[:len(s)-1] })},
		{id: "A3 one byte long", want: SignatureRefused, change: signature(func(_ *world, _, s []byte) []byte { return append(s, 0) })},
		{id: "A3 leading zero added", want: SignatureRefused, change: signature(func(_ *world, _, s []byte) []byte { return append([]byte{0}, s...) })},
		{id: "A3 all zero", want: SignatureRefused, change: signature(func(_ *world, _, s []byte) []byte { return make([]byte, len(s)) })},
		{id: "A3 all ones", want: SignatureRefused, change: signature(func(_ *world, _, s []byte) []byte {
			return bytes.Repeat([]byte{0xff}, len(s))
		})},
		{id: "A3 one", want: SignatureRefused, change: signature(func(_ *world, _, s []byte) []byte { return big.NewInt(1).FillBytes(make([]byte, len(s))) })},
		{id: "A3 modulus", want: SignatureRefused, change: signature(func(w *world, _, s []byte) []byte { return w.ca.leafKey.N.Bytes() })},
		{id: "A3 empty", change: header("X-Ms-Signature", "Signature "), want: SchemeRefused, noFetch: true},
		{id: "A3 only padding", change: header("X-Ms-Signature", "Signature ="), want: SignatureMalformed, noFetch: true},
		{id: "A3 URL-safe", want: SignatureMalformed, noFetch: true, change: token(func(s string) string {
			return "Signature -_" + strings.NewReplacer("+", "-", "/", "_").Replace(s[2:])
		})},
		{id: "A3 no padding", want: SignatureMalformed, noFetch: true, change: token(func(s string) string { return "Signature " + strings.TrimRight(s, "=") })},
		{id: "A3 line breaks", want: HeaderMalformed, noFetch: true, change: token(func(s string) string { return "Signature " + s[:4] + "\r\n" + s[4:] })},
		{id: "A3 space inside", want: SignatureMalformed, noFetch: true, change: token(func(s string) string { return "Signature " + s[:4] + " " + s[4:] })},
		{id: "A3 trailing bits", want: SignatureMalformed, noFetch: true, change: token(func(s string) string {
			last := len(s) - 3 // 256 bytes end in "x==", of which x has four bits that are always zero
			return "Signature " + s[:last] + string(s[last]+1) + "=="
		})},
		{id: "A3 long", want: HeaderMalformed, noFetch: true, change: token(func(s string) string { return "Signature " + strings.Repeat("A", 1<<20) })},
		{id: "A5 PSS", want: SignatureRefused, change: signature(func(w *world, body, _ []byte) []byte {
			digest := sha256.Sum256(body)
			s, _ := rsa.SignPSS(rand.Reader, w.ca.leafKey, crypto.SHA256, digest[:], nil)
			return s
		})},
		{id: "A5 SHA-1", want: SignatureRefused, change: signature(func(w *world, body, _ []byte) []byte {
			digest := sha1.Sum(body)
			s, _ := rsa.SignPKCS1v15(rand.Reader, w.ca.leafKey, crypto.SHA1, digest[:])
			return s
		})},
		{id: "A5 SHA-512", want: SignatureRefused, change: signature(func(w *world, body, _ []byte) []byte {
			digest := sha512.Sum512(body)
			s, _ := rsa.SignPKCS1v15(rand.Reader, w.ca.leafKey, crypto.SHA512, digest[:])
			return s
		})},
		{id: "A5 hash of hash", want: SignatureRefused, change: signature(func(w *world, body, _ []byte) []byte {
			digest := sha256.Sum256(body)
			return signed(w.t, w.ca.leafKey, digest[:])
		})},
		{id: "A5 base64 signed", want: SignatureRefused, change: signature(func(w *world, body, _ []byte) []byte {
			return signed(w.t, w.ca.leafKey, []byte(base64.StdEncoding.EncodeToString(body)))
		})},
	})
}

func mac(key, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(body)
	return h.Sum(nil)
}

func TestSchemeAndSource(t *testing.T) { // A7, A8, H10
	right := func(value func(string) []string) func(*world, *delivery) {
		return func(w *world, d *delivery) {
			d.header["X-Ms-Signature"] = value(base64.StdEncoding.EncodeToString(signed(w.t, w.ca.leafKey, d.body)))
		}
	}
	one := func(format string) func(*world, *delivery) {
		return right(func(s string) []string { return []string{fmt.Sprintf(format, s)} })
	}
	runRows(t, []row{
		{id: "A7 Bearer", change: one("Bearer %s"), want: SchemeRefused, noFetch: true},
		{id: "A7 lower case", change: one("signature %s"), want: SchemeRefused, noFetch: true},
		{id: "A7 two spaces", change: one("Signature  %s"), want: SignatureMalformed, noFetch: true},
		{id: "A7 tab", change: one("Signature\t%s"), want: HeaderMalformed, noFetch: true},
		{id: "A7 colon", change: one("Signature: %s"), want: SchemeRefused, noFetch: true},
		{id: "A7 token alone", change: one("%s"), want: SchemeRefused, noFetch: true},
		{id: "A7 twice in one", change: one("Signature %[1]s, Signature %[1]s"), want: SignatureMalformed, noFetch: true},
		{id: "A7 both headers", want: SignatureAmbiguous, noFetch: true, change: func(_ *world, d *delivery) {
			d.header.Set("Authorization", d.header.Get("X-Ms-Signature"))
		}},
		{id: "A7 bearer token beside it", want: SignatureAmbiguous, noFetch: true, change: header("Authorization", "Bearer x")},
		{id: "A7 the other header", want: SignatureMissing, noFetch: true, change: func(_ *world, d *delivery) {
			d.header.Set("Authorization", d.header.Get("X-Ms-Signature"))
			d.header.Del("X-Ms-Signature")
		}},
		{id: "A7 none", change: header("X-Ms-Signature"), want: SignatureMissing, noFetch: true},
		{id: "A8 good then bad", change: right(func(s string) []string { return []string{"Signature " + s, "Signature AAAA"} }), want: HeaderMalformed, noFetch: true},
		{id: "A8 bad then good", change: right(func(s string) []string { return []string{"Signature AAAA", "Signature " + s} }), want: HeaderMalformed, noFetch: true},
		{id: "A8 equal", change: right(func(s string) []string { return []string{"Signature " + s, "Signature " + s} }), want: HeaderMalformed, noFetch: true},
		{id: "two addresses", change: header("X-Ms-Certificate-Url", signerURL, signerURL), want: HeaderMalformed, noFetch: true},
		{id: "no address", change: header("X-Ms-Certificate-Url"), want: AddressRefused, noFetch: true},
		{id: "H10 underscores", want: AddressRefused, noFetch: true, change: func(_ *world, d *delivery) {
			d.header.Del("X-Ms-Certificate-Url")
			d.header["X_ms_certificate_url"] = []string{signerURL}
		}},
		{id: "H10 hop by hop", change: header("Connection", "close, x-ms-signature"), want: HeaderMalformed, noFetch: true},
		{id: "Connection: close", change: header("Connection", "close"), want: Accepted},
	})
}

func TestSignatureInAuthorization(t *testing.T) {
	move := func(d *delivery) {
		d.header.Set("Authorization", d.header.Get("X-Ms-Signature"))
		d.header.Del("X-Ms-Signature")
	}
	runRows(t, []row{
		{id: "registered", want: Accepted, change: func(_ *world, d *delivery) { move(d) }},
		{id: "other header", want: SignatureMissing, noFetch: true, change: func(*world, *delivery) {}},
		{id: "both", want: SignatureAmbiguous, noFetch: true, change: func(_ *world, d *delivery) {
			d.header.Set("Authorization", d.header.Get("X-Ms-Signature"))
		}},
		{id: "Bearer without the other", want: SchemeRefused, noFetch: true, change: func(_ *world, d *delivery) {
			move(d)
			d.header.Set("Authorization", "Bearer x")
		}},
		{id: "twice", want: HeaderMalformed, noFetch: true, change: func(_ *world, d *delivery) {
			move(d)
			d.header.Add("Authorization", "Signature AAAA")
		}},
	}, func(s *setup) { s.verifier.SignatureHeader = HeaderAuthorization })
}

func TestChangedBodies(t *testing.T) { // A6
	w := newWorld(t)
	d := w.delivery()
	right := d.body
	w.expect(d, Accepted)
	changed := map[string][]byte{
		"BOM":            append([]byte("\xef\xbb\xbf"), right...),
		"CRLF":           append(slices.Clone(right), "\r\n"...),
		"last byte gone": right[:len(right)-1],
		"spaces":         bytes.ReplaceAll(right, []byte(":"), []byte(": ")),
		"other order":    []byte(`{"ResourceName":"referral",` + string(right[1:])),
	}
	for bit := range 8 * len(right) {
		flipped := slices.Clone(right)
		flipped[bit/8] ^= 1 << (bit % 8)
		changed[fmt.Sprintf("bit %d", bit)] = flipped
	}
	for name, body := range changed {
		d.body = body
		w.clock.Advance(time.Millisecond) // below the limit of one sender
		if _, reason := w.send(d); reason != SignatureRefused {
			t.Errorf("%s: %s", name, reason)
		}
	}
	if n := len(w.inbox.stored()); n != 1 {
		t.Errorf("%d events stored", n)
	}
}

// TestPaddings has signatures by the right key whose padding or digest encoding differs from what PKCS #1 v1.5 prescribes.
func TestPaddings(t *testing.T) { // A4
	w := newWorld(t)
	d := w.delivery()
	w.expect(d, Accepted)
	digest := sha256.Sum256(d.body)
	prefix := []byte{0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20}
	size := w.ca.leafKey.Size()
	padded := func(info []byte) []byte {
		out := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-3-len(info))...)
		return append(append(out, 0), info...)
	}
	right := padded(append(slices.Clone(prefix), digest[:]...))
	if !bytes.Equal(raw(w.ca.leafKey, right), signed(t, w.ca.leafKey, d.body)) {
		t.Fatal("the test's own encoding is wrong")
	}
	edit := func(at int, value byte) []byte {
		out := slices.Clone(right)
		out[at] = value
		return out
	}
	info := func(parts ...[]byte) []byte { return padded(slices.Concat(parts...)) }
	cases := map[string][]byte{
		"block type 0":       edit(1, 0),
		"block type 2":       edit(1, 2),
		"leading one":        edit(0, 1),
		"no separator":       edit(size-len(prefix)-len(digest)-1, 0xff),
		"separator first":    edit(2, 0),
		"bare digest":        padded(digest[:]),
		"missing null":       info([]byte{0x30, 0x2f, 0x30, 0x0b}, prefix[4:15], []byte{4, 0x20}, digest[:]),
		"long length":        info([]byte{0x30, 0x81, 0x31}, prefix[2:], digest[:]),
		"long length inside": info([]byte{0x30, 0x32, 0x30, 0x81, 0x0d}, prefix[4:], digest[:]),
		"indefinite length":  info([]byte{0x30, 0x80}, prefix[2:], digest[:], []byte{0, 0}),
		"content in null":    info([]byte{0x30, 0x33, 0x30, 0x0f}, prefix[4:15], []byte{5, 2, 0, 0, 4, 0x20}, digest[:]),
		"garbage after info": info(prefix, digest[:], []byte{0}),
		"garbage in info":    info([]byte{0x30, 0x33}, prefix[2:], digest[:], []byte{5, 0}),
		"SHA-512's name":     info(prefix[:14], []byte{3}, prefix[15:], digest[:]),
		"short digest":       info([]byte{0x30, 0x30}, prefix[2:18], []byte{0x1f}, digest[:31]),
		"other digest":       edit(size-1, right[size-1]^1),
		"short padding":      append(append(append([]byte{0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, prefix...), digest[:]...), make([]byte, size-11-len(prefix)-len(digest))...),
	}
	for at := 2; at < size; at += 9 {
		cases[fmt.Sprintf("byte %d", at)] = edit(at, right[at]^0x80)
	}
	for name, encoded := range cases {
		if len(encoded) != size {
			t.Fatalf("%s has %d bytes", name, len(encoded))
		}
		d.sign(raw(w.ca.leafKey, encoded))
		if _, reason := w.send(d); reason != SignatureRefused {
			t.Errorf("%s: %s", name, reason)
		}
	}
}

// raw is the private-key operation on bytes encoded by hand.
func raw(key *rsa.PrivateKey, encoded []byte) []byte {
	m := new(big.Int).SetBytes(encoded)
	return m.Exp(m, key.D, key.N).FillBytes(make([]byte, key.Size()))
}

func TestSignaturePlusModulus(t *testing.T) { // malleability: the same residue, another number
	w := newWorld(t)
	for n := range 1000 {
		d := w.deliver(eventBody("referral-updated", referralURI(fmt.Sprintf("%08x-1111-4222-8333-444455556666", n)), start))
		s := new(big.Int).SetBytes(signed(t, w.ca.leafKey, d.body))
		if s.Add(s, w.ca.leafKey.N); s.BitLen() > 8*w.ca.leafKey.Size() {
			continue
		}
		d.sign(s.Bytes())
		w.expect(d, SignatureRefused)
		return
	}
	t.Fatal("no signature is small enough")
}

func TestRefusalsOfOneStatusLookAlike(t *testing.T) {
	w := newWorld(t)
	seen := map[int]string{}
	look := func(d *delivery) {
		answer, reason := w.send(d)
		text := fmt.Sprint(answer.Header(), answer.Body.String())
		if before, ok := seen[answer.Code]; ok && before != text {
			t.Errorf("%s: %s differs from %s", reason, text, before)
		}
		seen[answer.Code] = text
	}
	for _, change := range []func(*world, *delivery){
		header("X-Ms-Signature"), header("X-Ms-Signature", "Bearer x"), header("X-Ms-Signature-Algorithm", "none"),
		header("X-Ms-Certificate-Url", "https://evil.example/cert/x.cer"), header("Authorization", "Bearer x"),
		signature(func(w *world, body, _ []byte) []byte { return signed(w.t, w.ca.otherKey, body) }),
	} {
		d := w.delivery()
		change(w, d)
		look(d)
	}
	w.clock.Advance(renewInterval)
	w.serve(signerPath, w.ca.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"www.bing.com"} }))
	w.clock.Advance(freshFor)
	look(w.delivery())
	if seen[http.StatusUnauthorized] == "" || len(seen) != 1 {
		t.Errorf("statuses %v", seen)
	}
}

func TestDecodeSignature(t *testing.T) {
	right := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, 256))
	if _, err := decodeSignature(right); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "=", right[:8] + "\r\n" + right[8:], right + "\n", right[:8] + " " + right[8:], right + "=", strings.TrimRight(right, "=")} {
		if _, err := decodeSignature(bad); reasonOf(err) != SignatureMalformed {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
