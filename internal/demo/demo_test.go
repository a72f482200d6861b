package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFlatten(t *testing.T) {
	var object map[string]any
	decoder := json.NewDecoder(strings.NewReader(`{"id":"a","details":{"dealValue":250000.50,"notes":null,
		"requirements":{"solutions":[{"id":"SOL-1"},{"id":"SOL-2"}]}},"consent":{"shared":false}}`))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		t.Fatal(err)
	}
	flat := flatten(object)
	for field, want := range map[string]string{"id": "a", "details.dealValue": "250000.5", "details.notes": "", "consent.shared": "false",
		"details.requirements.solutions.length": "2", "details.requirements.solutions.1.id": "SOL-2"} {
		if flat[field] != want {
			t.Errorf("%s is %q, want %q", field, flat[field], want)
		}
	}
}

func TestPlainNumber(t *testing.T) {
	for number, want := range map[string]string{"250000": "250000", "250000.00": "250000", "2.5e5": "250000", "0.10": "0.1", "0": "0", "-3.50": "-3.5"} {
		if got := plainNumber(number); got != want {
			t.Errorf("plainNumber(%s) = %s, want %s", number, got, want)
		}
	}
}

func TestCompareSeesEveryDifference(t *testing.T) {
	r := record{"name": "Warehouse", "Audit__c": "Checked. The country (Atlantis) is not known.\nOlder line"}
	cases := []struct {
		fact fact
		want bool
	}{
		{is("name", "Warehouse"), true},
		{is("name", "warehouse"), false},
		{is("name", "Ware"), false},
		{is("absent", ""), true},
		{is("absent", "x"), false},
		{has("Audit__c", "atlantis"), true},
		{has("Audit__c", "solution"), false},
	}
	for _, c := range cases {
		compared, all := compare(r, []fact{is("name", "Warehouse"), c.fact})
		if all != c.want || compared[1].holds() != c.want {
			t.Errorf("%+v holds: %v, want %v", c.fact, all, c.want)
		}
	}
}

func TestFollowChange(t *testing.T) {
	output := `{"type":"version"}
{"type":"planned_change"}
{"type":"planned_change"}
{"type":"apply_complete"}
{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"Loopback","detail":"…"}}
{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Field is missing","detail":"Create it."}}
panic: not a message
`
	var planned int
	done, complaints := followChange(strings.NewReader(output), func(_, of int) { planned = of })
	if done != 1 || planned != 2 {
		t.Errorf("done %d of %d, want 1 of 2", done, planned)
	}
	if want := []string{"Field is missing: Create it.", "panic: not a message"}; !slices.Equal(complaints, want) {
		t.Errorf("complaints %q, want %q", complaints, want)
	}
}

func TestReadEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.env")
	if err := os.WriteFile(path, []byte("A='plain'\nB='it'\\''s = so'\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := readEnvironment(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(env) != 2 || env["A"] != "plain" || env["B"] != "it's = so" {
		t.Errorf("read %q", env)
	}
}
