// Package secret keeps credentials out of everything that is written down.
//
// A document or a configuration carries a [Reference] ("env:NAME" or "file:/path"); a [Resolver] turns it into a [Secret],
// a value that prints, formats and encodes as "[redacted]" and gives its text only to a caller that says [Secret.Expose].
package secret

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	// WriteFile replaces a file as a whole, readable by its owner only.
	WriteFile func(path string, content []byte) error
}

// FromSystem resolves against the process environment and the file system.
func FromSystem() Resolver {
	return Resolver{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile, WriteFile: replaceFile}
}

// ErrNotKept says that a reference names a place that cannot be written, an environment variable for example.
var ErrNotKept = errors.New("this reference cannot be written; only file: references can")

// Keep writes a secret back to where its reference says, for secrets that a remote system renews. It fails with
// [ErrNotKept], or because the file cannot be replaced.
func (r Resolver) Keep(ref Reference, s Secret) error {
	kind, path, _ := strings.Cut(string(ref), ":")
	if kind != "file" {
		return fmt.Errorf("secret %s: %w", ref, ErrNotKept)
	}
	if err := r.WriteFile(path, []byte(s.Expose()+"\n")); err != nil {
		return fmt.Errorf("secret %s: %w", ref, err)
	}
	return nil
}

// replaceFile writes beside the file and renames, so that nobody ever reads half of it.
func replaceFile(path string, content []byte) error {
	beside, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = beside.Write(content)
	err = errors.Join(err, beside.Sync(), beside.Close())
	if err == nil {
		err = os.Rename(beside.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(beside.Name()))
	}
	return nil
}

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
