package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// Address is where an admin API listens: a socket in the file system ("unix:/path"), or a TCP address.
type Address struct {
	network, address string
}

// Automatic is the address that stands for the usual one.
const Automatic = "auto"

// ParseAddress reads an address. getenv reads the environment. Automatic means a socket beside the store's SQLite file, or in the user's or service's runtime
// directory for a PostgreSQL store. ok is false for "off", and where Automatic finds no place that only the user can write to.
func ParseAddress(text, dsn string, getenv func(string) string) (a Address, ok bool, err error) {
	switch {
	case text == "off":
		return a, false, nil
	case text == Automatic:
		path := usualSocket(dsn, getenv)
		return Address{"unix", path}, path != "", nil
	case strings.HasPrefix(text, "unix:"):
		path, err := filepath.Abs(strings.TrimPrefix(text, "unix:"))
		return Address{"unix", path}, true, err
	}
	if _, _, err := net.SplitHostPort(text); err != nil {
		return a, false, fmt.Errorf(`admin address %q must be "auto", "off", "unix:PATH" or HOST:PORT: %w`, text, err)
	}
	return Address{"tcp", text}, true, nil
}

// longestSocket is the longest path that every system takes for a socket ("unix(7)": 108 bytes on Linux, 104 elsewhere).
const longestSocket = 103

func usualSocket(dsn string, getenv func(string) string) string {
	path := ""
	file, isFile := strings.CutPrefix(dsn, "file:")
	if !isFile {
		file, isFile = strings.CutPrefix(dsn, "sqlite:")
	}
	if isFile {
		absolute, err := filepath.Abs(file)
		if err != nil {
			return ""
		}
		path = absolute + ".sock"
	} else if dir := cmp.Or(getenv("XDG_RUNTIME_DIR"), getenv("RUNTIME_DIRECTORY")); dir != "" {
		path = filepath.Join(dir, "cosell-agent.sock")
	}
	if len(path) > longestSocket {
		return ""
	}
	return path
}

// String implements fmt.Stringer.
func (a Address) String() string {
	if a.network == "unix" {
		return "unix:" + a.address
	}
	return a.address
}

// Local reports whether nobody but users of this machine can reach the address.
func (a Address) Local() bool {
	if a.network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(a.address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// shortestToken keeps tokens from being guessed.
const shortestToken = 20

// Check refuses an address that others can reach as things are: TCP needs a token, and beyond this machine TLS too.
func (a Address) Check(token secret.Secret, tls bool) error {
	switch {
	case a.network == "unix":
		return nil
	case token.IsZero():
		return fmt.Errorf("the admin address %s needs a token that callers must know: --admin-token env:NAME or file:PATH", a)
	case len(token.Expose()) < shortestToken:
		return fmt.Errorf("the admin token must have %d characters or more", shortestToken)
	case !a.Local() && !tls:
		return fmt.Errorf("the admin address %s can be reached from other machines, where the token would be read on its way: give --tls-certificate and --tls-key, or listen on 127.0.0.1", a)
	}
	return nil
}

// Guarded reports whether callers must know the token.
func (a Address) Guarded() bool { return a.network != "unix" }

// Listen opens the address. A socket is for the user alone who runs the agent; one that a dead process left is replaced.
func (a Address) Listen(ctx context.Context) (net.Listener, error) {
	if a.network == "unix" {
		if err := a.clear(ctx); err != nil {
			return nil, err
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, a.network, a.address)
	if err != nil {
		return nil, fmt.Errorf("open the admin address: %w", err)
	}
	if a.network == "unix" {
		if err := os.Chmod(a.address, 0o600); err != nil {
			return nil, errors.Join(fmt.Errorf("open the admin address: %w", err), listener.Close())
		}
	}
	return listener, nil
}

// clear removes a socket on which nobody listens any more.
func (a Address) clear(ctx context.Context) error {
	info, err := os.Lstat(a.address)
	if err != nil {
		return nil //nolint:nilerr // nothing is there
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("open the admin address: %s exists and is no socket", a.address)
	}
	if connection, err := (&net.Dialer{}).DialContext(ctx, a.network, a.address); err == nil {
		return errors.Join(fmt.Errorf("open the admin address: an agent listens on %s already", a.address), connection.Close())
	}
	return os.Remove(a.address)
}
