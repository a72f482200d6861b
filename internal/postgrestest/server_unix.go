//go:build unix

package postgrestest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// Server is a running server with the superuser "postgres", who needs no password.
type Server struct {
	dir string
	bin string
}

// Available reports whether the server's programs are there.
func Available() bool { return programs() != "" }

// programs finds the folder with the server's programs, the newest version first.
func programs() string {
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

// Start makes a data directory and starts a server on it. It fails when Available is false.
func Start() (_ *Server, err error) {
	s := &Server{bin: programs()}
	if s.bin == "" {
		return nil, errors.New(Missing)
	}
	// A short path: the name of a socket has little room.
	if s.dir, err = os.MkdirTemp("/tmp", "cosell-pg-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(s.dir))
		}
	}()
	if c := credential(); c != nil {
		if err := os.Chown(s.dir, int(c.Uid), int(c.Gid)); err != nil {
			return nil, err
		}
	}
	if err := s.run("initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"); err != nil {
		return nil, err
	}
	options := fmt.Sprintf("-k %s -c listen_addresses='' -c max_connections=300", s.dir)
	if err := s.run("pg_ctl", "-D", s.data(), "-w", "-l", filepath.Join(s.dir, "log"), "-o", options, "start"); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// URL is the address of one of the server's databases; "postgres" is there from the start.
func (s *Server) URL(database string) string {
	return "postgres://postgres@localhost/" + database + "?sslmode=disable&host=" + url.QueryEscape(s.dir)
}

// Stop ends the server at once and removes its directory.
func (s *Server) Stop() error {
	return errors.Join(s.run("pg_ctl", "-D", s.data(), "-m", "immediate", "-w", "stop"), os.RemoveAll(s.dir))
}

// credential is whom the server runs as when we are root, whom it refuses.
func credential() *syscall.Credential {
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

// run runs one of the server's programs. Its output goes to a file: a server that stays would keep a pipe open.
func (s *Server) run(name string, args ...string) (err error) {
	output, err := os.Create(filepath.Join(s.dir, name+".out"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, output.Close()) }()
	cmd := exec.Command(filepath.Join(s.bin, name), args...) //nolint:gosec,noctx // a program of the server; its end is waited for
	cmd.Dir = s.dir
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential()}
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(output.Name())
		return fmt.Errorf("%s: %w\n%s", name, err, said)
	}
	return nil
}
