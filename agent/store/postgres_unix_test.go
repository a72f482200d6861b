//go:build unix

package store

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// server is the PostgreSQL server of this test run, on a private socket in a directory of its own.
var server struct {
	once sync.Once
	dir  string
	bin  string
	err  error
}

// postgresDSN starts the server when it is first needed.
func postgresDSN(tb testing.TB) string {
	tb.Helper()
	bin := postgresBin()
	if bin == "" {
		const missing = "PostgreSQL is not tested: no initdb and pg_ctl on PATH or in /usr/lib/postgresql/*/bin"
		if os.Getenv("COSELL_REQUIRE_ALL") == "1" {
			tb.Fatal(missing)
		}
		tb.Skip(missing)
	}
	server.once.Do(func() { server.bin = bin; server.err = startPostgres() })
	if server.err != nil {
		tb.Fatal(server.err)
	}
	return "postgres://postgres@localhost/postgres?sslmode=disable&host=" + url.QueryEscape(server.dir)
}

// postgresBin finds the folder with the server's programs, the newest version first.
func postgresBin() string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Reverse(dirs)
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append([]string{filepath.Dir(real)}, dirs...)
		}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "pg_ctl")); err == nil {
			return dir
		}
	}
	return ""
}

func startPostgres() (err error) {
	// A short path: the name of a socket has little room.
	if server.dir, err = os.MkdirTemp("/tmp", "cosell-pg-"); err != nil {
		return err
	}
	if c := serverCredential(); c != nil {
		if err := os.Chown(server.dir, int(c.Uid), int(c.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(server.dir, "data")
	if err := runServer("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"); err != nil {
		return err
	}
	options := fmt.Sprintf("-k %s -c listen_addresses='' -c max_connections=300", server.dir)
	return runServer("pg_ctl", "-D", data, "-w", "-l", filepath.Join(server.dir, "log"), "-o", options, "start")
}

func stopPostgres() {
	if server.dir == "" {
		return
	}
	if err := runServer("pg_ctl", "-D", filepath.Join(server.dir, "data"), "-m", "immediate", "-w", "stop"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := os.RemoveAll(server.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// serverCredential is whom the server runs as when we are root, whom it refuses.
func serverCredential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return nil
}

// runServer runs one of the server's programs. Its output goes to a file: a server that stays would keep a pipe open.
func runServer(name string, args ...string) error {
	output, err := os.Create(filepath.Join(server.dir, name+".out"))
	if err != nil {
		return err
	}
	defer output.Close()
	cmd := exec.Command(filepath.Join(server.bin, name), args...)
	cmd.Dir = server.dir
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: serverCredential()}
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(output.Name())
		return fmt.Errorf("%s: %w\n%s", name, err, said)
	}
	return nil
}
