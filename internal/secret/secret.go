// Package secret keeps credentials out of everything that is written down.
//
// A document or a configuration carries a [Reference] ("env:NAME" or "file:/path"); a [Resolver] turns it into a [Secret],
// a value that prints, formats and encodes as "[redacted]" and gives its text only to a caller that says [Secret.Expose].
package secret

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Redacted is what a non-empty [Secret] shows wherever it is printed, formatted or encoded.
const Redacted = "[redacted]"

// Secret is a credential's text. The zero value is an absent secret.
type Secret struct{ text string }

// New wraps a credential's text.
func New(text string) Secret { return Secret{text: text} }

// Expose gives the text. The caller hands it to the remote system at once and keeps no copy.
func (s Secret) Expose() string { return s.text }

// IsZero reports whether there is no secret at all.
func (s Secret) IsZero() bool { return s.text == "" }

// String hides the text.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return Redacted
}

// Format hides the text under every verb, %#v and %x included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText hides the text from encoders (JSON among them).
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reference says where a secret is kept: "env:NAME" or "file:/absolute/path". It is not itself a secret.
type Reference string

// ErrNotAReference marks a text that is not of the form "env:NAME" or "file:/absolute/path"; the text may be a
// literal secret, so errors wrapping this never repeat it.
var ErrNotAReference = errors.New(`not a secret reference: write "env:NAME" or "file:/absolute/path"`)

var (
	environmentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	absolutePath    = regexp.MustCompile(`^(/|[A-Za-z]:[\\/])`)
)

// ParseReference checks the form of a reference. It fails with [ErrNotAReference].
func ParseReference(text string) (Reference, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch {
	case kind == "env" && environmentName.MatchString(rest):
		return Reference(text), nil
	case kind == "file" && absolutePath.MatchString(rest):
		return Reference(text), nil
	default:
		return "", ErrNotAReference
	}
}

// Resolver reads references. Its fields exist for tests; [FromSystem] is the real one.
type Resolver struct {
	LookupEnv func(name string) (string, bool)
	ReadFile  func(path string) ([]byte, error)
}

// FromSystem resolves against the process environment and the file system.
func FromSystem() Resolver { return Resolver{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile} }

// Resolve reads a secret. One trailing line break, as editors and `kubectl create secret` leave it, is removed.
// It fails when the variable is unset, the file cannot be read, or what is found is empty; the error names the
// reference, never the content.
func (r Resolver) Resolve(ref Reference) (Secret, error) {
	if _, err := ParseReference(string(ref)); err != nil {
		return Secret{}, err
	}
	kind, rest, _ := strings.Cut(string(ref), ":")
	var text string
	if kind == "env" {
		value, ok := r.LookupEnv(rest)
		if !ok {
			return Secret{}, fmt.Errorf("secret %s: the environment variable is not set", ref)
		}
		text = value
	} else {
		content, err := r.ReadFile(rest)
		if err != nil {
			return Secret{}, fmt.Errorf("secret %s: %w", ref, err)
		}
		text = string(content)
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" {
		return Secret{}, fmt.Errorf("secret %s: it is empty", ref)
	}
	return New(text), nil
}
