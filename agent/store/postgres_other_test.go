//go:build !unix

package store

import (
	"os"
	"testing"
)

// postgresDSN needs unix sockets.
func postgresDSN(tb testing.TB) string {
	tb.Helper()
	const missing = "PostgreSQL is not tested: the tests start it on a unix socket"
	if os.Getenv("COSELL_REQUIRE_ALL") == "1" {
		tb.Fatal(missing)
	}
	tb.Skip(missing)
	return ""
}

func stopPostgres() {}
