package salesforce

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

// What a referral's notes say comes back from a note as it was, whatever characters are in it.
func TestNotesSurviveHTML(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words, err := deal.Normalize(deal.Notes, rapid.StringOf(rapid.SampledFrom([]rune("ab <>&\"'\n;&lt;p/é日"))).Draw(t, "words"))
		if err != nil {
			t.Skip(err)
		}
		if got := noteText(noteHTML(words)); got != words {
			t.Fatalf("%q became %q through %q", words, got, noteHTML(words))
		}
	})
}

// What people write in a note is read as its text.
func TestTextOfANote(t *testing.T) {
	for content, want := range map[string]string{
		"plain": "plain", "<p>one</p><p>two</p>": "one\ntwo", "<ul><li>a</li><li><b>b</b> &amp; c</li></ul>": "a\nb & c", "a<BR />b&nbsp;c": "a\nb c", "": "",
	} {
		if got := noteText(content); got != want {
			t.Errorf("%q is read as %q, want %q", content, got, want)
		}
	}
}
