package match

import (
	"slices"
	"strings"
	"unicode"
)

// Likeness is how much two names are alike.
type Likeness int

const (
	// Different names belong to different companies, as far as anybody can tell.
	Different Likeness = iota
	// Similar names may be two spellings or two companies: they differ in the legal form, in accents, in a joining word, in the
	// place of the legal form where that makes another name.
	Similar
	// Equal names are one name, of which one side leaves out the legal form or the accents.
	Equal
	// Identical names differ in nothing but width, case, spaces, punctuation, and the long or short form of the same words.
	Identical
)

// Name is a company's name, taken apart.
type Name struct {
	whole  string   // everything, legal forms as written
	marked string   // without legal forms
	plain  string   // without legal forms and Latin diacritics
	key    string   // see Key
	forms  []string // legal forms
	front  bool     // a legal form stands first, where that makes another name
	word   bool     // the only legal form is a word of daily life too
}

// Key is equal for any two names that [Compare] does not call different. Names of different companies may share it.
func (n Name) Key() string { return n.key }

// Key is the key of a name as it is written, see [Name.Key].
func Key(name string) string { return ParseName(name).key }

// Words gives the significant words of a name, folded: without legal forms and joining words. They are what to search for, so
// that an apostrophe and a capital within a word (DataWorks) end a word here.
func Words(name string) []string {
	var spaced strings.Builder
	last := ' '
	for _, r := range apostrophes.Replace(name) {
		if unicode.IsLower(last) && unicode.IsUpper(r) {
			spaced.WriteByte(' ')
		}
		spaced.WriteRune(r)
		last = r
	}
	core, _ := cutForms(splitWords(spaced.String()))
	return significant(core)
}

var apostrophes = strings.NewReplacer("'", " ", "’", " ", "ʼ", " ", "‘", " ", "´", " ", "`", " ")

// ParseName takes a name apart.
func ParseName(text string) Name {
	words := splitWords(text)
	core, found := cutForms(words)
	licensed := found.joiners
	joined := join(words, licensed)
	n := Name{whole: glue(joined), forms: found.ids, front: found.front, word: found.word}
	joined = join(core, licensed)
	n.marked = glue(joined)
	n.plain = plain(n.marked)
	n.key = loose(core)
	if n.key == "" { // nothing but punctuation: it is what it is
		n.key = strings.Join(strings.Fields(fold(text)), " ")
		n.whole = n.key
	}
	return n
}

// Compare tells how much two names are alike. It is symmetric.
func Compare(a, b Name) Likeness {
	switch {
	case a.key != b.key || a.key == "":
		return Different
	case a.whole == b.whole, a.marked == b.marked && sameForms(a, b):
		return Identical
	case a.plain == b.plain && accentsAgree(a, b) && formsAgree(a, b):
		return Equal
	default:
		return Similar
	}
}

// accentsAgree: a name written without any accent can stand for one with. Two that both have accents, but other ones, cannot.
func accentsAgree(a, b Name) bool {
	return a.marked == b.marked || a.marked == a.plain || b.marked == b.plain
}

func sameForms(a, b Name) bool {
	return strings.Join(a.forms, " ") == strings.Join(b.forms, " ") && a.front == b.front
}

// formsAgree: a side may leave a legal form out, but two that differ are two companies.
func formsAgree(a, b Name) bool {
	if len(a.forms) > len(b.forms) {
		a, b = b, a
	}
	if len(a.forms) == 0 {
		return !b.word
	}
	return a.front == b.front && !slices.ContainsFunc(a.forms, func(form string) bool { return !slices.Contains(b.forms, form) })
}

// joining is the word for a sign that joins two names: Smith & Jones.
const joining = "&"

// joiners are the words that the sign stands for. Those that name something else in another language (plan E, vitamin A) are
// taken for it only where the legal form tells the language (see [form]).
var joiners = map[string]bool{
	"and": true, "und": true, "et": true, "og": true, "och": true, "és": true, "και": true,
	"e": false, "ed": false, "y": false, "i": false, "и": false, "a": false, "та": false, "en": false, "ja": false, "ve": false, "dan": false,
}

// splitWords gives the words of a text, folded, and the joining sign as a word of its own.
func splitWords(text string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	runes := []rune(abbreviated.Replace(letters(fold(text))))
	for i, r := range runes {
		switch {
		case r == '&', r == '+' && alone(runes, i):
			end()
			words = append(words, joining)
		case r == '\'' || r == '’' || r == 'ʼ' || r == '‘' || r == '׳' || r == '״' || r == '"' && inside(runes, i):
		case unicode.In(r, unicode.L, unicode.N, unicode.M) || unicode.In(r, unicode.So, unicode.Sc), strings.ContainsRune("+#@%", r):
			word.WriteRune(r)
		default:
			end()
		}
	}
	end()
	return words
}

func alone(runes []rune, i int) bool {
	return (i == 0 || unicode.IsSpace(runes[i-1])) && (i+1 == len(runes) || unicode.IsSpace(runes[i+1]))
}

// inside tells a Hebrew abbreviation's mark from a quotation mark.
func inside(runes []rune, i int) bool {
	return i > 0 && i+1 < len(runes) && unicode.Is(unicode.Hebrew, runes[i-1]) && unicode.Is(unicode.Hebrew, runes[i+1])
}

// join turns joining words between two other words into the sign.
func join(words []string, licensed string) []string {
	joined := make([]string, len(words))
	for i, word := range words {
		if always, known := joiners[word]; known && amidWords(words, i) && (always || strings.Contains(licensed, " "+word+" ")) {
			word = joining
		}
		joined[i] = word
	}
	return joined
}

// amidWords: between initials a letter is an initial.
func amidWords(words []string, i int) bool {
	return i > 0 && i+1 < len(words) && len([]rune(words[i-1])) > 1 && len([]rune(words[i+1])) > 1
}

// between stands where digits would otherwise run together: 3.5 is not 35.
const between = "·"

// glue writes words without spaces.
func glue(words []string) string {
	var b strings.Builder
	last := rune(0)
	for _, word := range words {
		runes := []rune(word)
		if unicode.IsDigit(last) && unicode.IsDigit(runes[0]) {
			b.WriteString(between)
		}
		b.WriteString(word)
		last = runes[len(runes)-1]
	}
	return b.String()
}

// transcriptions are ways to write a letter that is not on the keyboard, and characters that were reformed.
var transcriptions = strings.NewReplacer(
	"ae", "a", "oe", "o", "ue", "u", "aa", "a",
	"ー", "", "ァ", "ア", "ィ", "イ", "ゥ", "ウ", "ェ", "エ", "ォ", "オ", "ッ", "ツ", "ャ", "ヤ", "ュ", "ユ", "ョ", "ヨ", "ヵ", "カ", "ヶ", "ケ",
	"澤", "沢", "國", "国", "廣", "広", "濱", "浜", "濵", "浜", "邊", "辺", "邉", "辺", "齋", "斎", "齊", "斉", "學", "学", "會", "会", "實", "実", "櫻", "桜",
	"惠", "恵", "眞", "真", "壽", "寿", "龍", "竜", "瀧", "滝", "藏", "蔵", "德", "徳", "榮", "栄", "鐵", "鉄",
)

// loose gives the key: what remains of a name without joining words, a leading article, accents and their transcriptions.
func loose(core []string) string { return transcriptions.Replace(plain(glue(significant(core)))) }

func significant(core []string) []string {
	var kept []string
	for i, word := range core {
		if _, joins := joiners[word]; word == joining || joins && amidWords(core, i) || word == "the" && i == 0 && len(core) > 1 {
			continue
		}
		kept = append(kept, word)
	}
	if len(kept) == 0 {
		kept = core
	}
	return kept
}
