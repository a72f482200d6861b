package remote

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/admin"
	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// socketPrefix begins the address of a socket in the file system.
const socketPrefix = "unix:"

// CheckAgentAddress refuses what is no admin address, and plain http to another machine: the token could be read on its way.
func CheckAgentAddress(text string) error {
	if path, isSocket := strings.CutPrefix(text, socketPrefix); isSocket {
		if path == "" {
			return errors.New("unix: must be followed by the path of a socket")
		}
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil:
		return fmt.Errorf("%q must be http://HOST:PORT, https://HOST:PORT or unix:PATH", text)
	case u.Scheme == "http" && !thisMachine(u.Hostname()):
		return fmt.Errorf("%q would send the token over the network unprotected; use https", text)
	}
	return nil
}

func thisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Agent gives a client of the admin API of the agent that runs. It fails with a [*NotConfiguredError] or an [*UnknownError].
func (r *Remote) Agent() (*admin.Client, error) {
	config := r.config.Agent
	if config == nil {
		config = &AgentConfig{}
	}
	if config.Unknown {
		return nil, &UnknownError{Block: "agent"}
	}
	if err := missing("agent", setting{"address", "COSELL_AGENT_ADDRESS", config.Address}); err != nil {
		return nil, err
	}
	token := config.Token
	if token.IsZero() && config.TokenPath != "" {
		content, err := r.config.ReadFile(config.TokenPath)
		if err != nil {
			return nil, fmt.Errorf("read the agent's token that token_path names: %w", err)
		}
		token = secret.New(strings.TrimSpace(string(content)))
	}
	if path, isSocket := strings.CutPrefix(config.Address, socketPrefix); isSocket {
		return admin.NewClient(admin.SocketBase, token, admin.SocketTransport(path)), nil
	}
	return admin.NewClient(config.Address, token, r.config.Transport), nil
}
