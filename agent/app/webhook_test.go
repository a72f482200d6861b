package app

import (
	"context"
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
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/agent/store"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
)

// inbox counts events; the app asks nothing else of its store before it runs.
type inbox struct {
	store.Store
	events int
}

func (i *inbox) Enqueue(_ context.Context, events []store.Event, _ *store.Cursor) error {
	i.events += len(events)
	return nil
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// issue signs a certificate for Microsoft Corporation; without a parent it signs itself.
func issue(t *testing.T, name string, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	authority := parent == nil || !strings.Contains(name, ".")
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"Microsoft Corporation"}, CommonName: name},
		NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(1, 0, 0), BasicConstraintsValid: true, IsCA: authority,
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if authority {
		template.KeyUsage = x509.KeyUsageCertSign
	} else {
		template.DNSNames, template.IPAddresses = []string{name}, []net.IP{net.IPv4(127, 0, 0, 1)}
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func pool(certificates ...*x509.Certificate) *x509.CertPool {
	out := x509.NewCertPool()
	for _, c := range certificates {
		out.AddCert(c)
	}
	return out
}

// A webhook's certificate comes alone. Its chain needs the intermediates of the machine, in which nothing is trusted by itself.
func TestIntermediatesCompleteTheChainOfAWebhook(t *testing.T) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signerKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	root := issue(t, "Root", nil, authorityKey.Public(), authorityKey)
	issuer := issue(t, "Issuer", root, authorityKey.Public(), authorityKey)
	signer := issue(t, "pcnotifications.microsoft.com", issuer, signerKey.Public(), authorityKey)
	host := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pkix-cert")
		_, _ = w.Write(signer.Raw)
	}))
	server := issue(t, "certificates.example.com", root, authorityKey.Public(), authorityKey)
	host.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{server.Raw}, PrivateKey: authorityKey}}}
	host.StartTLS()
	t.Cleanup(host.Close)

	body := `{"EventName":"referral-updated","ResourceUri":"https://api.partnercenter.microsoft.com/engagements/v1/referrals/` +
		`0a1b2c3d-1111-4222-8333-444455556666","ResourceName":"referral","AuditUri":null,"ResourceChangeUtcDate":"2026-11-20T11:59:00Z"}`
	digest := sha256.Sum256([]byte(body))
	signature, err := rsa.SignPKCS1v15(rand.Reader, signerKey, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		bundle, intermediates *x509.CertPool
		status, events        int
	}{
		"given":                {pool(root), pool(issuer), http.StatusOK, 1},
		"in the bundle":        {pool(root, issuer), nil, http.StatusOK, 1},
		"missing":              {pool(root), nil, http.StatusUnauthorized, 0},
		"other":                {pool(root), pool(server), http.StatusUnauthorized, 0},
		"root only among them": {pool(server), pool(issuer, root), http.StatusUnauthorized, 0},
	} {
		t.Run(name, func(t *testing.T) {
			stored := &inbox{}
			a, err := New(document.Document{
				Connector:     document.Connector{Name: "fabrikam"},
				PartnerCenter: document.PartnerCenter{Intake: document.IntakeWebhook, Webhook: &document.Webhook{URL: "https://agent.example.com/hooks/1", SignatureHeader: "authorization"}},
			}, stored, Machine{
				TrustBundle: c.bundle, Intermediates: c.intermediates, CertificateHosts: []string{host.Listener.Addr().String()},
				Now: func() time.Time { return noon }, Log: hclog.NewNullLogger(),
			})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodPost, "/hooks/1", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Signature "+base64.StdEncoding.EncodeToString(signature))
			r.Header.Set("X-Ms-Signature-Algorithm", "rsa-sha256")
			r.Header.Set("X-Ms-Certificate-Url", host.URL+"/cert/signer.cer")
			answer := httptest.NewRecorder()
			a.ServeHTTP(answer, r)
			if answer.Code != c.status || stored.events != c.events {
				t.Errorf("answered %d and stored %d events, want %d and %d", answer.Code, stored.events, c.status, c.events)
			}
		})
	}
}
