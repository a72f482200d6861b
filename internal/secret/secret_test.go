package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const marker = "marker-5d1c"

func TestSecretNeverPrints(t *testing.T) {
	s := New(marker)
	encoded, err := json.Marshal(map[string]any{"value": s, "pointer": &s})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{string(encoded), s.String(), fmt.Errorf("wrapped: %w %v", errors.New("x"), s).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, struct{ Inner Secret }{s}))
	}
	for _, text := range shown {
		if strings.Contains(text, marker) || strings.Contains(text, fmt.Sprintf("%x", marker)) {
			t.Errorf("the secret shows in %q", text)
		}
	}
	if s.Expose() != marker {
		t.Error("Expose does not give the text")
	}
}

func TestParseReference(t *testing.T) {
	for _, text := range []string{"env:NAME", "env:_a1", "file:/run/secrets/token", `file:C:\secrets\token`} {
		if _, err := ParseReference(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "NAME", "env:", "env:A B", "file:relative", "vault:x", "0.AXoA-literal:token", "env:A\n"} {
		_, err := ParseReference(text)
		if !errors.Is(err, ErrNotAReference) {
			t.Errorf("%q: got %v", text, err)
		}
		if text != "" && err != nil && strings.Contains(err.Error(), "literal") {
			t.Errorf("the error repeats the text: %v", err)
		}
	}
}

func TestResolve(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(marker+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("COSELL_TEST_SECRET", marker)
	t.Setenv("COSELL_TEST_EMPTY", "\n")
	for _, ref := range []Reference{"env:COSELL_TEST_SECRET", Reference("file:" + path)} {
		got, err := FromSystem().Resolve(ref)
		if err != nil || got.Expose() != marker {
			t.Errorf("%s: got %v, %v", ref, got, err)
		}
	}
	for _, ref := range []Reference{"env:COSELL_TEST_UNSET", "env:COSELL_TEST_EMPTY", "file:/nonexistent/x", marker} {
		if _, err := FromSystem().Resolve(ref); err == nil || strings.Contains(err.Error(), marker) {
			t.Errorf("%s: got %v", ref, err)
		}
	}
}

func TestKeep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	reference := Reference("file:" + path)
	if err := FromSystem().Keep(reference, New(marker)); err != nil {
		t.Fatal(err)
	}
	if got, err := FromSystem().Resolve(reference); err != nil || got.Expose() != marker {
		t.Errorf("got %v, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
	if err := FromSystem().Keep("env:NAME", New(marker)); !errors.Is(err, ErrNotKept) || strings.Contains(err.Error(), marker) {
		t.Errorf("got %v", err)
	}
	if err := FromSystem().Keep("file:/nonexistent/token", New(marker)); err == nil || strings.Contains(err.Error(), marker) {
		t.Errorf("got %v", err)
	}
}
