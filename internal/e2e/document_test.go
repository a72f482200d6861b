package e2e_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A flow that is off holds what it would do; switched on by an apply and a SIGHUP, it happens. A document that cannot be used
// leaves the last good one in force.
func TestFlowsHoldAndRelease(t *testing.T) {
	t.Parallel()
	off := `["create_referral","crm_to_partner_center","opportunity_to_partner_center","solutions_to_partner_center"]`
	b := newBed(t, map[string]string{"disabled_flows": off})
	b.start()
	b.sellerShares("Held", 1)
	b.microsoftSends("Received", 2)
	b.until("the inbound deal", func() []string { return b.unequal([]string{"Received"}) })
	if referrals := b.referrals()["Held"]; len(referrals) != 0 {
		t.Fatalf("a flow that is off shared the deal: %v", referrals)
	}
	if err := os.WriteFile(b.documentFile(), []byte(`{"version":99}`), 0o600); err != nil {
		t.Fatal(err)
	}
	b.hangup("cannot be used")
	b.env = append(b.env, "TF_VAR_disabled_flows=[]")
	b.terraform("apply", "-auto-approve", "-input=false", "-no-color")
	b.writeDocument()
	b.hangup("took up the new document")
	b.until("the held deal", func() []string { return b.unequal([]string{"Held", "Received"}) })
	b.stop()
}

// With shadow writes, what would be sent to Partner Center is computed, shown while the agent runs, and not sent.
func TestShadowWritesAreShown(t *testing.T) {
	t.Parallel()
	b := newBed(t, map[string]string{"partner_center_writes": "shadow"})
	b.start()
	id := b.sellerShares("Held", 1)
	received := b.microsoftSends("Received", 2)
	b.until("the inbound deal", func() []string { return b.unequal([]string{"Received"}) })
	b.rest() // rows show before the sandbox has noted who made them
	b.act("edit_opportunity", map[string]string{"id": text(b.opportunities()["Received"][0]["Id"]), "stage": "Qualification", "amount": "4711"})
	mark := b.lastOperation()
	b.expectShown(id, "waits for partner_center_writes = shadow", "create referral", `"externalReferenceId":"`+id+`"`, "SOL-10001-AAA")
	b.expectShown(received, "waits for partner_center_writes = shadow", "patch referral", "/substatus", "Accepted", "4711")
	if listed := b.deals("list", "--problems"); !strings.Contains(listed, id) || !strings.Contains(listed, received) {
		t.Errorf("the deals that wait are listed as\n%s", listed)
	}
	b.expectWrites(mark, map[string]int{})
	b.stop()
}

// expectShown waits for the agent's store to tell of a deal what the parts say.
func (b *bed) expectShown(id string, parts ...string) {
	b.t.Helper()
	b.until("the deal to be shown", func() []string {
		var missing []string
		shown := b.deals("show", id)
		for _, part := range parts {
			if !strings.Contains(shown, part) {
				missing = append(missing, part+" in\n"+shown)
			}
		}
		return missing
	})
}

// deals looks at the agent's store while the agent runs.
func (b *bed) deals(arguments ...string) string {
	b.t.Helper()
	command := exec.Command(filepath.Join(build(b.t), "cosell-agent"), append([]string{"deals"}, append(arguments, "--store", "sqlite:"+b.databaseFile())...)...)
	output, err := command.CombinedOutput()
	if err != nil && !bytes.Contains(output, []byte("no deal")) {
		b.t.Fatalf("deals %v: %v\n%s", arguments, err, output)
	}
	return string(output)
}

// hangup makes the agent read its document again and waits until it says what came of it.
func (b *bed) hangup(said string) {
	b.t.Helper()
	if err := b.agent.Process.Signal(syscall.SIGHUP); err != nil {
		b.t.Fatal(err)
	}
	b.untilSaid(said)
}

// untilSaid waits for the agent's log to hold a text. An agent that has nothing to do calls nobody, so nothing but its log tells.
func (b *bed) untilSaid(said string) {
	b.t.Helper()
	const look = 20 * time.Millisecond
	late := time.After(*patience)
	for {
		content, err := os.ReadFile(b.log.Name())
		if err != nil {
			b.t.Fatal(err)
		}
		if bytes.Contains(content, []byte(said)) {
			return
		}
		select {
		case <-late:
			b.t.Fatalf("waited %s for the agent to say %q\n%s", *patience, said, b.tail())
		case <-time.After(look):
		}
	}
}

// What cannot be used is said before anything is written, with an exit status of its own.
func TestUnusableDocuments(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	good, err := os.ReadFile(b.documentFile())
	if err != nil {
		t.Fatal(err)
	}
	org := b.sandbox.Env()["COSELL_SALESFORCE_ORG_ID"]
	cases := map[string]struct {
		document string
		code     string
	}{
		"another organisation": {strings.Replace(string(good), `"org_id":"`+org, `"org_id":"00D000000000001AAA`, 1), "CS403"},
		"a missing stage":      {strings.Replace(string(good), `"on_hold":"Prospecting"`, `"on_hold":"Waiting for Microsoft"`, 1), "CS405"},
		"a missing field":      {strings.Replace(string(good), `"audit":"Audit__c"`, `"audit":"Protocol__c"`, 1), "CS404"},
		"a missing secret":     {strings.Replace(string(good), `env:COSELL_PARTNER_CENTER_REFRESH_TOKEN`, `env:COSELL_UNSET`, 1), "CS407"},
		"a newer version":      {strings.Replace(string(good), `"version":1`, `"version":2`, 1), "CS401"},
		"an unknown field":     {strings.Replace(string(good), `"version":1`, `"colour":"blue","version":1`, 1), "CS402"},
	}
	mark := b.lastOperation()
	for name, c := range cases {
		if c.document == string(good) {
			t.Fatalf("%s: the document was not changed", name)
		}
		b.expectRefused(name, c.document, c.code)
	}
	if writes := b.agentsWrites(mark); len(writes) > 0 {
		t.Errorf("the agent wrote %v all the same", writes)
	}
}

// expectRefused starts an agent with a document that it must refuse.
func (b *bed) expectRefused(name, document, code string) {
	b.t.Helper()
	file := filepath.Join(b.dir, "bad.json")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		b.t.Fatal(err)
	}
	command := exec.Command(filepath.Join(build(b.t), "cosell-agent"), "run", "--config", file, "--store", "sqlite:"+filepath.Join(b.dir, "bad.db"), "--listen", b.address)
	command.Env = b.env
	output, err := command.CombinedOutput()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 3 || !strings.Contains(string(output), code) {
		b.t.Errorf("%s: want exit status 3 and %s, got %v\n%s", name, code, err, output)
	}
}

// The small commands answer people and machines.
func TestCommands(t *testing.T) {
	t.Parallel()
	run := func(status int, arguments ...string) string {
		t.Helper()
		command := exec.Command(filepath.Join(build(t), "cosell-agent"), arguments...)
		command.Env = append(os.Environ(), "COSELL_AGENT_LANGUAGE=en")
		output, err := command.CombinedOutput()
		var ended *exec.ExitError
		switch {
		case status == 0 && err != nil, status != 0 && (!errors.As(err, &ended) || ended.ExitCode() != status):
			t.Errorf("cosell-agent %v: want exit status %d, got %v\n%s", arguments, status, err, output)
		}
		return string(output)
	}
	golden := filepath.Join(root, "internal", "document", "testdata", "document.json")
	for _, c := range []struct {
		arguments []string
		status    int
		says      string
	}{
		{[]string{"--help"}, 0, "terraform output -raw agent_config"},
		{[]string{"run", "--help"}, 0, "COSELL_AGENT_STORE"},
		{[]string{"version"}, 0, "cosell-agent"},
		{[]string{"schema"}, 0, "$schema"},
		{[]string{"check", "--config", golden}, 0, "connector fabrikam-production"},
		{[]string{"check", "--config", golden, "--json"}, 0, `"sha256"`},
		{[]string{"check", "--config", "/nonexistent"}, 3, "CS402"},
		{[]string{"check"}, 2, "--config"},
		{[]string{"walk"}, 2, "walk"},
		{[]string{"problems", "cs102"}, 0, "two-letter"},
		{[]string{"problems", "--json"}, 0, `"class": "needs a person"`},
		{[]string{"problems", "CS999"}, 1, "lists all"},
		{[]string{"sandbox", "acts"}, 0, "send_referral"},
		{[]string{"sandbox", "act", "send_referral", "--url", "http://127.0.0.1:1"}, 1, "is the sandbox running?"},
		{[]string{"run", "--config", golden, "--lease", "10s"}, 1, "--lease"},
	} {
		if output := run(c.status, c.arguments...); !strings.Contains(output, c.says) {
			t.Errorf("cosell-agent %v says nothing of %q:\n%s", c.arguments, c.says, output)
		}
	}
}
