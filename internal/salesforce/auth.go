package salesforce

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const (
	jwtGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	// assertionLife is how long a signed assertion is valid. The service's bound is documented as three to five minutes.
	assertionLife = 3 * time.Minute

	productionHost = "login.salesforce.com"
	sandboxHost    = "test.salesforce.com"
)

func (c *Client) chooseFlow() error {
	if c.config.ClientID == "" {
		return errors.New("salesforce: client id is required")
	}
	withKey, withSecret := !c.config.PrivateKey.IsZero(), !c.config.ClientSecret.IsZero()
	switch {
	case withKey == withSecret:
		return errors.New("salesforce: give either a private key (JWT bearer) or a client secret (client credentials)")
	case withKey:
		if c.config.Username == "" {
			return errors.New("salesforce: the JWT bearer flow needs a user name")
		}
		key, err := parsePrivateKey(c.config.PrivateKey.Expose())
		if err != nil {
			return fmt.Errorf("salesforce: private key: %w", err)
		}
		c.key = key
		return nil
	default:
		if host := c.login.Hostname(); host == productionHost || host == sandboxHost {
			return errors.New("salesforce: the client credentials flow needs the org's My Domain as login URL, for example https://example.my.salesforce.com")
		}
		return nil
	}
}

// parsePrivateKey reads an RSA key. Its errors never quote the text.
func parsePrivateKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("it is not in PEM form")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it is neither PKCS#1 nor PKCS#8, or has a passphrase")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("it is not an RSA key, which is what RS256 needs")
	}
	return key, nil
}

// fetchToken runs the configured flow (sources: "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration", "OAuth 2.0
// Client Credentials Flow"). No library source is used for JWT: it would take the system clock and keep an opaque token
// for ever.
func (c *Client) fetchToken(ctx context.Context) (*oauth2.Token, error) {
	grant := clientcredentials.Config{TokenURL: c.login.String() + "/services/oauth2/token"}
	if c.key == nil {
		grant.ClientID, grant.ClientSecret = c.config.ClientID, c.config.ClientSecret.Expose()
	} else {
		assertion, err := c.assertion()
		if err != nil {
			return nil, fmt.Errorf("salesforce: sign assertion: %w", err)
		}
		grant.EndpointParams = url.Values{"grant_type": {jwtGrant}, "assertion": {assertion}}
	}
	token, err := c.wire.FetchToken(ctx, grant)
	if err != nil {
		return nil, err
	}
	if _, err := instanceOf(token); err != nil {
		return nil, err
	}
	return token, nil
}

func (c *Client) assertion() (string, error) {
	claims, err := json.Marshal(struct {
		Iss string `json:"iss"`
		Sub string `json:"sub"`
		Aud string `json:"aud"`
		Exp int64  `json:"exp"`
	}{c.config.ClientID, c.config.Username, c.audience(), c.wire.Now().Add(assertionLife).Unix()})
	if err != nil {
		return "", err
	}
	encoding := base64.RawURLEncoding
	signed := encoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encoding.EncodeToString(claims)
	digest := sha256.Sum256([]byte(signed))
	// A nil random source makes the signature deterministic, which PKCS #1 v1.5 permits.
	signature, err := rsa.SignPKCS1v15(nil, c.key, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return signed + "." + encoding.EncodeToString(signature), nil
}

// audience is login.salesforce.com for production's My Domains too, test.salesforce.com for sandboxes', and the login URL
// itself elsewhere.
func (c *Client) audience() string {
	host := strings.ToLower(c.login.Hostname())
	switch {
	case c.config.Audience != "":
		return c.config.Audience
	case host == sandboxHost || strings.HasSuffix(host, ".sandbox.my.salesforce.com"):
		return "https://" + sandboxHost
	case strings.HasSuffix(host, ".salesforce.com"):
		return "https://" + productionHost
	default:
		return c.login.String()
	}
}

// instanceOf reads and checks the instance_url that came with a token.
func instanceOf(token *oauth2.Token) (*url.URL, error) {
	raw, _ := token.Extra("instance_url").(string)
	instance, err := parseHost(raw)
	if err != nil {
		return nil, fmt.Errorf("salesforce: instance_url of the token answer: %w", err)
	}
	return instance, nil
}

// ErrJWTAccessToken is returned by SOAP calls when the app issues JWT-based access tokens, which only the REST APIs accept
// (source: "JWT-Based Access Tokens").
var ErrJWTAccessToken = errors.New(`salesforce: the app issues JWT-based access tokens, which the Metadata API does not accept; switch off "Issue JSON Web Token (JWT)-based access tokens" in the app's settings`)

var opaqueToken = regexp.MustCompile(`^00D\w+!`)

func isJWT(accessToken string) bool {
	return !opaqueToken.MatchString(accessToken) && strings.Count(accessToken, ".") == 2
}

// CheckSOAP fails with [ErrJWTAccessToken] when the access token cannot be used for metadata calls.
func (c *Client) CheckSOAP(ctx context.Context) error {
	token, err := c.tokens.Token(ctx)
	if err != nil {
		return fmt.Errorf("salesforce: %w", err)
	}
	if isJWT(token.AccessToken) {
		return ErrJWTAccessToken
	}
	return nil
}

// Identity says whom the credentials belong to.
type Identity struct {
	OrgID       ID
	UserID      ID
	InstanceURL string
}

// Identity reads the org and the user from the token answer's id URL, or else from the userinfo endpoint.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	token, err := c.tokens.Token(ctx)
	if err != nil {
		return Identity{}, fmt.Errorf("salesforce: %w", err)
	}
	instance, err := instanceOf(token)
	if err != nil {
		return Identity{}, err
	}
	raw, _ := token.Extra("id").(string)
	if org, user, ok := parseIdentityURL(raw); ok {
		return Identity{OrgID: org, UserID: user, InstanceURL: instance.String()}, nil
	}
	var info struct {
		OrganizationID string `json:"organization_id"`
		UserID         string `json:"user_id"`
	}
	if err := c.get(ctx, "read identity", "/services/oauth2/userinfo", &info); err != nil {
		return Identity{}, err
	}
	org, err := ParseID(info.OrganizationID)
	if err != nil {
		return Identity{}, &DecodeError{Operation: "read identity", Err: err}
	}
	user, err := ParseID(info.UserID)
	if err != nil {
		return Identity{}, &DecodeError{Operation: "read identity", Err: err}
	}
	return Identity{OrgID: org, UserID: user, InstanceURL: instance.String()}, nil
}

// parseIdentityURL reads https://login.salesforce.com/id/<org>/<user>.
func parseIdentityURL(raw string) (org, user ID, ok bool) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", "", false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) != 3 || parts[0] != "id" {
		return "", "", false
	}
	org, orgErr := ParseID(parts[1])
	user, userErr := ParseID(parts[2])
	return org, user, orgErr == nil && userErr == nil
}
