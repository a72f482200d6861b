package salesforce

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// busySetup is a network on which the first metadata writes meet an organisation whose setup another change holds.
type busySetup struct {
	base http.RoundTripper
	code string
	left int
}

func (b *busySetup) RoundTrip(request *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(request.URL.Path, "/services/Soap/m/") {
		return b.base.RoundTrip(request)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	if b.left == 0 || !strings.Contains(string(body), "<createMetadata>") {
		request.Body = io.NopCloser(bytes.NewReader(body))
		return b.base.RoundTrip(request)
	}
	b.left--
	fault := `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="http://soap.sforce.com/2006/04/metadata">` +
		`<soapenv:Body><soapenv:Fault><faultcode>sf:` + b.code + `</faultcode><faultstring>` + b.code +
		`: The changes you requested require salesforce.com to temporarily lock your organization's administration setup. However, the administration setup has already been locked by another change.` +
		`</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>`
	return &http.Response{StatusCode: http.StatusInternalServerError, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"text/xml"}},
		Body: io.NopCloser(strings.NewReader(fault)), Request: request}, nil
}

// Metadata writes wait for the organisation's setup to become free, whatever code says that it is not, and give up after a
// bounded number of waits. The waits pass on the injected clock.
func TestMetadataWritesWaitForTheLock(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"UNABLE_TO_LOCK_ROW", "OPERATION_CONFLICT", "UNKNOWN_EXCEPTION"} {
		for _, busy := range []int{2, 100} {
			waits, err := createWhileLocked(t, code, busy)
			switch {
			case busy == 2 && (err != nil || len(waits) != 2):
				t.Errorf("%s: created after %v: %v", code, waits, err)
			case busy == 100 && !errors.Is(err, problem.New(problem.Locked, "", "")):
				t.Errorf("%s: gave up after %v with %v, want problem %s", code, waits, err, problem.Locked)
			}
			for i := 1; i < len(waits); i++ {
				if waits[i] < waits[i-1] || waits[i] > 30*time.Second {
					t.Errorf("%s: waits are not growing within bounds: %v", code, waits)
				}
			}
		}
	}
}

func createWhileLocked(t *testing.T, code string, busy int) (waits []time.Duration, err error) {
	t.Helper()
	s, err := sandbox.New(sandbox.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	env := s.Env()
	transport := &busySetup{base: wire.NewTransport(nil), code: code, left: busy}
	r := remote.New(remote.Config{
		Transport: transport,
		Wait: func(_ context.Context, pause time.Duration) error {
			waits = append(waits, pause)
			return nil
		},
		Salesforce: &remote.SalesforceConfig{
			LoginURL: env["COSELL_SALESFORCE_LOGIN_URL"], ClientID: env["COSELL_SALESFORCE_CLIENT_ID"],
			Username: env["COSELL_SALESFORCE_USERNAME"], PrivateKeyPath: env["COSELL_SALESFORCE_PRIVATE_KEY_FILE"],
		},
	})
	field := metadata.New("CustomField", "Opportunity.Busy__c", metadata.NewText("label", "Busy"), metadata.NewText("type", "Text"), metadata.NewText("length", "20"))
	err = components{remote: r, kind: "CustomField"}.create(t.Context(), field)
	return waits, err
}
