package dynamics365

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// mostAccounts bounds the look for accounts.
const mostAccounts = 1000

// FindAccounts implements [crm.CRM] with one query: accounts of the very name, of the customer's postal code however it is written, and
// of names that hold the significant words of the name. What is too much is asked for once more without the postal code, which in a
// town centre many accounts share.
func (e *Environment) FindAccounts(ctx context.Context, customer match.Customer) (match.Found, error) {
	names, places := e.accountConditions(customer)
	found, err := e.findAccounts(ctx, slices.Concat(names, places))
	if err == nil && found.Cut && len(places) > 0 {
		found, err = e.findAccounts(ctx, names)
	}
	if err != nil {
		return match.Found{}, fmt.Errorf("look for the account %q: %w", customer.Name, err)
	}
	return found, nil
}

func (e *Environment) accountConditions(customer match.Customer) (names, places []string) {
	return e.nameConditions(customer.Name), e.placeConditions(customer)
}

func (e *Environment) accountQuery(anyOf []string) dataverse.Query {
	selected := []string{e.account.PrimaryID, e.account.PrimaryName}
	for _, name := range []string{e.names.Country, e.names.PostalCode} {
		if name != "" {
			selected = append(selected, strings.ToLower(name))
		}
	}
	return dataverse.Query{Select: selected, Filter: "statecode eq 0 and (" + strings.Join(anyOf, " or ") + ")", Top: mostAccounts + 1}
}

func (e *Environment) findAccounts(ctx context.Context, anyOf []string) (match.Found, error) {
	country, postal := strings.ToLower(e.names.Country), strings.ToLower(e.names.PostalCode)
	rows, err := e.list(ctx, e.account.SetName, e.accountQuery(anyOf))
	if err != nil {
		return match.Found{}, err
	}
	found := match.Found{Cut: len(rows) > mostAccounts}
	for _, row := range rows {
		place := ""
		if column, known := e.account.column(country); known {
			place = text(read(column, row))
		}
		code, _ := deal.CountryCode(place)
		found.Accounts = append(found.Accounts, match.Account{
			ID: strings.ToLower(text(row[e.account.PrimaryID])), Name: text(row[e.account.PrimaryName]), PostalCode: text(row[postal]), Country: code,
		})
	}
	slices.SortFunc(found.Accounts, func(a, b match.Account) int { return strings.Compare(a.ID, b.ID) }) // the same words each time
	return found, nil
}

// nameConditions find the very name, and names that hold all its significant words in one of the ways to write them. Dataverse
// compares without case and accents, but not without the letters that stand for an accent.
func (e *Environment) nameConditions(name string) []string {
	column := e.account.PrimaryName
	conditions := []string{column + " eq " + dataverse.Quote(name)}
	var all []string
	for _, word := range match.Words(name) {
		var ways []string
		for _, spelling := range spellings(word) {
			ways = append(ways, "contains("+column+","+dataverse.Quote(spelling)+")")
		}
		all = append(all, "("+strings.Join(ways, " or ")+")")
	}
	if len(all) > 0 {
		conditions = append(conditions, "("+strings.Join(all, " and ")+")")
	}
	return conditions
}

// The letters with accents that are written as two letters, or as the first of the two.
var (
	spelledOut = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "ø", "oe", "å", "aa", "æ", "ae", "œ", "oe")
	accented   = strings.NewReplacer("ae", "ä", "oe", "ö", "ue", "ü", "ss", "ß")
	shortened  = strings.NewReplacer("ae", "a", "oe", "o", "ue", "u", "ø", "o", "å", "a", "æ", "a", "œ", "o")
	unmarked   = runes.Remove(runes.In(unicode.Mn))
)

// spellings gives the ways to write a word.
func spellings(word string) []string {
	plain := norm.NFC.String(unmarked.String(norm.NFD.String(word)))
	var ways []string
	for _, way := range []string{word, plain, spelledOut.Replace(word), accented.Replace(word), shortened.Replace(plain), width.Widen.String(word)} {
		if !slices.Contains(ways, way) {
			ways = append(ways, way)
		}
	}
	return ways
}

// placeConditions find the accounts that have the customer's postal code, with the separators that some country writes in it.
func (e *Environment) placeConditions(customer match.Customer) []string {
	code := match.PostalCode(customer.PostalCode, customer.Country)
	column := strings.ToLower(e.names.PostalCode)
	if code == "" || column == "" {
		return nil
	}
	ways := []string{customer.PostalCode, code}
	digits := []rune(code)
	for i := 2; i <= len(digits)-2; i++ {
		for _, separator := range []string{" ", "-"} {
			ways = append(ways, string(digits[:i])+separator+string(digits[i:]))
		}
	}
	for _, prefix := range match.PostalPrefixes(customer.Country) {
		for _, separator := range []string{"", "-", " "} {
			ways = append(ways, prefix+separator+code)
		}
	}
	if len(digits) == 7 {
		ways = append(ways, "〒"+code, "〒"+string(digits[:3])+"-"+string(digits[3:]))
	}
	if len(digits) == 9 {
		ways = append(ways, string(digits[:5])) // a ZIP code without its four more digits
	}
	slices.Sort(ways)
	conditions := []string{equalsAny(column, slices.Compact(ways))}
	if len(digits) == 5 {
		conditions = append(conditions, "startswith("+column+","+dataverse.Quote(code+"-")+")")
	}
	return conditions
}
