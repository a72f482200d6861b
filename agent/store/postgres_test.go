package store

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/postgrestest"
)

// server is the PostgreSQL server of this test run.
var server struct {
	once sync.Once
	*postgrestest.Server
	err error
}

// postgresDSN starts the server when it is first needed.
func postgresDSN(tb testing.TB) string {
	tb.Helper()
	return postgresServer(tb).URL("postgres")
}

func postgresServer(tb testing.TB) *postgrestest.Server {
	tb.Helper()
	if !postgrestest.Available() {
		if os.Getenv("COSELL_REQUIRE_ALL") == "1" {
			tb.Fatal(postgrestest.Missing)
		}
		tb.Skip(postgrestest.Missing)
	}
	server.once.Do(func() { server.Server, server.err = postgrestest.Start() })
	if server.err != nil {
		tb.Fatal(server.err)
	}
	return server.Server
}

func stopPostgres() {
	if server.Server == nil {
		return
	}
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
