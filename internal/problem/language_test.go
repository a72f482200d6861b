package problem

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var placeholder = regexp.MustCompile(`\{\d\}`)

func placeholders(text string) []string {
	return slices.Sorted(slices.Values(placeholder.FindAllString(text, -1)))
}

// Every language says everything that English says: each code, phrase and label once, in sentences that end as its sentences end,
// with the same places for values, and with the names that users must type unchanged.
func TestEveryLanguageIsComplete(t *testing.T) {
	ends := map[Language]string{English: ".", German: ".", Italian: ".", Japanese: "。", Chinese: "。"}
	typed := regexp.MustCompile(`overwrite_existing|lead_status_name|referral_scope|intake = "poll"|outbound|ISO 3166|Sync with Partner Center`)
	for _, l := range Languages() {
		end := ends[l]
		sentence := func(what, text string) {
			first := []rune(text + "?")[0]
			if !strings.HasSuffix(text, end) || end == "." && !unicode.IsUpper(first) || strings.ContainsAny(text, "\n\t") || strings.Contains(text, "  ") {
				t.Errorf("%s, %s: not a sentence: %q", l, what, text)
			}
		}
		for _, e := range l.Catalogue() {
			original := byCode[e.Code]
			if text, ok := l.texts().entries[e.Code]; l != English && (!ok || text.cause == original.Cause || text.fix == original.Fix) {
				t.Errorf("%s: %s is not translated", l, e.Code)
			}
			sentence(string(e.Code), e.Cause)
			sentence(string(e.Code), e.Fix)
			if got, want := typed.FindAllString(e.Fix, -1), typed.FindAllString(original.Fix, -1); !slices.Equal(got, want) {
				t.Errorf("%s, %s: the fix names %q, not %q", l, e.Code, got, want)
			}
			if len(placeholders(e.Cause+e.Fix)) > 0 {
				t.Errorf("%s: %s has a place for a value", l, e.Code)
			}
		}
		for phrase, original := range english.phrases {
			text := l.texts().phrases[phrase]
			if text == "" || !slices.Equal(placeholders(text), placeholders(original)) {
				t.Errorf("%s: %s is %q, in English %q", l, phrase, text, original)
			}
			if strings.HasSuffix(original, ".") {
				sentence(string(phrase), text)
			} else if strings.HasSuffix(text, end) {
				t.Errorf("%s: %s is a sentence, in English it is none: %q", l, phrase, text)
			}
		}
		for field := range english.fields {
			if l.texts().fields[field] == "" {
				t.Errorf("%s: the field %s has no label", l, field)
			}
		}
		known := func(code Code) bool { _, ok := byCode[code]; return !ok }
		if unknown := slices.IndexFunc(slices.Collect(maps.Keys(l.texts().entries)), known); unknown >= 0 ||
			len(l.texts().phrases) != len(english.phrases) || len(l.texts().fields) != len(english.fields) {
			t.Errorf("%s says something that English does not say", l)
		}
	}
}

// A user's tag or the system's locale chooses the language; what the catalogue does not have is English.
func TestMatchLanguage(t *testing.T) {
	for tag, want := range map[string]Language{
		"": English, "C": English, "POSIX": English, "C.UTF-8": English, "en_GB.UTF-8": English, "fr_FR.UTF-8": English, "nonsense!": English,
		"de_AT.UTF-8": German, "de": German, "ja_JP.eucJP": Japanese, "zh_CN.UTF-8": Chinese, "zh": Chinese, "zh-Hans": Chinese, "zh_SG": Chinese, "it_IT@euro": Italian,
		"zh_TW.UTF-8": English,
	} {
		if got := MatchLanguage(tag); got != want {
			t.Errorf("%q gives %s, not %s", tag, got, want)
		}
	}
}

// A problem is told in a language with its values in their places; its error stays English.
func TestProblemInALanguage(t *testing.T) {
	p := Explain(BoundElsewhere, "opportunity 006A", Say(ReferralIsOf, "r1", "006B"))
	if got, want := German.Problem(p), "CS301 Opportunity 006A: Der Datensatz gehört schon zu einem anderen Geschäft. (die Empfehlung r1 gehört zum Datensatz 006B) "+
		"Leeren Sie die Kennung der Empfehlung in der Kopie, oder verknüpfen Sie die richtigen Datensätze."; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Language("").Problem(p); got != p.Error() || !strings.Contains(got, "belongs to record 006B") {
		t.Errorf("the error is %s", got)
	}
	if got := Japanese.Problem(Wrap(Unavailable, "the CRM", errors.New("503"))); got != "CS501 the CRM: リモートシステムが正しく応答しませんでした。（503）何もする必要はありません。もう一度試みます。" {
		t.Error(got)
	}
	chained := fmt.Errorf("start: %w", p)
	if got := Italian.Translate(chained.Error(), p); !strings.HasPrefix(got, "start: CS301 opportunità 006A: Il record") {
		t.Error(got)
	}
	if got := Chinese.Say(Say(StatusWithReason, StatusLost, "price")); got != "丢失：price" {
		t.Error(got)
	}
	if got := German.Fields([]string{"deal_value", "my_own", "solution SOL-1", "team member a@example.com"}); got != "Geschäftswert, my own, Lösung SOL-1, Teammitglied a@example.com" {
		t.Error(got)
	}
}
