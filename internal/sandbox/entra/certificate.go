package entra

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // the thumbprint x5t is a SHA-1 hash by its definition
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// assertionType is the only type of client assertions (OAuth 2.0 client credentials with a certificate).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// certificateLife is how long a certificate of IssueCertificate is valid.
const certificateLife = 10 * 365 * 24 * time.Hour

// IssueCertificate makes a key and a certificate for an application and registers the certificate, so that the application can get
// tokens without its secret. Both are PEM, the key PKCS #8. It fails for an application that is not registered.
func (s *Service) IssueCertificate(clientID string) (certificate, key []byte, err error) {
	private, err := s.newKey()
	if err != nil {
		return nil, nil, fmt.Errorf("make a key for the application %s: %w", clientID, err)
	}
	now := s.kit.Clock.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: clientID}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate for the application %s: %w", clientID, err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the key of the application %s: %w", clientID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	app, known := s.applications[clientID]
	if !known {
		return nil, nil, fmt.Errorf("the application %s is not registered", clientID)
	}
	app.certificates = append(app.certificates, der)
	s.applications[clientID] = app
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), nil
}

func (s *Service) newKey() (*rsa.PrivateKey, error) {
	if s.options.Key != nil {
		return s.options.Key, nil
	}
	return rsa.GenerateKey(rand.Reader, 2048)
}

// assertion is what is read of a client assertion.
type assertion struct {
	header struct {
		Algorithm string `json:"alg"`
		SHA1      string `json:"x5t"`
		SHA256    string `json:"x5t#S256"`
	}
	claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
		Before   int64  `json:"nbf"`
	}
	signed    string
	signature []byte
}

func readAssertion(token string) (assertion, error) {
	var a assertion
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return a, fmt.Errorf("the assertion has %d parts instead of 3", len(parts))
	}
	for i, into := range []any{&a.header, &a.claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return a, fmt.Errorf("decode the assertion: %w", err)
		}
		if err := json.Unmarshal(data, into); err != nil {
			return a, fmt.Errorf("decode the assertion: %w", err)
		}
	}
	a.signed = parts[0] + "." + parts[1]
	var err error
	if a.signature, err = base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return a, fmt.Errorf("decode the signature of the assertion: %w", err)
	}
	return a, nil
}

// checkAssertion returns the id of the application whose certificate signed the assertion of the request.
func (s *Service) checkAssertion(r *http.Request) (string, error) {
	refuse := func(code int, format string, args ...any) (string, error) {
		return "", &failure{http.StatusUnauthorized, "invalid_client", code, fmt.Sprintf(format, args...)}
	}
	if r.PostForm.Get("client_assertion_type") != assertionType {
		return refuse(900144, "The request body must contain the parameter 'client_assertion_type' with the value '%s'.", assertionType)
	}
	a, err := readAssertion(r.PostForm.Get("client_assertion"))
	if err != nil {
		return refuse(50027, "JWT token is invalid or malformed: %v.", err)
	}
	id := a.claims.Subject
	if sent := r.PostForm.Get("client_id"); a.claims.Issuer != id || sent != "" && sent != id {
		return refuse(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
	}
	s.mu.Lock()
	app, known := s.applications[id]
	s.mu.Unlock()
	if !known {
		return "", &failure{http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '" + id + "' was not found in the directory."}
	}
	audience, err := url.Parse(a.claims.Audience)
	if err != nil || audience.Path != r.URL.Path {
		return refuse(700023, "Client assertion audience claim does not match the token endpoint.")
	}
	now := s.kit.Clock.Now().Unix()
	if now >= a.claims.Expires || now+300 < a.claims.Before {
		return refuse(700024, "Client assertion is not within its valid time range.")
	}
	for _, der := range app.certificates {
		if a.names(der) && a.verifies(der) {
			return id, nil
		}
	}
	return refuse(700027, "The certificate with identifier used to sign the client assertion is not registered on application.")
}

// names says whether the assertion names a certificate by its thumbprint.
func (a assertion) names(der []byte) bool {
	short, long := sha1.Sum(der), sha256.Sum256(der)
	same := func(text string, sum []byte) bool {
		got, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
		return err == nil && bytes.Equal(got, sum)
	}
	return same(a.header.SHA1, short[:]) || same(a.header.SHA256, long[:])
}

func (a assertion) verifies(der []byte) bool {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return false
	}
	key, isRSA := certificate.PublicKey.(*rsa.PublicKey)
	digest := sha256.Sum256([]byte(a.signed))
	switch {
	case !isRSA:
		return false
	case a.header.Algorithm == "PS256":
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], a.signature, nil) == nil
	case a.header.Algorithm == "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], a.signature) == nil
	}
	return false
}
