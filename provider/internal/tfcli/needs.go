package tfcli

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-version"
)

// Needs says from which version on the two tools know a feature. Their version numbers say nothing about each other's features.
// Both zero: every supported version of both knows it. Only one zero: that tool does not know it at all.
type Needs struct{ Terraform, OpenTofu string }

// Tool is a command-line tool: Terraform or OpenTofu.
type Tool struct {
	Name    string // Terraform or OpenTofu
	Version string // such as 1.11.4
}

// Lacking explains why the tool at hand does not know a feature; empty when it does.
func (n Needs) Lacking(t testing.TB) string {
	t.Helper()
	tool := At(t)
	wanted := map[string]string{nameTerraform: n.Terraform, nameOpenTofu: n.OpenTofu}[tool.Name]
	if n == (Needs{}) {
		return ""
	}
	if wanted == "" {
		return tool.Name + " does not know this"
	}
	if version.Must(version.NewVersion(tool.Version)).Core().LessThan(version.Must(version.NewVersion(wanted))) {
		return fmt.Sprintf("needs %s %s", tool.Name, wanted)
	}
	return ""
}

const (
	nameTerraform = "Terraform"
	nameOpenTofu  = "OpenTofu"
)

var tool struct {
	sync.Once
	Tool
	err error
}

// At tells which tool is at hand.
func At(t testing.TB) Tool {
	t.Helper()
	path := Path(t)
	tool.Do(func() {
		var printed []byte
		if printed, tool.err = exec.CommandContext(t.Context(), path, "version", "-json").Output(); tool.err != nil {
			return
		}
		var told struct {
			Version string `json:"terraform_version"` // also OpenTofu's
		}
		if tool.err = json.Unmarshal(printed, &told); tool.err != nil {
			return
		}
		tool.Tool = Tool{nameTerraform, told.Version}
		if plain, err := exec.CommandContext(t.Context(), path, "version").Output(); err != nil || strings.Contains(string(plain), nameOpenTofu) {
			tool.Name, tool.err = nameOpenTofu, err
		}
	})
	if tool.err != nil {
		t.Fatal(tool.err)
	}
	return tool.Tool
}
