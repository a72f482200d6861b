package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/entra"
)

// Env returns the environment variables that point the provider and the agent at this sandbox. The Salesforce variables
// without AGENT are the administrator's, by which the provider works; those with it are the agent's integration user's.
func (s *Sandbox) Env() map[string]string { return s.env(s.production) }

// StagingEnv is Env for the staging org: the same variables and the same Partner Center tenant, but the org's own address, id,
// users and keys, and an application and user of its own in the tenant. It is nil without Options.Staging.
func (s *Sandbox) StagingEnv() map[string]string {
	if s.staging == nil {
		return nil
	}
	return s.env(s.staging)
}

func (s *Sandbox) env(org *organization) map[string]string {
	env := s.tenantEnv(org.tenant)
	maps.Copy(env, org.env(s.path))
	return env
}

// tenantEnv is the part of the environment that says nothing about a CRM.
func (s *Sandbox) tenantEnv(tenant entra.Credentials) map[string]string {
	return map[string]string{
		"COSELL_PARTNER_CENTER_TENANT_ID":          tenant.TenantID,
		"COSELL_PARTNER_CENTER_CLIENT_ID":          tenant.ClientID,
		"COSELL_PARTNER_CENTER_CLIENT_SECRET":      tenant.ClientSecret,
		"COSELL_PARTNER_CENTER_REFRESH_TOKEN":      tenant.RefreshToken,
		"COSELL_PARTNER_CENTER_PARTNER_ID":         s.options.MPNID,
		"COSELL_PARTNER_CENTER_AUTHORITY":          s.url(ListenerEntra),
		"COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT": s.url(ListenerReferrals) + "/v1.0/engagements",
		"COSELL_PARTNER_CENTER_EVENTS_ENDPOINT":    s.url(ListenerEvents),

		"COSELL_SANDBOX_URL":             s.URL(),
		"COSELL_AGENT_TRUST_BUNDLE":      s.path(trustBundleFile),
		"COSELL_AGENT_CERTIFICATE_HOSTS": s.address(ListenerCertificates),
	}
}

// WriteStagingEnv writes StagingEnv as WriteEnv writes Env.
func (s *Sandbox) WriteStagingEnv(path string) error { return writeEnv(path, s.StagingEnv()) }

// WriteEnv writes Env as lines KEY='value' that a shell can source, sorted, mode 0600. The file appears as a whole: whoever
// waits for it finds it complete.
func (s *Sandbox) WriteEnv(path string) error { return writeEnv(path, s.Env()) }

func writeEnv(path string, env map[string]string) error {
	var lines strings.Builder
	for _, key := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(&lines, "%s='%s'\n", key, strings.ReplaceAll(env[key], "'", `'\''`))
	}
	return writeFile(path, []byte(lines.String()))
}

// writeFile replaces a file as a whole, readable by its owner only.
func writeFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".cosell-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}
