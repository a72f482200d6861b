package problem

import (
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// Language is a language of the catalogue, as a BCP 47 tag; the empty one is English. Codes, logs and the store stay English:
// a language is for what people read in the CRM and on the command line.
type Language string

// The languages.
const (
	English  Language = "en"
	German   Language = "de"
	Japanese Language = "ja"
	Chinese  Language = "zh-Hans"
	Italian  Language = "it"
)

// texts is everything that is said in one language.
type texts struct {
	entries     map[Code]entryText
	phrases     map[Phrase]string
	fields      map[string]string
	space       string // between sentences
	comma       string // between the parts of a list
	open, close string // around a detail
}

type entryText struct{ cause, fix string }

var languages = map[Language]*texts{English: &english, German: &german, Japanese: &japanese, Chinese: &chinese, Italian: &italian}

// Languages lists the languages, English first.
func Languages() []Language { return []Language{English, German, Japanese, Chinese, Italian} }

// KnownLanguage reports whether the catalogue has a language; the empty one counts as English.
func KnownLanguage(tag string) bool { return tag == "" || slices.Contains(Languages(), Language(tag)) }

// MatchLanguage gives the language for a tag of the user's (de-AT) or a locale of the system (zh_CN.UTF-8): English for one
// that the catalogue does not have.
func MatchLanguage(tag string) Language {
	tag, _, _ = strings.Cut(tag, ".")
	tag, _, _ = strings.Cut(tag, "@")
	wanted, err := language.Parse(tag)
	if err != nil {
		return English
	}
	known := make([]language.Tag, 0, len(languages))
	for _, l := range Languages() {
		known = append(known, language.MustParse(string(l)))
	}
	if _, at, confidence := language.NewMatcher(known).Match(wanted); confidence >= language.High {
		return Languages()[at]
	}
	return English
}

func (l Language) texts() *texts {
	if t, ok := languages[l]; ok {
		return t
	}
	return &english
}

// Entry gives the catalogue's row of a code with its texts in the language.
func (l Language) Entry(code Code) (Entry, bool) {
	entry, ok := byCode[code]
	if text, translated := l.texts().entries[code]; translated {
		entry.Cause, entry.Fix = text.cause, text.fix
	}
	return entry, ok
}

// Catalogue lists all entries in the language, ordered by code.
func (l Language) Catalogue() []Entry {
	entries := Catalogue()
	for i, e := range entries {
		entries[i], _ = l.Entry(e.Code)
	}
	return entries
}

// Problem gives a problem's one line in the language: code, object, cause, detail, fix. What a remote system said stays as it is.
func (l Language) Problem(p *Problem) string {
	t := l.texts()
	entry, _ := l.Entry(p.Code)
	var b strings.Builder
	b.WriteString(string(p.Code))
	if p.Object != "" {
		b.WriteString(" " + l.object(p.Object))
	}
	b.WriteString(": " + entry.Cause)
	detail := p.Detail
	if p.Said.Phrase != "" {
		detail = l.Say(p.Said)
	}
	if detail != "" {
		b.WriteString(t.open + detail + t.close)
	}
	b.WriteString(t.space + entry.Fix)
	return b.String()
}

// object gives the noun before an id in the language.
func (l Language) object(object string) string {
	noun, id, found := strings.Cut(object, " ")
	if label, known := l.texts().phrases[Phrase(noun)]; found && known && (Phrase(noun) == Opportunity || Phrase(noun) == Referral) {
		return label + " " + id
	}
	return object
}

// Translate puts a problem's line within an error's text into the language; the rest of the text, which is for those who run the
// programs, stays English.
func (l Language) Translate(text string, p *Problem) string {
	return strings.Replace(text, p.Error(), l.Problem(p), 1)
}
