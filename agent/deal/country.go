package deal

import "github.com/cosell-sync/terraform-provider-cosell/internal/country"

// CountryCode gives the two-letter code that Partner Center demands, see [country.Code].
func CountryCode(text string) (code string, ok bool) { return country.Code(text) }

// CountryName gives the name of a country in a language, see [country.Name].
func CountryName(code, tongue string) (name string, ok bool) { return country.Name(code, tongue) }
