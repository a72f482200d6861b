package intake

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const host = CertificateHost

// badAddresses are the rows U1 to U16 of the acceptance table: no request leaves for any of them.
var badAddresses = map[string][]string{
	"U1":  {"http://" + host + "/cert/x.cer"},
	"U2":  {"https://" + host + "@evil.example/cert/x.cer", "https://u:p@" + host + "/cert/x.cer", "https://@" + host + "/cert/x.cer"},
	"U3":  {"https://evil.example#@" + host + "/cert/x.cer", "https://evil.example/#@" + host + "/cert/x.cer"},
	"U4":  {`https://evil.example\@` + host + "/cert/x.cer", `https://` + host + `\@evil.example/cert/x.cer`, `https:\\` + host + `\cert\x.cer`},
	"U5":  {"https://" + host + ".evil.example/cert/x.cer", "https://evil" + host + "/cert/x.cer", "https://evil.example/" + host + "/cert/x.cer"},
	"U6":  {"https://attacker.blob.core.windows.net/cert/x.cer"},
	"U7":  {"https://3psostorageacct.z6.web.core.windows.net/cert/x.cer", "https://3psostorageacct-secondary.blob.core.windows.net/cert/x.cer"},
	"U8":  {"https://" + host + ":8443/cert/x.cer", "https://" + host + ":443/cert/x.cer", "https://" + host + ":/cert/x.cer"},
	"U9":  {"https://" + host + "./cert/x.cer"},
	"U10": {"https://" + strings.ToUpper(host) + "/cert/x.cer", "HTTPS://" + host + "/cert/x.cer", "https://3PSOstorageacct.blob.core.windows.net/cert/x.cer"},
	"U11": {
		"https://" + host + "/cert/../public/x.cer", "https://" + host + "/cert/%2e%2e/x.cer", "https://" + host + "/cert/..%2fx.cer",
		"https://" + host + "/cert/..cer", "https://" + host + "/cert/a..cer", "https://" + host + "/cert/%78.cer",
	},
	"U12": {
		"https://" + host + "//cert/x.cer", "https://" + host + "/CERT/x.cer", "https://" + host + "/other/x.cer", "https://" + host + "/x.cer",
		"https://" + host + "/cert/", "https://" + host + "/cert/.CER", "https://" + host + "/cert/x.cer/", "https://" + host + "/cert/a/x.cer",
		"https://" + host + "/cert/x.cer.exe", "https://" + host, "https://" + host + "/certx.cer", "https://" + host + "/cert/x.pem",
	},
	"U13": {
		"https://" + host + "/cert/x.cer?sv=1&sig=2", "https://" + host + "/other?x=.cer", "https://" + host + "/cert/x.cer#f",
		"https://" + host + "/cert/x.cer?", "https://" + host + "/cert/x?.cer", "https://" + host + "/cert/x;.cer",
	},
	"U14": {
		"file:///etc/passwd", "ftp://" + host + "/cert/x.cer", "gopher://" + host + "/cert/x.cer", "data:application/octet-stream,x.cer",
		"//" + host + "/cert/x.cer", "https:" + host + "/cert/x.cer", "https:/" + host + "/cert/x.cer", "https:///" + host + "/cert/x.cer",
		"/cert/x.cer", "x", "https://",
	},
	"U15": {
		"https://169.254.169.254/cert/x.cer", "https://[::1]/cert/x.cer", "https://[::ffff:169.254.169.254]/cert/x.cer",
		"https://2130706433/cert/x.cer", "https://0x7f.1/cert/x.cer", "https://localhost/cert/x.cer", "https://127.0.0.1/cert/x.cer",
	},
	"U16": {
		"https://3psostorageacct.blob.core.windows。net/cert/x.cer", "https://xn--3psostorageacct-abc.blob.core.windows.net/cert/x.cer",
		"https://" + host + "\x00/cert/x.cer", "https://" + host + "\t/cert/x.cer", "https://" + host + " /cert/x.cer",
		" https://" + host + "/cert/x.cer", "https://" + host + "/cert/x.cer ", "https://" + host + "/cert/x.cer\n",
		"https://" + host + "/cert/" + strings.Repeat("x", 5000) + ".cer",
	},
}

func TestAddressesThatAreNeverFetched(t *testing.T) {
	for id, list := range badAddresses {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t)
			for _, address := range list {
				d := w.delivery()
				d.header["X-Ms-Certificate-Url"] = []string{address}
				answer, reason := w.send(d)
				// Control characters and overlong values are malformed headers; everything else is simply not allowed.
				malformed := strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r > '~' }) || len(address) > maxHeaderValue
				if malformed && reason != HeaderMalformed || !malformed && reason != AddressRefused {
					t.Errorf("%q: %s (%d)", address, reason, answer.Code)
				}
				if w.verifier.hosts.admits(address) && len(address) <= maxHeaderValue {
					t.Errorf("%q is on the allow-list", address)
				}
			}
			if lookups, dials := w.reached(); lookups+dials > 0 {
				t.Errorf("reached out: %v %v", w.lookups, w.dials)
			}
		})
	}
}

func TestAddressesWithPrivateHosts(t *testing.T) { // U17
	for name, addresses := range map[string][]string{
		"loopback": {"127.0.0.1"}, "private": {"10.1.2.3"}, "metadata": {"169.254.169.254"}, "carrier": {"100.64.0.1"},
		"mapped": {"::ffff:10.0.0.1"}, "loopback 6": {"::1"}, "unique local": {"fd00::1"}, "link-local 6": {"fe80::1"},
		"public and private": {publicAddr, "10.0.0.1"}, "A and AAAA": {publicAddr, "::1"}, "unspecified": {"0.0.0.0"},
		"translated": {"64:ff9b::a00:1"}, "6to4": {"2002:a00:1::1"}, "multicast": {"224.0.0.1"}, "broadcast": {"255.255.255.255"},
		"documentation": {"203.0.113.9"}, "none": {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.addresses[host] = nil
			for _, a := range addresses {
				w.addresses[host] = append(w.addresses[host], netip.MustParseAddr(a))
			}
			w.expect(w.delivery(), CertificateMissing)
			if _, dials := w.reached(); dials > 0 {
				t.Errorf("dialled %v", w.dials)
			}
		})
	}
}

func TestAddressIsResolvedOnceAndDialledAsResolved(t *testing.T) {
	w := newWorld(t)
	w.expect(w.delivery(), Accepted)
	if len(w.lookups) != 1 || len(w.dials) != 1 || w.dials[0] != publicAddr+":443" {
		t.Errorf("looked up %v, dialled %v", w.lookups, w.dials)
	}
}

func TestAddedHosts(t *testing.T) {
	const added = "127.0.0.1:8443"
	add := func(entries ...string) func(*setup) {
		return func(s *setup) {
			s.verifier.CertificateHosts, s.tlsNames = entries, []string{CertificateHost, "certs.example.com"}
		}
	}
	t.Run("loopback address", func(t *testing.T) {
		w := newWorld(t, add("certs.example.com:8443"))
		w.addresses["certs.example.com"] = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		d := w.delivery()
		d.header.Set("X-Ms-Certificate-Url", "https://certs.example.com:8443/cert/"+signerName+".cer")
		w.expect(d, Accepted)
		if w.dials[0] != added {
			t.Errorf("dialled %v", w.dials)
		}
	})
	t.Run("only that port", func(t *testing.T) {
		w := newWorld(t, add(added))
		for _, other := range []string{"127.0.0.1", "127.0.0.1:8444", "127.0.0.2:8443", "localhost:8443"} {
			d := w.delivery()
			d.header.Set("X-Ms-Certificate-Url", "https://"+other+"/cert/x.cer")
			w.expect(d, AddressRefused)
		}
	})
	t.Run("never link-local", func(t *testing.T) {
		w := newWorld(t, add("certs.example.com"))
		w.addresses["certs.example.com"] = []netip.Addr{netip.MustParseAddr("169.254.169.254")}
		d := w.delivery()
		d.header.Set("X-Ms-Certificate-Url", "https://certs.example.com/cert/x.cer")
		w.expect(d, CertificateMissing)
		if len(w.dials) > 0 {
			t.Errorf("dialled %v", w.dials)
		}
	})
	t.Run("Microsoft's host stays public", func(t *testing.T) {
		w := newWorld(t, add(CertificateHost, added))
		w.addresses[host] = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		w.expect(w.delivery(), CertificateMissing)
	})
	for _, bad := range []string{"https://h", "h/", "H", "*.h", "h:", "h:0x1", "h:0", "", "h@i", "h:1:2", " h", "h.", "ä"} {
		if _, err := newHosts([]string{bad}); err == nil {
			t.Errorf("entry %q was taken", bad)
		}
	}
}

func TestDialableAddresses(t *testing.T) {
	for address, want := range map[string][2]bool{ // Microsoft's host, added host
		"20.60.0.1": {true, true}, "2603:1030::1": {true, true}, "64:ff9b::143c:1": {true, true},
		"127.0.0.1": {false, true}, "10.0.0.1": {false, true}, "192.168.1.1": {false, true}, "172.16.0.1": {false, true}, "::1": {false, true},
		"fd00::1": {false, true}, "169.254.169.254": {false, false}, "fe80::1": {false, false}, "0.0.0.0": {false, false}, "::": {false, false},
		"224.0.0.1": {false, false}, "ff02::1": {false, false}, "::ffff:169.254.1.1": {false, false}, "::ffff:127.0.0.1": {false, true},
		"2001:db8::1": {false, true}, "198.18.0.1": {false, true}, "4000::1": {false, true}, "fe80::1%eth0": {false, false},
	} {
		a := netip.MustParseAddr(address)
		if got := [2]bool{dialable(a, false), dialable(a, true)}; got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

func TestAnswersOfTheCertificateHost(t *testing.T) { // U18, U19
	path := "/cert/" + signerName + ".cer"
	for name, handler := range map[string]func(w *world) http.HandlerFunc{
		"301":    func(*world) http.HandlerFunc { return redirect(301, "https://evil.example/cert/x.cer") },
		"302":    func(*world) http.HandlerFunc { return redirect(302, "/cert/other.cer") },
		"307":    func(*world) http.HandlerFunc { return redirect(307, "http://169.254.169.254/") },
		"404":    func(*world) http.HandlerFunc { return http.NotFound },
		"500":    func(*world) http.HandlerFunc { return status(500) },
		"204":    func(*world) http.HandlerFunc { return status(204) },
		"empty":  func(*world) http.HandlerFunc { return status(200) },
		"page":   func(*world) http.HandlerFunc { return content("text/html; charset=utf-8", []byte("<html>")) },
		"large":  func(*world) http.HandlerFunc { return content("application/pkix-cert", make([]byte, maxCertificate+1)) },
		"10 GiB": func(*world) http.HandlerFunc { return endless },
		"gzip": func(w *world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Encoding", "gzip")
				_, _ = rw.Write(w.ca.leaf)
			}
		},
		"206": func(w *world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				rw.WriteHeader(http.StatusPartialContent)
				_, _ = rw.Write(w.ca.leaf)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.serve("/cert/other.cer", w.ca.leaf)
			w.serveFunc(path, handler(w))
			w.expect(w.delivery(), CertificateMissing)
			if answer, _ := w.send(w.delivery()); answer.Header().Get("Retry-After") == "" {
				t.Error("the sender is not told when to try again")
			}
			if len(w.dials) != 1 {
				t.Errorf("dialled %v: the failure is to be remembered, and no redirect followed", w.dials)
			}
			w.serve(path, w.ca.leaf)
			w.clock.Advance(failedFor)
			w.expect(w.delivery(), Accepted)
		})
	}
	t.Run("TLS certificate of another name", func(t *testing.T) {
		w := newWorld(t, func(s *setup) { s.tlsNames = []string{"other.example.com"} })
		w.expect(w.delivery(), CertificateMissing)
	})
	t.Run("untrusted TLS certificate", func(t *testing.T) {
		w := newWorld(t, func(s *setup) { s.verifier.ServerRoots = poolOf() })
		w.expect(w.delivery(), CertificateMissing)
	})
}

func redirect(code int, to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, code) }
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func content(media string, data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		_, _ = w.Write(data)
	}
}

func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", fmt.Sprint(int64(10)<<30))
	block := make([]byte, 64<<10)
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func TestSlowCertificateHost(t *testing.T) { // U19: 1 byte per second
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		verifier, err := NewVerifier(VerifierOptions{
			SignatureHeader: HeaderMSSignature, Roots: poolOf(), Clock: time.Now, CertificateHosts: []string{"127.0.0.1"},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go func() { _, _ = io.Copy(io.Discard, server) }()
				go func() {
					defer close(ended)
					drip(server)
				}()
				return client, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		_, err = verifier.keys.get(t.Context(), "https://127.0.0.1/cert/x.cer")
		if took := time.Since(begin); reasonOf(err) != CertificateMissing || took != fetchTimeout {
			t.Errorf("%v after %s", err, took)
		}
		<-ended
	})
}

// drip sends a TLS handshake record that takes hours, until the connection is closed.
func drip(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	next := []byte{22, 3, 3, 0x3f, 0xff}
	for {
		if _, err := conn.Write(next[:1]); err != nil {
			return
		}
		if next = next[1:]; len(next) == 0 {
			next = []byte{2}
		}
		time.Sleep(time.Second)
	}
}

func TestManyAddressesCauseFewFetches(t *testing.T) { // U20
	w := newWorld(t)
	w.expect(w.delivery(), Accepted) // the real one
	d := w.delivery()
	for minute := range 30 {
		before := w.verifier.Fetches()
		for n := range 400 {
			d.header.Set("X-Ms-Certificate-Url", fmt.Sprintf("https://%s/cert/%d-%d.cer", host, minute, n))
			w.expect(d, CertificateMissing)
		}
		if n := w.verifier.Fetches() - before; n > fetchesAll {
			t.Fatalf("%d fetches in a minute", n)
		}
		if n := len(w.verifier.keys.entries); n > maxCached {
			t.Fatalf("%d addresses in memory", n)
		}
		w.expect(w.delivery(), Accepted) // not starved, not forgotten
		w.clock.Advance(fetchWindow)
	}
}
