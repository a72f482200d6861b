package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// answers runs deals accept, decline or close, and gives what it printed and its exit status.
func (b *bed) answers(arguments ...string) (string, int) {
	b.t.Helper()
	command := exec.Command(filepath.Join(build(b.t), "cosell-agent"), append([]string{"deals"}, append(arguments, "--config", b.documentFile())...)...)
	command.Env = b.env
	var output, problems bytes.Buffer
	command.Stdout, command.Stderr = &output, &problems
	var ended *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &ended) {
		b.t.Fatal(err)
	}
	return output.String() + problems.String(), command.ProcessState.ExitCode()
}

// expectStatus waits for a referral's status, substatus and reason.
func (b *bed) expectStatus(id, want string) {
	b.t.Helper()
	b.until("the referral to be "+want, func() []string {
		r, err := b.sandbox.PartnerCenter().Referral(id)
		if err != nil {
			return []string{err.Error()}
		}
		got := r.Status + "/" + r.Substatus
		if r.StatusReason != nil && *r.StatusReason != "" {
			got += " " + *r.StatusReason
		}
		return unlike(got, want)
	})
}

// Deals are accepted, declined and closed from the command line, by the opportunity's or the referral's id. The commands change
// the opportunity only; the agent carries the rest. What does not fit a deal's state is refused with words, and --dry-run writes
// nothing.
func TestDealsAreAnsweredFromTheCommandLine(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.start()
	accepted, declined := b.microsoftSends("To accept", 1), b.microsoftSends("To decline", 2)
	won := b.sellerShares("To win", 3)
	names := []string{"To accept", "To decline", "To win"}
	b.until("the deals to be equal", func() []string { return b.unequal(names) })
	b.rest()
	record := func(name string) string { return text(b.opportunities()[name][0]["Id"]) }

	mark := b.lastOperation()
	for _, refused := range []struct {
		arguments []string
		says      string
	}{
		{[]string{"close", record("To accept"), "--outcome", "won"}, "accept or decline it"},
		{[]string{"decline", record("To accept")}, "Not a customer"},
		{[]string{"accept", won}, "accepted already"},
		{[]string{"decline", won, "--reason", "Others"}, "--outcome lost"},
		{[]string{"accept", "006000000000000AAA"}, "there is no opportunity"},
		{[]string{"accept", "0b3a2f5e-6d1c-4a5e-9c47-2f6d8a1b7c90"}, "no opportunity of the organisation"},
		{[]string{"close", won, "--outcome", "won", "--reason", "Others"}, "leave it out"},
	} {
		if output, status := b.answers(refused.arguments...); status != 1 || !strings.Contains(output, refused.says) {
			t.Errorf("deals %v gave %d:\n%s", refused.arguments, status, output)
		}
	}
	output, status := b.answers("decline", declined, "--reason", "not a CUSTOMER", "--dry-run", "--json")
	var would struct {
		RecordID string `json:"record_id"`
		To       string `json:"to_stage"`
		Reason   string
		DryRun   bool `json:"dry_run"`
		Warnings []string
	}
	if err := json.NewDecoder(strings.NewReader(output)).Decode(&would); err != nil || status != 0 {
		t.Fatalf("exit status %d, %v\n%s", status, err, output)
	}
	if would.RecordID != record("To decline") || would.To != "Closed Lost" || would.Reason != "Not a customer" || !would.DryRun || len(would.Warnings) > 0 {
		t.Errorf("the decline would be %+v", would)
	}
	b.expectWrites(mark, map[string]int{})

	if output, status := b.answers("accept", record("To accept")); status != 0 {
		t.Fatalf("accept gave %d:\n%s", status, output)
	}
	if output, status := b.answers("decline", declined, "--reason", "Not a customer"); status != 0 || strings.Contains(output, "warning:") {
		t.Fatalf("decline gave %d:\n%s", status, output)
	}
	if output, status := b.answers("close", won, "--outcome", "won"); status != 0 {
		t.Fatalf("close gave %d:\n%s", status, output)
	}
	b.expectStatus(accepted, "Active/Accepted")
	b.expectStatus(declined, "Closed/Declined Not a customer")
	b.expectStatus(text(b.referrals()["To win"][0]["id"]), "Closed/Won")
	if output, status := b.answers("accept", declined); status != 1 || !strings.Contains(output, "declined") {
		t.Errorf("accepting a declined deal gave %d:\n%s", status, output)
	}

	b.until("the acceptance to be equal", func() []string { return b.unequal(names) })
	b.rest()
	if output, status := b.answers("close", accepted, "--outcome", "lost", "--reason", "The plant was sold"); status != 0 || !strings.Contains(output, "warning:") {
		t.Fatalf("closing for a reason of one's own gave %d:\n%s", status, output)
	}
	b.expectStatus(accepted, "Closed/Lost The plant was sold")
	b.stop()
}

// A reason that stands in no list arrives from Partner Center all the same.
func TestAnUnlistedReasonArrives(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.start()
	id := b.microsoftSends("Declined elsewhere", 1)
	b.until("the deal to be equal", func() []string { return b.unequal([]string{"Declined elsewhere"}) })
	b.act("decline_referral", map[string]string{"id": id, "reason": "We go another way"})
	b.expectField(text(b.opportunities()["Declined elsewhere"][0]["Id"]), "Close_Reason__c", "We go another way")
	b.stop()
}
