package intake

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// The header that carries the signature, as the webhook registration asked for it: signatureTokenToMsSignatureHeader false
// or true (page "Partner Center webhooks").
const (
	HeaderAuthorization = "authorization"
	HeaderMSSignature   = "x-ms-signature"
)

const (
	headerCertificate = "X-Ms-Certificate-Url"
	headerAlgorithm   = "X-Ms-Signature-Algorithm"

	// Algorithm is the only signature algorithm accepted. It is ours to choose, never the request's.
	Algorithm = "rsa-sha256"

	maxHeaderValue = 4 << 10 // bytes
)

// proof is what the headers say about the signature, before anything has been fetched or verified.
type proof struct {
	address   string // of the certificate, on the allow-list
	signature []byte
}

// inspect judges the signature headers. It reaches for nothing.
func (v *Verifier) inspect(h http.Header) (proof, error) {
	if hopByHop(h) {
		return proof{}, HeaderMalformed
	}
	values := make(map[string]string, 4)
	for _, name := range []string{"Authorization", "X-Ms-Signature", headerCertificate, headerAlgorithm} {
		value, ok := single(h, name)
		if !ok {
			return proof{}, HeaderMalformed
		}
		values[name] = value
	}

	token, err := v.token(values)
	if err != nil {
		return proof{}, err
	}
	if !strings.EqualFold(values[headerAlgorithm], Algorithm) {
		return proof{}, AlgorithmRefused
	}
	signature, err := decodeSignature(token)
	if err != nil {
		return proof{}, err
	}
	address := values[headerCertificate]
	if !v.hosts.admits(address) {
		return proof{}, AddressRefused
	}
	return proof{address: address, signature: signature}, nil
}

// token takes the signature from the registered header and from nowhere else.
func (v *Verifier) token(values map[string]string) (string, error) {
	own, other := values["Authorization"], values["X-Ms-Signature"]
	if v.header == HeaderMSSignature {
		own, other = other, own
	}
	if own == "" {
		return "", SignatureMissing
	}
	if other != "" {
		return "", SignatureAmbiguous
	}
	token, ok := strings.CutPrefix(own, "Signature ")
	if !ok || token == "" {
		return "", SchemeRefused
	}
	return token, nil
}

// decodeSignature wants padded standard base64 with zero trailing bits. Go's strict mode still skips line breaks, hence the
// check of our own.
func decodeSignature(token string) ([]byte, error) {
	if strings.ContainsAny(token, "\r\n") {
		return nil, SignatureMalformed
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(signature) == 0 {
		return nil, SignatureMalformed
	}
	return signature, nil
}

// single gives the header's only value, "" when it is absent. It is not ok when the header is there twice, empty, long, or
// holds anything but printable ASCII: proxies and we could then read different values.
func single(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) == 0 {
		return "", true
	}
	if len(values) > 1 || values[0] == "" || len(values[0]) > maxHeaderValue {
		return "", false
	}
	for _, c := range []byte(values[0]) {
		if c < ' ' || c > '~' {
			return "", false
		}
	}
	return values[0], true
}

// hopByHop reports whether the sender asks proxies to remove a header that we judge.
func hopByHop(h http.Header) bool {
	for _, value := range h.Values("Connection") {
		for option := range strings.SplitSeq(value, ",") {
			switch http.CanonicalHeaderKey(strings.TrimSpace(option)) {
			case "Authorization", "X-Ms-Signature", headerCertificate, headerAlgorithm, "Content-Type":
				return true
			}
		}
	}
	return false
}
