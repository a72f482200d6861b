package match_test

import (
	"os"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
)

// leastRecall is the share of the corpus's equal pairs that are linked without a person. Some pairs in it are beyond rules
// (transcriptions, typing mistakes), so that the number is honest.
const leastRecall = 0.90

// TestCorpus: of the labelled pairs, none of two companies is linked by itself, with either choice of keys, and nearly all of
// one company are.
func TestCorpus(t *testing.T) {
	pairs := corpus(t)
	if len(pairs) < 300 {
		t.Fatalf("only %d pairs", len(pairs))
	}
	var same, linked, asked int
	for _, p := range pairs {
		decision := match.Decide(match.Customer{Name: p.left, PostalCode: "1000", Country: "BE"}, true,
			match.Found{Accounts: []match.Account{{ID: "1", Name: p.right, PostalCode: "1000", Country: "BE"}}})
		byName := match.Decide(match.Customer{Name: p.right}, false, match.Found{Accounts: []match.Account{{ID: "1", Name: p.left}}})
		if decision.Verdict != byName.Verdict {
			t.Errorf("%q, %q (%s): %v by name and postal code, %v by name the other way round", p.left, p.right, p.note, decision.Verdict, byName.Verdict)
		}
		if !p.same && decision.Verdict == match.One {
			t.Errorf("%q is linked to %q: %s", p.left, p.right, p.note)
		}
		if p.same {
			same++
			switch decision.Verdict {
			case match.One:
				linked++
			case match.Doubtful:
				asked++
			case match.None:
			}
			if decision.Verdict != match.One {
				t.Logf("not linked: %q, %q (%s)", p.left, p.right, p.note)
			}
		}
	}
	recall := float64(linked) / float64(same)
	t.Logf("%d pairs, %d of one company: %d linked (recall %.3f), %d put to a person, %d not seen", len(pairs), same, linked, recall, asked, same-linked-asked)
	if recall < leastRecall {
		t.Errorf("recall %.3f is below %.2f", recall, leastRecall)
	}
}

type pair struct {
	left, right, note string
	same              bool
}

func corpus(t testing.TB) []pair {
	t.Helper()
	text, err := os.ReadFile("testdata/names.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	pairs := make([]pair, 0, len(lines))
	for _, line := range lines[1:] {
		columns := strings.Split(line, "\t")
		if len(columns) != 4 || columns[2] != "yes" && columns[2] != "no" {
			t.Fatalf("bad line %q", line)
		}
		pairs = append(pairs, pair{columns[0], columns[1], columns[3], columns[2] == "yes"})
	}
	return pairs
}
