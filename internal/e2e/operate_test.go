package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// operates runs a command of the agent's on its store, and gives what it printed and its exit status. The JSON is read into a value.
func (b *bed) operates(into any, arguments ...string) (string, int) {
	b.t.Helper()
	command := exec.Command(filepath.Join(build(b.t), "cosell-agent"), append(arguments, "--store", "sqlite:"+b.databaseFile(), "--json")...)
	command.Env = b.env
	var output, problems bytes.Buffer
	command.Stdout, command.Stderr = &output, &problems
	var ended *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &ended) {
		b.t.Fatal(err)
	}
	if code := command.ProcessState.ExitCode(); code != 0 || into == nil {
		return problems.String(), code
	}
	if err := json.Unmarshal(output.Bytes(), into); err != nil {
		b.t.Fatalf("%v printed %s: %v", arguments, output.String(), err)
	}
	return problems.String(), 0
}

func (b *bed) must(into any, arguments ...string) {
	b.t.Helper()
	if said, code := b.operates(into, arguments...); code != 0 {
		b.t.Fatalf("%v ended with %d: %s", arguments, code, said)
	}
}

// status is what the test looks at of status --json.
type status struct {
	Running   bool
	Connected bool
	SHA256    string
	Paused    *struct{ By, Reason string }
	Counts    struct{ Parked, Linked, Stopped int }
	Problems  []struct{ Code, Fix string }
	Backfill  *struct {
		Ended    string
		Findings map[string]int
	}
}

// An operator looks at an agent that runs, pauses and resumes it, takes a deal out, replays what was parked, reloads the document
// and lets it link what exists; the same commands act on the store while no agent runs.
func TestOperatorsAct(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.start()
	var s status
	b.until("the agent to run", func() []string {
		if said, code := b.operates(&s, "status"); code != 0 || !s.Connected {
			return []string{said}
		}
		return nil
	})
	if declared := strings.TrimSpace(string(b.terraform("output", "-raw", "agent_config_sha256"))); s.SHA256 != declared {
		t.Errorf("the document in force is %s, Terraform declares %s", s.SHA256, declared)
	}

	b.must(&s, "pause", "--reason", "maintenance", "--by", "ada")
	mark := b.lastOperation()
	first := b.sellerShares("First deal", 1)
	b.microsoftSends("Second deal", 2)
	b.must(&s, "status")
	if s.Paused == nil || s.Paused.By != "ada" || s.Paused.Reason != "maintenance" {
		t.Errorf("paused: %+v", s.Paused)
	}
	b.stop()
	b.start() // the pause outlives the process
	b.until("the agent to be back", func() []string {
		if said, code := b.operates(&s, "status"); code != 0 || !s.Connected {
			return []string{said}
		}
		return nil
	})
	if writes := b.agentsWrites(mark); len(writes) > 0 {
		t.Errorf("a paused agent wrote %v", writes)
	}
	b.must(&s, "resume")
	b.until("the deals to be equal", func() []string { return b.unequal([]string{"First deal", "Second deal"}) })

	var deal struct{ State string }
	b.must(&deal, "deals", "park", first, "--reason", "contract review")
	if deal.State != "stopped" {
		t.Errorf("parked deal: %+v", deal)
	}
	b.act("edit_opportunity", map[string]string{"id": first, "description": "edited while it was stopped"})
	b.rest()
	if got := text(b.referrals()["First deal"][0]["details"].(map[string]any)["notes"]); got == "edited while it was stopped" {
		t.Error("a stopped deal was carried on")
	}
	if said, code := b.operates(nil, "deals", "retry", first); code != 1 || !strings.Contains(said, "resume") {
		t.Errorf("retrying a stopped deal ended with %d: %s", code, said)
	}
	b.must(&deal, "deals", "resume", first)
	b.until("the edit to be equal", func() []string { return b.unequal([]string{"First deal"}) })

	var ids []string
	for i := range 3 {
		parameters := map[string]string{"name": fmt.Sprint("Bare deal ", i), "account": "Fabrikam", "country": "Norway", "amount": "5", "Sync_with_Partner_Center__c": "true"}
		ids = append(ids, b.act("create_opportunity", parameters))
	}
	b.until("the bare deals to be parked", func() []string {
		if b.must(&s, "status"); s.Counts.Parked != len(ids) {
			return []string{fmt.Sprint(s.Counts)}
		}
		return nil
	})
	if len(s.Problems) == 0 || s.Problems[0].Fix == "" {
		t.Errorf("problems %+v", s.Problems)
	}
	var replayed struct{ Deals int }
	if b.must(&replayed, "replay", "--code", s.Problems[0].Code, "--dry-run"); replayed.Deals != len(ids) {
		t.Errorf("replay --dry-run: %+v", replayed)
	}
	if b.must(&replayed, "replay"); replayed.Deals != len(ids) {
		t.Errorf("replay: %+v", replayed)
	}
	b.must(&s, "reload")

	var survey struct{ Findings map[string]int }
	b.must(&survey, "backfill", "--dry-run", "--config", b.documentFile())
	if survey.Findings["linked"] != 2 || survey.Findings["create_referral"] != len(ids) {
		t.Errorf("backfill --dry-run: %v", survey.Findings)
	}
	b.rest()
	mark = b.lastOperation()
	b.must(&s, "backfill", "--by", "ada")
	if s.Backfill == nil || s.Backfill.Ended == "" || s.Backfill.Findings["linked"] != 2 {
		t.Errorf("backfill: %+v", s.Backfill)
	}
	b.expectWrites(mark, map[string]int{})

	b.stop()
	b.must(&s, "pause", "--by", "bob")
	if s.Running || s.Paused == nil || s.Counts.Linked != 2 {
		t.Errorf("status of the store: %+v", s)
	}
	b.must(&s, "resume")
	if said, code := b.operates(nil, "reload"); code != 1 || !strings.Contains(said, "no agent runs") {
		t.Errorf("reload without an agent ended with %d: %s", code, said)
	}
}

// A backfill of what exists before the first start links what names each other, shares what sellers want shared, and leaves to a
// person what only looks alike.
func TestLooksAlikeIsLeftToAPerson(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	mark := b.lastOperation()
	b.act("portal_create", map[string]string{"kind": "private", "name": "Look-alike", "value": "77", "currency": "USD", "close_date": "2027-06-30",
		"customer": "Contoso 1", "address_line1": "2 Main St", "city": "Bergen", "postal_code": "5003", "country": "NO", "notes": "n"})
	twin := b.act("create_opportunity", map[string]string{"name": "Look-alike", "account": "Contoso 1", "country": "Norway", "amount": "77"})
	var survey struct {
		Findings map[string]int
		Person   []struct {
			Verdict    string
			Candidates []string
		} `json:"for_a_person"`
	}
	b.must(&survey, "backfill", "--dry-run", "--config", b.documentFile())
	if survey.Findings["candidates"] != 1 || len(survey.Person) != 1 || len(survey.Person[0].Candidates) != 1 || survey.Person[0].Candidates[0] != twin {
		t.Errorf("backfill --dry-run: %+v", survey)
	}
	if wrote := b.agentsWrites(mark); len(wrote) > 0 {
		t.Errorf("a dry run wrote %v", wrote)
	}
}
