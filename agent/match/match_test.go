package match_test

import (
	"strings"
	"testing"

	"golang.org/x/text/width"
	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/agent/match"
)

// TestDecide: which candidates make a decision, and which a doubt.
func TestDecide(t *testing.T) {
	account := func(id, name, code string) match.Account {
		return match.Account{ID: id, Name: name, PostalCode: code, Country: "US"}
	}
	customer := match.Customer{Name: "Contoso Ltd", PostalCode: "98052", Country: "US"}
	cases := map[string]struct {
		candidates   []match.Account
		both, byName string // "-": none, "?" and ids: a person decides, else the id
	}{
		"nothing":                            {nil, "-", "-"},
		"the very same":                      {[]match.Account{account("1", "CONTOSO LTD.", "98052")}, "1", "1"},
		"four more digits":                   {[]match.Account{account("1", "Contoso Limited", "98052-6399")}, "1", "1"},
		"another postal code":                {[]match.Account{account("1", "Contoso Ltd", "10001")}, "-", "1"},
		"no postal code":                     {[]match.Account{account("1", "Contoso Ltd", "")}, "?1", "1"},
		"the form left out":                  {[]match.Account{account("1", "Contoso", "98052")}, "1", "1"},
		"another form":                       {[]match.Account{account("1", "Contoso Inc", "98052")}, "?1", "?1"},
		"another form elsewhere":             {[]match.Account{account("1", "Contoso Inc", "10001")}, "-", "?1"},
		"two of one name":                    {[]match.Account{account("1", "Contoso Ltd", "98052"), account("2", "contoso ltd", "98052")}, "?12", "?12"},
		"one of two is there":                {[]match.Account{account("1", "Contoso Ltd", "98052"), account("2", "Contoso Ltd", "10001")}, "1", "1"},
		"the same and an equal":              {[]match.Account{account("1", "Contoso", "98052"), account("2", "Contoso Ltd", "98052")}, "2", "2"},
		"the same and an unknown":            {[]match.Account{account("1", "Contoso Ltd", "98052"), account("2", "Contoso Ltd", "")}, "1", "1"},
		"two that are equal":                 {[]match.Account{account("1", "Contoso", "98052"), account("2", "contoso", "98052")}, "?12", "?12"},
		"an equal and a similar":             {[]match.Account{account("1", "Contoso", "98052"), account("2", "Contoso Inc", "98052")}, "?12", "?12"},
		"a neighbour":                        {[]match.Account{account("1", "Fabrikam", "98052")}, "-", "-"},
		"a group and a subsidiary":           {[]match.Account{account("1", "Contoso Group Ltd", "98052"), account("2", "Contoso Japan Ltd", "98052")}, "-", "-"},
		"the same number in another country": {[]match.Account{{ID: "1", Name: "Contoso Ltd", PostalCode: "98052", Country: "FR"}}, "-", "1"},
		"an equal name in another country":   {[]match.Account{{ID: "1", Name: "Contoso", PostalCode: "98052", Country: "FR"}}, "-", "?1"},
		"a country nobody knows":             {[]match.Account{{ID: "1", Name: "Contoso Ltd", PostalCode: "98052"}}, "1", "1"},
	}
	for name, c := range cases {
		for _, half := range []struct {
			byPostalCode bool
			want         string
		}{{true, c.both}, {false, c.byName}} {
			decision := match.Decide(customer, half.byPostalCode, match.Found{Accounts: c.candidates})
			if got := shown(decision); got != half.want {
				t.Errorf("%s, with postal code %v: %s (%s), want %s", name, half.byPostalCode, got, decision.Reason, half.want)
			}
			if decision.Reason == "" {
				t.Errorf("%s: no reason", name)
			}
		}
	}
}

func shown(d match.Decision) string {
	switch d.Verdict {
	case match.One:
		return d.Account.ID
	case match.Doubtful:
		ids := "?"
		for _, c := range d.Candidates {
			ids += c.ID
		}
		return ids
	default:
		return "-"
	}
}

// TestNamesWithoutLetters: what has neither letters nor digits is compared as it is; nothing is nobody's name.
func TestNamesWithoutLetters(t *testing.T) {
	for _, c := range []struct {
		left, right string
		want        match.Likeness
	}{{"?!", " ？！ ", match.Identical}, {"?!", "!", match.Different}, {"", "", match.Different}, {" ", "", match.Different}} {
		if got := match.Compare(match.ParseName(c.left), match.ParseName(c.right)); got != c.want {
			t.Errorf("%q, %q: %v, want %v", c.left, c.right, got, c.want)
		}
	}
}

// TestDecideOnPartOfTheAccounts: when the search could not give everything, even a perfect match may not be the only one.
func TestDecideOnPartOfTheAccounts(t *testing.T) {
	same := match.Account{ID: "1", Name: "Contoso", PostalCode: "1000", Country: "BE"}
	decision := match.Decide(match.Customer{Name: "Contoso", PostalCode: "1000", Country: "BE"}, true, match.Found{Accounts: []match.Account{same}, Cut: true})
	if decision.Verdict != match.Doubtful {
		t.Errorf("%+v", decision)
	}
}

// TestPostalCodes: what is one postal code and what is not.
func TestPostalCodes(t *testing.T) {
	type side struct{ code, country string }
	cases := []struct {
		a, b side
		want match.Place
	}{
		{side{"100-0005", "JP"}, side{"1000005", "JP"}, match.SamePlace},
		{side{"〒１００－０００５", "JP"}, side{"100-0005", "JP"}, match.SamePlace},
		{side{"sw1a 1aa", "GB"}, side{"SW1A1AA", "GB"}, match.SamePlace},
		{side{"1234 AB", "NL"}, side{"1234ab", "NL"}, match.SamePlace},
		{side{"D-80331", "DE"}, side{"80331", "DE"}, match.SamePlace},
		{side{"LV-1010", "LV"}, side{"1010", "LV"}, match.SamePlace},
		{side{"L-1234", ""}, side{"1234", "LU"}, match.SamePlace},
		{side{"VLT 1117", "MT"}, side{"1117", "MT"}, match.OtherPlace},
		{side{"98052", "US"}, side{"98052-6399", "US"}, match.SamePlace},
		{side{"98052-1234", "US"}, side{"98052-6399", "US"}, match.OtherPlace},
		{side{"01310-100", "BR"}, side{"01310", "BR"}, match.OtherPlace},
		{side{"1000", "BE"}, side{"1000", "BG"}, match.OtherPlace},
		{side{"1000", "be"}, side{"1000", ""}, match.SamePlace},
		{side{"0150", "NO"}, side{"150", "NO"}, match.OtherPlace},
		{side{"١١٥٦٤", "SA"}, side{"11564", "SA"}, match.SamePlace},
		{side{"", "HK"}, side{"", "HK"}, match.SamePlace},
		{side{"", "HK"}, side{"", ""}, match.UnknownPlace},
		{side{"-", "HK"}, side{"", "HK"}, match.SamePlace},
		{side{"1000", "BE"}, side{"", "BE"}, match.UnknownPlace},
		{side{"", "HK"}, side{"", "SG"}, match.OtherPlace},
	}
	for _, c := range cases {
		for range 2 {
			if got := match.ComparePostalCodes(c.a.code, c.a.country, c.b.code, c.b.country); got != c.want {
				t.Errorf("%v and %v: %v, want %v", c.a, c.b, got, c.want)
			}
			c.a, c.b = c.b, c.a
		}
	}
}

// names draws a name of the corpus, or one that is put together from words and forms.
func names(t *rapid.T, label string) string {
	word := rapid.SampledFrom([]string{"Contoso", "Data", "コントソ", "康托索", "콘토소", "Контосо", "Κοντόσο", "كونتوسو", "Müller", "e", "&", "and", "365", "2", "+", "A.", "\"", "(", "-", "’"})
	form := rapid.SampledFrom([]string{"", " Ltd", " S.p.A.", "株式会社", "㈱", " GmbH & Co. KG", "有限公司", " 주식회사", " ООО", " Α.Ε.", " ذ.م.م", " Company", " Spa"})
	return rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOfN(word, 1, 4), func(words []string) string { return strings.Join(words, " ") })).Draw(t, label) + form.Draw(t, label+" form")
}

// TestComparisonIsSymmetric: which side a name stands on makes no difference, and names that are not different share a key.
func TestComparisonIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkPair(t, names(t, "a"), names(t, "b"))
	})
}

type reporter interface{ Fatalf(string, ...any) }

func checkPair(t reporter, left, right string) {
	a, b := match.ParseName(left), match.ParseName(right)
	there, back := match.Compare(a, b), match.Compare(b, a)
	if there != back {
		t.Fatalf("%q, %q: %v there, %v back", left, right, there, back)
	}
	if there != match.Different && a.Key() != b.Key() {
		t.Fatalf("%q, %q are alike (%v) with other keys %q, %q", left, right, there, a.Key(), b.Key())
	}
	if own := match.Compare(a, a); own != match.Identical && a.Key() != "" {
		t.Fatalf("%q is not itself: %v", left, own)
	}
}

// TestNormalisationRests: a key or a postal code that is normalised once more stays what it is.
func TestNormalisationRests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := match.PostalCode(names(t, "code"), "DE")
		if again := match.PostalCode(code, ""); again != code {
			t.Fatalf("%q becomes %q", code, again)
		}
		folded := match.Fold(names(t, "name"))
		if again := match.Fold(folded); again != folded {
			t.Fatalf("%q becomes %q", folded, again)
		}
	})
}

// TestPerturbation: a company keeps its account when its name is typed in another width or case, or with other spaces.
func TestPerturbation(t *testing.T) {
	pairs := corpus(t)
	rapid.Check(t, func(t *rapid.T) {
		pair := rapid.SampledFrom(pairs).Draw(t, "pair")
		perturbed := perturb(t, pair.left)
		decision := match.Decide(match.Customer{Name: perturbed}, false, match.Found{Accounts: []match.Account{{ID: "1", Name: pair.left}}})
		if decision.Verdict != match.One {
			t.Fatalf("%q is no longer %q: %s", perturbed, pair.left, decision.Reason)
		}
		if match.Key(perturbed) != match.Key(pair.left) {
			t.Fatalf("%q has the key %q, %q has %q", perturbed, match.Key(perturbed), pair.left, match.Key(pair.left))
		}
		before := match.Compare(match.ParseName(pair.left), match.ParseName(pair.right))
		if after := match.Compare(match.ParseName(perturbed), match.ParseName(pair.right)); after != before {
			t.Fatalf("%q compares with %q as %v, %q as %v", perturbed, pair.right, after, pair.left, before)
		}
	})
}

func perturb(t *rapid.T, name string) string {
	if rapid.Bool().Draw(t, "wide") {
		name = width.Widen.String(name)
	}
	if rapid.Bool().Draw(t, "narrow") {
		name = width.Narrow.String(name)
	}
	switch rapid.IntRange(0, 2).Draw(t, "case") {
	case 1:
		name = strings.ToUpper(name)
	case 2:
		name = strings.ToLower(name)
	}
	space := rapid.SampledFrom([]string{" ", "  ", "\u00a0", "\u3000", "\t"}).Draw(t, "space")
	return space + strings.ReplaceAll(name, " ", space) + space
}

func FuzzCompare(f *testing.F) {
	for _, p := range corpus(f) {
		f.Add(p.left, p.right)
	}
	f.Fuzz(func(t *testing.T, left, right string) {
		checkPair(t, left, right)
		folded := match.Fold(left)
		if again := match.Fold(folded); again != folded {
			t.Fatalf("%q becomes %q", folded, again)
		}
	})
}
