// Package country turns what people write as a country into ISO 3166 codes, and back.
package country

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"
)

// Code turns what an account's country field holds — a two- or three-letter or a three-digit ISO 3166 code, or the
// country's name in one of many languages — into the two-letter code that Partner Center demands. Width, case, accents and
// punctuation make no difference. ok is false when the text is none of these, or means several countries.
func Code(text string) (code string, ok bool) {
	folded := fold(text)
	if (len(folded) == 2 || len(folded) == 3) && isASCII(folded) {
		if alias, found := aliases[folded]; found {
			return alias, true
		}
		if code, ok = codeOf(folded); ok {
			if isWordForAnother(text, folded, code) {
				return "", false
			}
			return code, true
		}
	}
	names := countriesByName()
	if code, ok = names.spelled[folded]; !ok {
		code = names.plain[withoutMarks(folded)]
	}
	return code, code != ""
}

// isWordForAnother: a code is a code in capitals. NGA is Nigeria; Nga is Vietnamese for Russia, and may be either.
func isWordForAnother(text, folded, code string) bool {
	if text == strings.ToUpper(text) || len(folded) == 2 {
		return false
	}
	other := countriesByName().spelled[folded]
	return other != "" && other != code
}

// Name gives the name of a country, by its two-letter code, in a language ("it", "pt-BR", "zh-TW"), for fields that
// hold names. ok is false when the code is not one or the language is not one of those that [Code] reads.
func Name(code, tongue string) (name string, ok bool) {
	code, ok = codeOf(strings.ToLower(code))
	tag, err := language.Parse(tongue)
	if !ok || err != nil {
		return "", false
	}
	base, _ := tag.Base()
	if base.String() == "nb" {
		tag, base = norwegian, norwegianBase
	}
	for _, known := range languages {
		if known, _, _ := strings.Cut(known, "-"); known == base.String() {
			return display.Regions(tag).Name(language.MustParseRegion(code)), true
		}
	}
	return "", false
}

// norwegian is the tag under which the tables keep Bokmål; under nb they answer in Danish.
var (
	norwegian        = language.MustParse("no")
	norwegianBase, _ = norwegian.Base()
)

// languages are the languages that country names are read in; "no" is Bokmål.
var languages = strings.Fields("en ja zh zh-Hant zh-Hant-HK ko it de de-AT de-CH fr fr-CA es es-MX pt pt-PT nl no nn da sv fi is " +
	"pl ru uk cs sk hu ro bg hr sr sl el tr ar he fa hi th vi id ms et lv lt ca")

// notCountries are codes that the tables know but ISO 3166-1 does not assign: withdrawn (AN, CS, NT, SU, YU, FQ, PC), reserved
// for parts of countries and for unions. Kosovo's XK is not assigned either, but in use where a code is needed.
var notCountries = set("AC AN CP CQ CS DG EA EU EZ FQ FX IC NT PC SU TA UN YU ZZ")

func set(words string) map[string]bool {
	members := map[string]bool{}
	for _, word := range strings.Fields(words) {
		members[word] = true
	}
	return members
}

// codeOf gives the alpha-2 code of a folded ISO 3166 code.
func codeOf(folded string) (string, bool) {
	region, err := language.ParseRegion(folded)
	if err != nil || !region.IsCountry() {
		return "", false
	}
	code := region.Canonicalize().String()
	if len(code) != 2 || notCountries[code] || notCountries[region.String()] {
		return "", false
	}
	return code, true
}

// aliases are names that the Unicode tables lack: abbreviations and long forms in daily use, and the names of countries that
// changed theirs since. What means two countries (Congo) is not here.
var aliases = map[string]string{
	// English.
	"uk": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB",
	"united states of america": "US", "the united states": "US", "america": "US",
	"korea": "KR", "republic of korea": "KR", "korea republic of": "KR", "south korea": "KR", "czech republic": "CZ", "holland": "NL",
	"the netherlands": "NL", "russian federation": "RU", "viet nam": "VN", "hong kong": "HK", "macau": "MO", "macao": "MO",
	"ivory coast": "CI", "uae": "AE", "people's republic of china": "CN", "turkey": "TR", "turkiye": "TR", "türkiye": "TR",
	"swaziland": "SZ", "eswatini": "SZ", "macedonia": "MK", "north macedonia": "MK", "cabo verde": "CV", "burma": "MM",
	"brunei darussalam": "BN", "east timor": "TL", "syrian arab republic": "SY", "democratic republic of the congo": "CD",
	"republic of the congo": "CG", "taiwan province of china": "TW", "iran islamic republic of": "IR",
	// Japanese: the short names of the press, official names, reformed ones.
	"米国": "US", "アメリカ": "US", "英国": "GB", "大韓民国": "KR", "中華人民共和国": "CN", "香港": "HK", "マカオ": "MO", "日本国": "JP",
	"エスワティニ": "SZ", "北マケドニア": "MK", "独国": "DE", "仏国": "FR", "台灣": "TW",
	// Chinese: without the words for special administrative region, official names, other usage in Taiwan and Hong Kong.
	"澳门": "MO", "澳門": "MO", "中华人民共和国": "CN", "美利坚合众国": "US", "大韩民国": "KR", "南韩": "KR", "韓國": "KR", "北马其顿": "MK", "北馬其頓": "MK", "臺灣": "TW",
	// Korean: the short name of the country itself.
	"한국": "KR", "남한": "KR", "중화인민공화국": "CN", "에스와티니": "SZ", "북마케도니아": "MK", "튀르키예": "TR",
	// Italian, German, French, Spanish, Portuguese, Dutch.
	"stati uniti d'america": "US", "gran bretagna": "GB", "inghilterra": "GB", "olanda": "NL", "repubblica ceca": "CZ", "corea": "KR",
	"vereinigte staaten von amerika": "US", "großbritannien": "GB", "grossbritannien": "GB", "tschechische republik": "CZ", "hongkong": "HK", "moldau": "MD",
	"republik korea": "KR", "nordmazedonien": "MK", "elfenbeinküste": "CI", "brd": "DE", "bundesrepublik deutschland": "DE",
	"états-unis d'amérique": "US", "grande-bretagne": "GB", "république tchèque": "CZ", "macédoine du nord": "MK", "hollande": "NL",
	"estados unidos de américa": "US", "ee uu": "US", "eeuu": "US", "gran bretaña": "GB", "república checa": "CZ", "holanda": "NL", "macedonia del norte": "MK",
	"costa de marfil": "CI", "esuatini": "SZ",
	"eua": "US", "estados unidos da américa": "US", "grã-bretanha": "GB", "países baixos": "NL", "macedônia do norte": "MK", "macedónia do norte": "MK",
	"verenigde staten van amerika": "US", "groot-brittannië": "GB", "noord-macedonië": "MK", "macedonia del nord": "MK",
	// Nordic.
	"amerikas förenta stater": "US", "förenta staterna": "US", "amerikas forente stater": "US", "nordmakedonien": "MK", "nord-makedonia": "MK",
	"pohjois-makedonia": "MK", "iso britannia": "GB", "englanti": "GB", "nederländerna": "NL",
	// Polish and Russian.
	"stany zjednoczone ameryki": "US", "macedonia północna": "MK", "republika czeska": "CZ", "niderlandy": "NL",
	"сша": "US", "соединенные штаты америки": "US", "российская федерация": "RU", "южная корея": "KR", "белоруссия": "BY", "голландия": "NL",
	"объединенные арабские эмираты": "AE", "северная македония": "MK", "эсватини": "SZ", "кыргызстан": "KG", "англия": "GB",
}

// severalCountries are names that some table gives to one country, and daily use to two.
var severalCountries = []string{"congo", "kongo", "конго", "コンゴ", "刚果", "剛果", "콩고", "kongó"}

// nameTable finds a country by its folded name, as it is spelled and without accents. A name of several countries has no code.
type nameTable struct {
	spelled, plain map[string]string
}

// countriesByName is made when it is first asked for: it takes about a tenth of a second, and some megabytes to keep.
var countriesByName = sync.OnceValue(makeCountryTables)

func makeCountryTables() nameTable {
	table, shortened := nameTable{map[string]string{}, map[string]string{}}, nameTable{map[string]string{}, map[string]string{}}
	seen := map[string]string{}
	for _, tongue := range languages {
		namer := display.Regions(language.MustParse(tongue))
		for first := 'a'; first <= 'z'; first++ {
			for second := 'a'; second <= 'z'; second++ {
				written := string(first) + string(second)
				if code, ok := codeOf(written); ok && strings.EqualFold(code, written) {
					name := namer.Name(language.MustParseRegion(code))
					if seen[name] == code {
						continue // most languages share most names
					}
					seen[name] = code
					table.add(name, code)
					if short := withoutBrackets(name); short != name {
						shortened.add(short, code)
					}
				}
			}
		}
	}
	for name, code := range aliases {
		table.add(name, code)
	}
	for _, name := range severalCountries {
		table.add(name, "")
	}
	table.addMissing(shortened)
	return table
}

func (t nameTable) add(name, code string) {
	folded := fold(name)
	enter(t.spelled, folded, code)
	enter(t.plain, withoutMarks(folded), code)
}

// addMissing enters names that are not there yet.
func (t nameTable) addMissing(more nameTable) {
	for name, code := range more.spelled {
		if _, known := t.spelled[name]; !known {
			t.spelled[name] = code
		}
	}
	for name, code := range more.plain {
		if _, known := t.plain[name]; !known {
			t.plain[name] = code
		}
	}
}

// withoutBrackets gives a name without what it says in brackets: Myanmar (Burma).
func withoutBrackets(name string) string {
	before, rest, found := strings.Cut(norm.NFKC.String(name), "(")
	if !found {
		return name
	}
	_, after, _ := strings.Cut(rest, ")")
	return before + after
}

func enter(names map[string]string, name, code string) {
	if other, known := names[name]; known && other != code {
		code = ""
	}
	if name != "" {
		names[name] = code
	}
}

var punctuation = strings.NewReplacer("&", " and ", ".", "", "’", "", "'", "", "ʼ", "", "`", "", "-", " ", "–", " ", "—", " ", "‐", " ", "−", " ", ",", " ", "(", " ", ")", " ",
	"·", " ", "・", " ", "、", " ", "\"", " ", "/", " ")

// fold writes a name in one width and case, without punctuation. Scripts that know no spaces are written without.
func fold(text string) string {
	text = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(text)))
	words := strings.Fields(punctuation.Replace(text))
	for i, word := range words {
		if word == "st" {
			words[i] = "saint"
		}
	}
	gap := " "
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }) {
		gap = ""
	}
	return strings.Join(words, gap)
}

func withoutMarks(folded string) string {
	if isASCII(folded) {
		return folded
	}
	return norm.NFC.String(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r == 'ı':
			return 'i'
		case r == 'ø':
			return 'o'
		case r == 'ł':
			return 'l'
		default:
			return r
		}
	}, norm.NFD.String(folded)))
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}
