package problem

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"testing"
)

// The codes are a promise to users who search for them: this list only grows.
const knownCodes = "CS101 CS102 CS103 CS104 CS105 CS106 CS107 CS108 CS109 CS110 CS111 CS112 " +
	"CS201 CS202 CS203 CS204 CS205 CS206 CS207 CS208 CS209 CS210 CS211 CS212 CS213 CS214 CS215 CS216 CS217 CS218 CS219 CS220 CS221 CS301 CS302 CS303 CS304 CS305 CS306 CS307 " +
	"CS401 CS402 CS403 CS404 CS405 CS406 CS407 CS408 CS409 CS410 CS411 CS412 CS413 CS414 CS415 CS416 CS417 CS418 CS501 CS502 CS503 CS504 CS505 CS506 CS507 CS508"

func TestCatalogue(t *testing.T) {
	form := regexp.MustCompile(`^CS[1-9]\d\d$`)
	var codes []string
	for _, e := range Catalogue() {
		codes = append(codes, string(e.Code))
		if !form.MatchString(string(e.Code)) || e.Class.String() == "unclassified" {
			t.Errorf("%s: bad code or class", e.Code)
		}
		for _, sentence := range []string{e.Cause, e.Fix} {
			if !strings.HasSuffix(sentence, ".") || strings.ToUpper(sentence[:1]) != sentence[:1] {
				t.Errorf("%s: not a sentence: %q", e.Code, sentence)
			}
		}
	}
	if !sort.StringsAreSorted(codes) {
		t.Error("the catalogue is not ordered by code")
	}
	if got := strings.Join(codes, " "); got != knownCodes {
		t.Errorf("codes changed:\n got %s\nwant %s", got, knownCodes)
	}
}

type throttled struct{}

func (throttled) Error() string { return "slow down" }
func (throttled) Class() Class  { return NeedsPerson }

func TestClassAndIdentity(t *testing.T) {
	p := Wrap(ReferralRefused, "referral r1", errors.New("400 invalidRequest"))
	wrapped := fmt.Errorf("share: %w", p)
	if ClassOf(wrapped) != NeedsPerson || !errors.Is(wrapped, New(ReferralRefused, "", "")) || errors.Is(wrapped, New(Locked, "", "")) {
		t.Error("a wrapped problem is not recognised")
	}
	if ClassOf(fmt.Errorf("call: %w", throttled{})) != NeedsPerson || ClassOf(errors.New("anything")) != Later {
		t.Error("ClassOf does not fall back as promised")
	}
	for _, part := range []string{"CS201", "referral r1", "400 invalidRequest", p.Fix} {
		if !strings.Contains(p.Error(), part) {
			t.Errorf("%q lacks %q", p.Error(), part)
		}
	}
}
