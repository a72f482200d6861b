package dataverse

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionLife = 10 * time.Minute
)

// fetchToken runs the client credentials flow ("OAuth 2.0 client credentials flow on the Microsoft identity platform"). The scope
// is that of the environment.
func (c *Client) fetchToken(ctx context.Context) (*oauth2.Token, error) {
	grant := clientcredentials.Config{
		ClientID: c.config.ClientID, ClientSecret: c.config.ClientSecret.Expose(), TokenURL: c.tokenURL(),
		EndpointParams: url.Values{"scope": {c.base.String() + "/.default"}},
	}
	if c.key != nil {
		assertion, err := c.assertion()
		if err != nil {
			return nil, fmt.Errorf("sign assertion: %w", err)
		}
		grant.EndpointParams.Set("client_assertion_type", assertionType)
		grant.EndpointParams.Set("client_assertion", assertion)
	}
	return c.wire.FetchToken(ctx, grant)
}

func (c *Client) tokenURL() string {
	return c.authority.String() + "/" + c.config.TenantID + "/oauth2/v2.0/token"
}

// assertion signs in place of a secret ("Microsoft identity platform application authentication certificate credentials").
func (c *Client) assertion() (string, error) {
	now := c.wire.Now().Unix()
	header, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "x5t#S256": c.thumbprint})
	if err != nil {
		return "", err
	}
	id := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %d", c.config.ClientID, c.tokenURL(), now, c.assertions.Add(1)))
	claims, err := json.Marshal(map[string]any{
		"aud": c.tokenURL(), "iss": c.config.ClientID, "sub": c.config.ClientID, "jti": hex.EncodeToString(id[:16]),
		"nbf": now, "iat": now, "exp": now + int64(assertionLife.Seconds()),
	})
	if err != nil {
		return "", err
	}
	encoding := base64.RawURLEncoding
	signed := encoding.EncodeToString(header) + "." + encoding.EncodeToString(claims)
	digest := sha256.Sum256([]byte(signed))
	// A nil random source makes the signature deterministic, which PKCS #1 v1.5 permits.
	signature, err := rsa.SignPKCS1v15(nil, c.key, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return signed + "." + encoding.EncodeToString(signature), nil
}

// parseCertificate reads a certificate and its RSA key. Its errors never quote the text.
func parseCertificate(text string) (key *rsa.PrivateKey, thumbprint string, err error) {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			if thumbprint == "" { // the first one is the application's, further ones are authorities
				sum := sha256.Sum256(block.Bytes)
				thumbprint = base64.RawURLEncoding.EncodeToString(sum[:])
			}
		case "RSA PRIVATE KEY", "PRIVATE KEY":
			if key, err = parseKey(block.Bytes); err != nil {
				return nil, "", err
			}
		}
	}
	if key == nil || thumbprint == "" {
		return nil, "", errors.New("it must hold a certificate and its private key, both in PEM form and without passphrase")
	}
	return key, thumbprint, nil
}

func parseKey(der []byte) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("the private key is neither PKCS#1 nor PKCS#8")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the private key is not an RSA key, which is what RS256 needs")
	}
	return key, nil
}
