package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// block is a fenced block of a guide: commands, or the content of the file that the line before it names.
type block struct{ language, file, text string }

// blocksOf gives the blocks that a reader follows: every shell block, and every block whose line before is File `NAME`:.
func blocksOf(guide string) []block {
	var blocks []block
	var open *block
	named := ""
	for line := range strings.Lines(guide) {
		trimmed := strings.TrimSpace(line)
		switch {
		case open != nil && trimmed == "```":
			if open.file != "" || open.language == "sh" {
				blocks = append(blocks, *open)
			}
			open, named = nil, ""
		case open != nil:
			open.text += line
		case strings.HasPrefix(trimmed, "```"):
			open = &block{language: strings.TrimPrefix(trimmed, "```"), file: named}
		case trimmed != "":
			named = ""
			if rest, ok := strings.CutPrefix(trimmed, "File `"); ok {
				named, _, _ = strings.Cut(rest, "`")
			}
		}
	}
	return blocks
}

// script is a guide as one run of a shell: commands as they stand, and files written where the reader is at that moment. A file that
// the test gives itself, such as the one of accounts and secrets, is not written.
func script(blocks []block, given string) string {
	var b strings.Builder
	b.WriteString("set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n")
	for i, block := range blocks {
		switch block.file {
		case given:
		case "":
			b.WriteString(block.text)
		default:
			end := fmt.Sprintf("END_OF_BLOCK_%d", i)
			fmt.Fprintf(&b, "cat >'%s' <<'%s'\n%s%s\n", block.file, end, block.text, end)
		}
	}
	b.WriteString("echo followed >&3\nread -r goodbye || true\n")
	return b.String()
}

// follow runs a script with bash in a directory until its end is reached, and keeps what it started in the background until the test ends.
func (b *bed) follow(dir, text string, env []string) {
	b.t.Helper()
	file, logged := filepath.Join(b.dir, "guide.sh"), filepath.Join(b.dir, "guide.log")
	output, err := os.Create(logged)
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	said, saying, err := os.Pipe()
	if err != nil {
		b.t.Fatal(err)
	}
	command := exec.Command("bash", "-e", file)
	command.Dir, command.Env, command.Stdout, command.Stderr, command.ExtraFiles = dir, env, output, output, []*os.File{saying}
	goodbye, err := command.StdinPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	_ = saying.Close()
	tell := func() string {
		content, err := os.ReadFile(logged)
		if err != nil {
			return err.Error()
		}
		return string(content[max(0, len(content)-6000):])
	}
	b.t.Cleanup(func() {
		_, _ = io.WriteString(goodbye, "\n")
		if err := command.Wait(); err != nil && !b.t.Failed() {
			b.t.Errorf("the guide's shell ended with %v:\n%s", err, tell())
		}
		_ = output.Close()
		if b.t.Failed() {
			b.t.Logf("the guide's output ends:\n%s", tell())
		}
	})
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil || line != "followed\n" {
		b.t.Fatalf("the guide could not be followed to its end: %v", err)
	}
}

// reader is the environment of somebody who follows a guide: the programs on PATH, a CLI configuration that finds the provider in a
// mirror, and nothing of this machine's own.
func (b *bed) reader() []string {
	b.t.Helper()
	bin := b.mkdir("bin")
	for name, from := range map[string]string{"terraform": terraformProgram(b.t), "cosell-agent": filepath.Join(build(b.t), "cosell-agent")} {
		if err := os.Symlink(from, filepath.Join(bin, name)); err != nil {
			b.t.Fatal(err)
		}
	}
	provider, err := os.ReadFile(filepath.Join(build(b.t), "terraform-provider-cosell"))
	if err != nil {
		b.t.Fatal(err)
	}
	host := "registry.terraform.io"
	if version, err := exec.Command(terraformProgram(b.t), "version").Output(); err == nil && strings.HasPrefix(string(version), "OpenTofu") {
		host = "registry.opentofu.org"
	}
	at := b.mkdir(filepath.Join("mirror", host, "cosell-sync", "cosell", "0.0.1", runtime.GOOS+"_"+runtime.GOARCH))
	cli := filepath.Join(b.dir, "mirror.tfrc")
	content := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", filepath.Join(b.dir, "mirror"))
	if err := os.WriteFile(cli, []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at, "terraform-provider-cosell_v0.0.1"), provider, 0o700); err != nil {
		b.t.Fatal(err)
	}
	return []string{"HOME=" + b.mkdir("home"), "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "TF_CLI_CONFIG_FILE=" + cli, "TF_INPUT=0"}
}

// accounts writes the file that a guide names with the sandbox's values. Every variable in it must be one that the guide names, but
// for those of a sandbox, which has authorities and addresses of its own.
func (b *bed) accounts(dir, shown string) {
	b.t.Helper()
	given := b.sandbox.Env()
	for name, value := range map[string]string{
		"TF_VAR_webhook_url": "http://" + b.address + hookPath, "COSELL_AGENT_LISTEN": b.address,
		"TF_VAR_agent_salesforce_client_id": given["COSELL_AGENT_SALESFORCE_CLIENT_ID"], "TF_VAR_agent_salesforce_username": given["COSELL_AGENT_SALESFORCE_USERNAME"],
		"TF_VAR_agent_salesforce_private_key": "file:" + given["COSELL_AGENT_SALESFORCE_PRIVATE_KEY_FILE"],
	} {
		given[name] = value
	}
	var lines strings.Builder
	for line := range strings.Lines(shown) {
		name, _, _ := strings.Cut(line, "=")
		if given[name] == "" {
			b.t.Errorf("the guide names %s, which the sandbox does not have", name)
		}
		fmt.Fprintf(&lines, "%s='%s'\n", name, given[name])
	}
	for _, name := range []string{
		"COSELL_PARTNER_CENTER_AUTHORITY", "COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT", "COSELL_PARTNER_CENTER_EVENTS_ENDPOINT",
		"COSELL_AGENT_TRUST_BUNDLE", "COSELL_AGENT_CERTIFICATE_HOSTS",
	} {
		fmt.Fprintf(&lines, "%s='%s'\n", name, given[name])
	}
	if err := os.WriteFile(filepath.Join(dir, accountsFile), []byte(lines.String()), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

const accountsFile = "cosell.env"

func guide(t *testing.T, path string) []block {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return blocksOf(string(content))
}

// Somebody who has nothing, and somebody whose organisation was prepared by an older product, both get to a running agent by following
// one guide to the letter: a deal that Microsoft sends is an opportunity then.
func TestGuidesAreFollowed(t *testing.T) {
	t.Parallel()
	going := guide(t, "docs/guides/salesforce.md")
	at := slices.IndexFunc(going, func(b block) bool { return b.file == accountsFile })
	if at < 0 {
		t.Fatal("the guide has no file of accounts")
	}
	for name, row := range map[string]struct {
		page    string
		prepare func(*bed)
	}{
		"nothing":               {"docs/guides/salesforce.md", func(*bed) {}},
		"an older installation": {"docs/guides/adopt.md", func(b *bed) { b.olderDefinitions(b.administrator()) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBareBed(t, nil, nil)
			row.prepare(b)
			dir := b.mkdir("empty")
			b.accounts(dir, going[at].text)
			// The checkout beside which the guide works.
			if err := os.CopyFS(filepath.Join(dir, "terraform-provider-cosell", "examples", "salesforce"), os.DirFS(filepath.Join(root, "examples", "salesforce"))); err != nil {
				t.Fatal(err)
			}
			b.follow(dir, script(guide(t, row.page), accountsFile), b.reader())
			b.act("send_referral", map[string]string{"name": "First deal", "customer": "Fabrikam", "country": "NO", "value": "50000", "currency": "NOK"})
			b.until("the deal to arrive", func() []string {
				for _, row := range b.rowsByID("Opportunity") {
					if strings.Contains(text(row["Name"]), "First deal") {
						return differs(text(row["StageName"]), "Prospecting")
					}
				}
				return []string{"no opportunity"}
			})
		})
	}
}

// Somebody without any account gets from an empty directory to a deal that arrives by following the sandbox's guide to the letter.
func TestTheSandboxGuideIsFollowed(t *testing.T) {
	t.Parallel()
	b := newBareBed(t, nil, nil)
	dir := b.mkdir("empty")
	if err := os.CopyFS(filepath.Join(dir, "terraform-provider-cosell", "examples", "salesforce"), os.DirFS(filepath.Join(root, "examples", "salesforce"))); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(b.address, ":")
	b.follow(dir, script(guide(t, "docs/guides/sandbox.md"), ""), append(b.reader(), "PORT="+port))
}

// What the README shows without accounts works in an empty directory: the sandbox listens, and people can act in it.
func TestReadmeIsFollowed(t *testing.T) {
	t.Parallel()
	b := newBareBed(t, nil, nil)
	content, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(content), "### Try it without accounts")
	section, _, ended := strings.Cut(section, "\n## ")
	if blocks := blocksOf(section); !found || !ended || len(blocks) == 0 {
		t.Fatal("the README has no such section")
	} else {
		b.follow(b.mkdir("empty"), script(blocks, ""), b.reader())
	}
}
