// Package postgrestest starts a PostgreSQL server for tests: on a unix socket in a directory of its own, without a network
// address, and without anything that outlives it.
package postgrestest

// Missing says why there is no server.
const Missing = "PostgreSQL is not tested: no initdb and pg_ctl on PATH or in /usr/lib/postgresql/*/bin, or no unix sockets"
