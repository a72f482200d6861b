package match

import (
	"strings"
	"unicode"
)

// Place is how two postal codes compare.
type Place int

const (
	// SamePlace says that the postal codes are equal, or that both sides have none in the same country.
	SamePlace Place = iota
	// UnknownPlace says that a side lacks what the other has.
	UnknownPlace
	// OtherPlace says that the postal codes or the countries differ.
	OtherPlace
)

// ComparePostalCodes compares two postal codes, each with its country's alpha-2 code ("" when unknown). Codes are compared
// as [PostalCode] writes them. A code of two countries is not one code: 1000 is in Brussels, in Ljubljana and in Sofia. Where
// both sides lack a code they are equal if their country is known and the same, because some countries have none. A ZIP code
// is equal to the same one with four more digits, which only say where in its area.
func ComparePostalCodes(code, country, otherCode, otherCountry string) Place {
	country, otherCountry = strings.ToUpper(country), strings.ToUpper(otherCountry)
	if country != "" && otherCountry != "" && country != otherCountry {
		return OtherPlace
	}
	known := country
	if known == "" {
		known = otherCountry
	}
	a, b := PostalCode(code, known), PostalCode(otherCode, known)
	switch {
	case a == "" && b == "" && country != "" && otherCountry != "":
		return SamePlace
	case a == "" || b == "":
		return UnknownPlace
	case a == b, withPlusFour(a, b), withPlusFour(b, a):
		return SamePlace
	default:
		return OtherPlace
	}
}

func withPlusFour(short, long string) bool {
	return len(short) == 5 && len(long) == 9 && isNumber(long) && strings.HasPrefix(long, short)
}

// onVehicles are the country codes of vehicles, as far as they are written before postal codes and are not the alpha-2 code.
var onVehicles = map[string]string{
	"AT": "A", "BE": "B", "DE": "D", "ES": "E", "FI": "FIN", "FR": "F", "HU": "H", "IT": "I", "LI": "FL", "LU": "L", "NO": "N", "PT": "P", "SE": "S", "SI": "SLO",
}

// PostalCode writes a postal code in one way: letters and digits only, in one width, in capitals. The postal mark of Japan
// and the country's own code before the number (D-80331, LV-1010) are left out; country may be "".
func PostalCode(text, country string) string {
	code := strings.ToUpper(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) && r != '〒' || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, plain(fold(text))))
	for _, prefix := range PostalPrefixes(country) {
		if rest, ok := strings.CutPrefix(code, prefix); ok && isNumber(rest) {
			return rest
		}
	}
	return code
}

// PostalPrefixes are the codes of a country that people write before its postal codes.
func PostalPrefixes(country string) []string {
	if country == "" {
		return nil
	}
	if vehicle := onVehicles[country]; vehicle != "" {
		return []string{country, vehicle}
	}
	return []string{country}
}

func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
