package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

func TestRefreshTokenIsRenewed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("COSELL_TEST_REFRESH", "first")
	write("first")
	for _, reference := range []secret.Reference{secret.Reference("file:" + path), "env:COSELL_TEST_REFRESH"} {
		token := &refreshToken{reference: reference, resolver: secret.FromSystem(), log: hclog.NewNullLogger()}
		expect := func(want string) {
			t.Helper()
			if got, err := token.current(t.Context()); err != nil || got.Expose() != want {
				t.Errorf("%s: got %q, %v, want %q", reference, got.Expose(), err, want)
			}
		}
		expect("first")
		if err := token.rotate(t.Context(), secret.New("second")); err != nil {
			t.Fatal(err)
		}
		expect("second")
		write("from a person")
		t.Setenv("COSELL_TEST_REFRESH", "from a person")
		expect("from a person")
		write("first")
		t.Setenv("COSELL_TEST_REFRESH", "first")
	}
	kept := &refreshToken{reference: secret.Reference("file:" + path), resolver: secret.FromSystem(), log: hclog.NewNullLogger()}
	if err := kept.rotate(t.Context(), secret.New("third")); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "third\n" {
		t.Errorf("the file holds %q, %v", content, err)
	}
}
