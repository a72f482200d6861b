package deal

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// CountryCode turns what an account's country field holds — a two- or three-letter ISO 3166 code, or the country's English
// name — into the two-letter code that Partner Center demands. ok is false when the text is none of these.
func CountryCode(text string) (code string, ok bool) {
	folded := fold(text)
	if len(folded) == 2 || len(folded) == 3 {
		if alias, found := commonNames[folded]; found {
			return alias, true
		}
		region, err := language.ParseRegion(folded)
		if err != nil || !region.IsCountry() || region.String() == "ZZ" || len(region.String()) != 2 {
			return "", false
		}
		return region.Canonicalize().String(), true
	}
	code, ok = countriesByName()[folded]
	return code, ok
}

// commonNames are names in daily use that the Unicode tables spell otherwise.
var commonNames = map[string]string{
	"uk": "GB", "great britain": "GB", "england": "GB", "united states of america": "US", "the united states": "US",
	"korea": "KR", "republic of korea": "KR", "south korea": "KR", "czech republic": "CZ", "holland": "NL",
	"the netherlands": "NL", "russian federation": "RU", "viet nam": "VN", "hong kong": "HK", "macau": "MO",
	"ivory coast": "CI", "uae": "AE", "people's republic of china": "CN", "turkey": "TR", "swaziland": "SZ", "macedonia": "MK",
}

var countriesByName = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	namer := display.English.Regions()
	for first := 'A'; first <= 'Z'; first++ {
		for second := 'A'; second <= 'Z'; second++ {
			code := string(first) + string(second)
			region, err := language.ParseRegion(code)
			if err != nil || !region.IsCountry() || region.Canonicalize().String() != code {
				continue
			}
			if name := namer.Name(region); name != "" {
				names[fold(name)] = code
			}
		}
	}
	for name, code := range commonNames {
		names[name] = code
	}
	return names
})

func fold(text string) string {
	text = strings.NewReplacer("&", "and", ".", "", "’", "'").Replace(strings.ToLower(strings.TrimSpace(text)))
	return strings.Join(strings.Fields(text), " ")
}
