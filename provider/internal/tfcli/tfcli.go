// Package tfcli serves tests that drive Terraform or OpenTofu.
package tfcli

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

var errNotFound = errors.New(`the provider's tests need terraform or tofu on PATH; "make test" fetches one`)

// What Main found before the tests ran.
var (
	cli    string
	errCLI = errors.New("tfcli.Main was not called by TestMain")
)

// Main is a package's TestMain. It finds the tool (TF_ACC_TERRAFORM_PATH, then terraform, then tofu) and sets the
// environment by which the test library uses it without the network and without a developer's own settings.
func Main(m *testing.M) {
	cli, errCLI = prepare()
	os.Exit(m.Run())
}

// Path gives the tool. Without one, the test is skipped loudly on a developer's machine and fails where everything is
// required.
func Path(t testing.TB) string {
	t.Helper()
	switch {
	case errCLI == nil:
	case os.Getenv("COSELL_REQUIRE_ALL") == "1" || !errors.Is(errCLI, errNotFound):
		t.Fatal(errCLI)
	default:
		t.Skip("SKIPPED: " + errCLI.Error())
	}
	return cli
}

func prepare() (string, error) {
	for _, name := range []string{"TF_CLI_CONFIG_FILE", "TF_LOG", "TF_WORKSPACE", "TF_DATA_DIR", "TF_CLI_ARGS"} {
		if err := os.Unsetenv(name); err != nil {
			return "", err
		}
	}
	path, err := find(os.Getenv("TF_ACC_TERRAFORM_PATH"), "terraform", "tofu")
	if err != nil {
		return "", err
	}
	settings := map[string]string{"TF_ACC_TERRAFORM_PATH": path, "CHECKPOINT_DISABLE": "1"}
	if strings.Contains(path, "tofu") {
		settings["TF_ACC_PROVIDER_HOST"] = "registry.opentofu.org"
	}
	for name, value := range settings {
		if err := os.Setenv(name, value); err != nil {
			return "", err
		}
	}
	return path, nil
}

func find(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path, nil
		}
	}
	return "", errNotFound
}
