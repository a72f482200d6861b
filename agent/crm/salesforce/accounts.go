package salesforce

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// mostAccounts bounds the look for accounts: half of what one answer of a query holds.
const mostAccounts = 1000

// FindAccounts implements [crm.CRM] with one query: accounts of the very name, of the customer's postal code however it is
// written, and of names that hold the significant words of the name. What is too much is asked for once more without the
// postal code, which in a town centre many accounts share.
func (o *Org) FindAccounts(ctx context.Context, customer match.Customer) (match.Found, error) {
	conditions := o.accountConditions(customer)
	found, err := o.findAccounts(ctx, conditions)
	if names := nameConditions(customer.Name); err == nil && found.Cut && len(conditions) > len(names) {
		found, err = o.findAccounts(ctx, names)
	}
	if err != nil {
		return match.Found{}, fmt.Errorf("look for the account %q: %w", customer.Name, err)
	}
	return found, nil
}

func (o *Org) findAccounts(ctx context.Context, anyOf []string) (match.Found, error) {
	country := o.countryField()
	rows, err := fetch(ctx, nil, anyOf, func() ([]row, error) { return o.shared().accounts.Do(ctx, search{anyOf}) })
	if err != nil {
		return match.Found{}, err
	}
	found := match.Found{Cut: len(rows) > mostAccounts}
	for _, row := range rows {
		code, _ := deal.CountryCode(text(at(row, country)))
		found.Accounts = append(found.Accounts, match.Account{
			ID: text(row["Id"]), Name: text(row["Name"]), PostalCode: text(at(row, o.names.PostalCode)), Country: code,
		})
	}
	slices.SortFunc(found.Accounts, func(a, b match.Account) int { return strings.Compare(a.ID, b.ID) }) // the same words each time
	return found, nil
}

// accountConditions select the accounts that may be a customer's.
func (o *Org) accountConditions(customer match.Customer) []string {
	return slices.Concat(nameConditions(customer.Name), o.placeConditions(customer))
}

func (o *Org) countryField() string {
	if o.countryCodes {
		return countryCodeField
	}
	return o.names.Country
}

func (o *Org) accountFieldsRead() []string {
	selected := []string{"Id", "Name"}
	for _, name := range []string{o.names.PostalCode, o.countryField()} {
		if name != "" {
			selected = append(selected, name)
		}
	}
	return selected
}

// nameConditions find the very name and what is like it. LIKE knows nothing of width and accents, and a legal form may stand
// first, so that the pattern is looser than the comparison that follows.
func nameConditions(name string) []string {
	conditions := []string{"Name = " + salesforce.Quote(name)}
	for _, pattern := range namePatterns(name) {
		conditions = append(conditions, "Name LIKE "+pattern)
	}
	return conditions
}

const (
	// longestPattern bounds the letters of a pattern; a query's address has a length.
	longestPattern = 40
	// fewestTold is how many letters an alphabet's pattern must tell, so that it does not find half the accounts.
	fewestTold = 3
	// longWord is from how many letters on a word of an alphabet is told well enough to let others stand apart from it.
	longWord = 4
)

// namePatterns gives quoted patterns for the significant words of a name, in their order.
func namePatterns(name string) []string {
	words := match.Words(name)
	if len(words) == 0 {
		return nil
	}
	joined := strings.Join(words, "")
	if !slices.ContainsFunc(words, isLong) {
		words = []string{joined} // mere initials with gaps between them would be in every name
	}
	spellings := [][]string{words}
	if strings.ContainsFunc(joined, func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Katakana, unicode.Hiragana) }) {
		spellings = append(spellings, convert(words, narrow), convert(words, width.Widen.String))
	}
	before := ""
	if strings.ContainsFunc(joined, notLatin) || !strings.HasPrefix(strings.ToLower(name), words[0]) {
		before = "%"
	}
	var patterns []string
	for _, spelling := range spellings {
		if pattern := "'" + before + patternOf(spelling) + "'"; !slices.Contains(patterns, pattern) {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

func isLong(word string) bool {
	letters := len([]rune(word))
	return letters >= longWord || letters > 1 && strings.ContainsFunc(word, func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Katakana, unicode.Hangul) })
}

// notLatin: in other scripts a legal form often stands first. A name in the Latin alphabet that does not begin with one is
// looked for from its beginning, which the index on names serves.
func notLatin(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) }

func convert(words []string, to func(string) string) []string {
	converted := make([]string, len(words))
	for i, word := range words {
		converted[i] = to(word)
	}
	return converted
}

// narrow gives half-width katakana, whose sound marks are characters of their own.
func narrow(text string) string { return width.Narrow.String(norm.NFD.String(text)) }

// patternOf writes words with gaps between them, in which anything may stand, and leaves open what is written in more than one
// way, unless too little would be told then.
func patternOf(words []string) string {
	pattern, told, all := writePattern(words, true)
	if strings.ContainsFunc(words[0], notLatin) || told >= fewestTold || told > 1 && all > longWord {
		return pattern
	}
	pattern, _, _ = writePattern(words, false)
	return pattern
}

func writePattern(words []string, open bool) (pattern string, told, all int) {
	var b strings.Builder
	for _, word := range words {
		runes := []rune(word)
		for i := 0; i < len(runes) && all < longestPattern; i++ {
			all++
			if sign, letters := wildcard(runes[i:]); open && sign != "" {
				b.WriteString(sign)
				i += letters - 1
				continue
			}
			told++
			b.WriteString(literal(string(runes[i])))
		}
		b.WriteByte('%')
	}
	return b.String(), told, all
}

// literal gives a text as it stands within a pattern.
func literal(text string) string {
	quoted := salesforce.QuoteLike(text)
	return quoted[1 : len(quoted)-1]
}

// wildcard gives what stands for letters that are written in more than one way, and how many letters it replaces: "_" for one
// that may have an accent, "%" for one that may be two.
func wildcard(letters []rune) (string, int) {
	pair := ""
	if len(letters) > 1 {
		pair = string(letters[:2])
	}
	switch r := letters[0]; {
	case slices.Contains([]string{"ae", "oe", "ue", "aa", "ss"}, pair):
		return "%", 2
	case strings.ContainsRune("äöüåæøœßþ", r), r == 'ー':
		return "%", 1
	case strings.ContainsRune("aeiouyαεηιουωσςеاويك", r), r > unicode.MaxASCII && r < 0x1f00 && unicode.Is(unicode.Latin, r):
		return "_", 1
	default:
		return "", 1
	}
}

// placeConditions find the accounts that have the customer's postal code, with the separators that some country writes in it.
func (o *Org) placeConditions(customer match.Customer) []string {
	code := match.PostalCode(customer.PostalCode, customer.Country)
	if code == "" || o.names.PostalCode == "" {
		return nil
	}
	spellings := []string{customer.PostalCode, code}
	runes := []rune(code)
	for i := 2; i <= len(runes)-2; i++ {
		for _, separator := range []string{" ", "-"} {
			spellings = append(spellings, string(runes[:i])+separator+string(runes[i:]))
		}
	}
	for _, prefix := range match.PostalPrefixes(customer.Country) {
		for _, separator := range []string{"", "-", " "} {
			spellings = append(spellings, prefix+separator+code)
		}
	}
	if len(runes) == 7 {
		spellings = append(spellings, "〒"+code, "〒"+string(runes[:3])+"-"+string(runes[3:]))
	}
	for _, spelling := range slices.Clone(spellings) {
		if wide := width.Widen.String(spelling); customer.Country == "JP" {
			spellings = append(spellings, wide)
		}
	}
	if len(runes) == 9 {
		spellings = append(spellings, string(runes[:5])) // a ZIP code without its four more digits
	}
	slices.Sort(spellings)
	conditions := []string{o.names.PostalCode + " IN " + salesforce.QuoteAll(slices.Compact(spellings))}
	if len(runes) == 5 {
		conditions = append(conditions, o.names.PostalCode+" LIKE '"+literal(code)+"-____'")
	}
	return conditions
}
