// Package tfcli prepares tests that drive Terraform or OpenTofu.
package tfcli

import (
	"errors"
	"os"
	"os/exec"
	"strings"
)

// ErrNotFound says that neither tool is installed.
var ErrNotFound = errors.New(`the provider's tests need terraform or tofu on PATH; "make test" fetches one`)

// Prepare finds the tool (TF_ACC_TERRAFORM_PATH, then terraform, then tofu) and sets the environment by which the test
// library uses it without the network and without a developer's own settings. It is called before the tests run.
func Prepare() error {
	for _, name := range []string{"TF_CLI_CONFIG_FILE", "TF_LOG", "TF_WORKSPACE", "TF_DATA_DIR", "TF_CLI_ARGS"} {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	cli, err := find(os.Getenv("TF_ACC_TERRAFORM_PATH"), "terraform", "tofu")
	if err != nil {
		return err
	}
	settings := map[string]string{"TF_ACC_TERRAFORM_PATH": cli, "CHECKPOINT_DISABLE": "1"}
	if strings.Contains(cli, "tofu") {
		settings["TF_ACC_PROVIDER_HOST"] = "registry.opentofu.org"
	}
	for name, value := range settings {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

func find(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path, nil
		}
	}
	return "", ErrNotFound
}
