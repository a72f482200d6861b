package match

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// before maps signs that compatibility normalisation would turn into something else: trade marks into letters, accents that
// stand for an apostrophe into a space with a combining accent.
var before = strings.NewReplacer("™", "", "℠", "", "®", "", "©", "", "´", "'", "`", "'", "¨", "")

// fold writes a text in one width and one case: compatibility composition (full-width Latin, half-width katakana, circled
// and squared forms), full case folding, ASCII digits. Folding twice changes nothing.
func fold(text string) string {
	text = norm.NFKC.String(before.Replace(text))
	text = norm.NFKC.String(strings.ToLower(cases.Fold().String(norm.NFD.String(text)))) // Cherokee folds upwards
	return norm.NFC.String(before.Replace(strings.Map(digit, text)))
}

// digit gives the ASCII digit of a decimal digit, and drops what is invisible.
func digit(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return r
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
		return -1
	case unicode.Is(unicode.Nd, r):
		for value := range rune(10) { // decimal digits of a script are ten in a row, from 0 to 9
			if !unicode.Is(unicode.Nd, r-value-1) {
				return '0' + value
			}
		}
	}
	return r
}

// sameLetters are spellings of one letter that no two words differ by: keyboards and habits choose between them.
var sameLetters = strings.NewReplacer(
	"ё", "е", // Russian print leaves the dots out
	"ٱ", "ا", "ـ", "", // an Arabic alef that only pointed text has; the stretching stroke
	"ی", "ي", "ى", "ي", "ک", "ك", // Persian and Arabic keyboards
	"髙", "高", "﨑", "崎", "栁", "柳", "𠮷", "吉", // forms of one character that registers and fonts choose between
	"ı", "i", // what case folding does to the Turkish letters, and what foreign systems do
)

// letters folds what is one letter in every language that uses it: [sameLetters], Greek accents (capitals go without), the
// vowel points of Arabic and Hebrew, and the hamza that many writers leave out.
func letters(folded string) string {
	return sameLetters.Replace(stripMarks(folded, unicode.Greek, unicode.Arabic, unicode.Hebrew))
}

// latinLetters are Latin letters that have no decomposition, as people write them without their keys.
var latinLetters = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "æ", "ae", "œ", "oe", "ŋ", "n", "ħ", "h")

// plain takes the diacritics off Latin letters.
func plain(folded string) string { return latinLetters.Replace(stripMarks(folded, unicode.Latin)) }

// stripMarks takes combining marks off the letters of some scripts. In others a mark is a letter's half: й, が, पी.
func stripMarks(text string, scripts ...*unicode.RangeTable) string {
	var b strings.Builder
	strip := false
	for _, r := range norm.NFD.String(text) {
		if !unicode.Is(unicode.Mn, r) {
			strip = unicode.In(r, scripts...)
		} else if strip {
			continue
		}
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String())
}
