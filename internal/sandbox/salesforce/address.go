package salesforce

import "strings"

// countryTable is ISO 3166-1: the default entries of an org's state and country picklists.
const countryTable = `AD Andorra|AE United Arab Emirates|AF Afghanistan|AG Antigua and Barbuda|AI Anguilla|AL Albania|AM Armenia|AO Angola|AQ Antarctica|AR Argentina|AT Austria|AU Australia|AW Aruba|AX Aland Islands|AZ Azerbaijan|BA Bosnia and Herzegovina|BB Barbados|BD Bangladesh|BE Belgium|BF Burkina Faso|BG Bulgaria|BH Bahrain|BI Burundi|BJ Benin|BL Saint Barthélemy|BM Bermuda|BN Brunei Darussalam|BO Bolivia, Plurinational State of|BQ Bonaire, Sint Eustatius and Saba|BR Brazil|BS Bahamas|BT Bhutan|BV Bouvet Island|BW Botswana|BY Belarus|BZ Belize|CA Canada|CC Cocos (Keeling) Islands|CD Congo, the Democratic Republic of the|CF Central African Republic|CG Congo|CH Switzerland|CI Cote d'Ivoire|CK Cook Islands|CL Chile|CM Cameroon|CN China|CO Colombia|CR Costa Rica|CU Cuba|CV Cape Verde|CW Curaçao|CX Christmas Island|CY Cyprus|CZ Czech Republic|DE Germany|DJ Djibouti|DK Denmark|DM Dominica|DO Dominican Republic|DZ Algeria|EC Ecuador|EE Estonia|EG Egypt|EH Western Sahara|ER Eritrea|ES Spain|ET Ethiopia|FI Finland|FJ Fiji|FK Falkland Islands (Malvinas)|FO Faroe Islands|FR France|GA Gabon|GB United Kingdom|GD Grenada|GE Georgia|GF French Guiana|GG Guernsey|GH Ghana|GI Gibraltar|GL Greenland|GM Gambia|GN Guinea|GP Guadeloupe|GQ Equatorial Guinea|GR Greece|GS South Georgia and the South Sandwich Islands|GT Guatemala|GW Guinea-Bissau|GY Guyana|HM Heard Island and McDonald Islands|HN Honduras|HR Croatia|HT Haiti|HU Hungary|ID Indonesia|IE Ireland|IL Israel|IM Isle of Man|IN India|IO British Indian Ocean Territory|IQ Iraq|IR Iran, Islamic Republic of|IS Iceland|IT Italy|JE Jersey|JM Jamaica|JO Jordan|JP Japan|KE Kenya|KG Kyrgyzstan|KH Cambodia|KI Kiribati|KM Comoros|KN Saint Kitts and Nevis|KP Korea, Democratic People's Republic of|KR Korea, Republic of|KW Kuwait|KY Cayman Islands|KZ Kazakhstan|LA Lao People's Democratic Republic|LB Lebanon|LC Saint Lucia|LI Liechtenstein|LK Sri Lanka|LR Liberia|LS Lesotho|LT Lithuania|LU Luxembourg|LV Latvia|LY Libya|MA Morocco|MC Monaco|MD Moldova, Republic of|ME Montenegro|MF Saint Martin (French part)|MG Madagascar|MK North Macedonia|ML Mali|MM Myanmar|MN Mongolia|MO Macao|MQ Martinique|MR Mauritania|MS Montserrat|MT Malta|MU Mauritius|MV Maldives|MW Malawi|MX Mexico|MY Malaysia|MZ Mozambique|NA Namibia|NC New Caledonia|NE Niger|NF Norfolk Island|NG Nigeria|NI Nicaragua|NL Netherlands|NO Norway|NP Nepal|NR Nauru|NU Niue|NZ New Zealand|OM Oman|PA Panama|PE Peru|PF French Polynesia|PG Papua New Guinea|PH Philippines|PK Pakistan|PL Poland|PM Saint Pierre and Miquelon|PN Pitcairn|PS Palestine|PT Portugal|PY Paraguay|QA Qatar|RE Reunion|RO Romania|RS Serbia|RU Russian Federation|RW Rwanda|SA Saudi Arabia|SB Solomon Islands|SC Seychelles|SD Sudan|SE Sweden|SG Singapore|SH Saint Helena, Ascension and Tristan da Cunha|SI Slovenia|SJ Svalbard and Jan Mayen|SK Slovakia|SL Sierra Leone|SM San Marino|SN Senegal|SO Somalia|SR Suriname|SS South Sudan|ST Sao Tome and Principe|SV El Salvador|SX Sint Maarten (Dutch part)|SZ Eswatini|TC Turks and Caicos Islands|TD Chad|TF French Southern Territories|TG Togo|TH Thailand|TJ Tajikistan|TK Tokelau|TL Timor-Leste|TM Turkmenistan|TN Tunisia|TO Tonga|TR Turkey|TT Trinidad and Tobago|TV Tuvalu|TW Taiwan|TZ Tanzania, United Republic of|UA Ukraine|UG Uganda|US United States|UY Uruguay|UZ Uzbekistan|VA Holy See (Vatican City State)|VC Saint Vincent and the Grenadines|VE Venezuela, Bolivarian Republic of|VG Virgin Islands, British|VN Vietnam|VU Vanuatu|WF Wallis and Futuna|WS Samoa|YE Yemen|YT Mayotte|ZA South Africa|ZM Zambia|ZW Zimbabwe`

// stateTable has the states of the one country for which the org defines them.
const stateTable = `AK Alaska|AL Alabama|AR Arkansas|AZ Arizona|CA California|CO Colorado|CT Connecticut|DC District of Columbia|DE Delaware|FL Florida|GA Georgia|HI Hawaii|IA Iowa|ID Idaho|IL Illinois|IN Indiana|KS Kansas|KY Kentucky|LA Louisiana|MA Massachusetts|MD Maryland|ME Maine|MI Michigan|MN Minnesota|MO Missouri|MS Mississippi|MT Montana|NC North Carolina|ND North Dakota|NE Nebraska|NH New Hampshire|NJ New Jersey|NM New Mexico|NV Nevada|NY New York|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|VA Virginia|VT Vermont|WA Washington|WI Wisconsin|WV West Virginia|WY Wyoming`

const stateCountry = "US"

func codeTable(table string) []picklistValue {
	var list []picklistValue
	for row := range strings.SplitSeq(table, "|") {
		code, name, _ := strings.Cut(row, " ")
		list = append(list, picklistValue{Value: code, Label: name})
	}
	return list
}

var countries, states = codeTable(countryTable), codeTable(stateTable)

func countryValues() []picklistValue { return countries }

func stateValues() []picklistValue { return states }

func byCode(list []picklistValue, code string) (picklistValue, bool) {
	for _, v := range list {
		if strings.EqualFold(v.Value, code) {
			return v, true
		}
	}
	return picklistValue{}, false
}

func byLabel(list []picklistValue, name string) (picklistValue, bool) {
	for _, v := range list {
		if strings.EqualFold(v.Label, name) {
			return v, true
		}
	}
	return picklistValue{}, false
}

// syncAddress keeps text and code of country and state equal while the picklists are on
// ("How Syncing State and Country/Territory Fields Works").
func syncAddress(o *Org, w *write, prefix string) *apiError {
	if !countryPicklists(o) {
		return nil
	}
	if err := syncPair(w, prefix+"Country", prefix+"CountryCode", countries, "country/territory"); err != nil {
		return err
	}
	if err := syncPair(w, prefix+"State", prefix+"StateCode", states, "state/province"); err != nil {
		return err
	}
	if state := w.next.str(prefix + "StateCode"); state != "" && w.next.str(prefix+"CountryCode") != stateCountry {
		return badRequest("FIELD_INTEGRITY_EXCEPTION", "The existing country/territory doesn't recognize the state/province value: %s", state).on(prefix + "StateCode")
	}
	return nil
}

func syncPair(w *write, text, code string, list []picklistValue, kind string) *apiError {
	rec := w.next
	textGiven, codeGiven := given(w, text), given(w, code)
	entry, known := byCode(list, rec.str(code))
	switch {
	case codeGiven && rec.str(code) == "" && !textGiven, textGiven && rec.str(text) == "" && !codeGiven:
		rec.set(text, nil)
		rec.set(code, nil)
	case codeGiven && rec.str(code) != "":
		if !known {
			return badRequest("FIELD_INTEGRITY_EXCEPTION", "The %s field contains %s, which isn't an available %s.", code, rec.str(code), kind).on(code)
		}
		if w.old != nil && textGiven && !strings.EqualFold(rec.str(text), entry.Label) {
			return badRequest("FIELD_INTEGRITY_EXCEPTION", "A mismatch between the %s and the %s field.", text, code).on(text)
		}
		rec.values[text], rec.values[code] = entry.Label, entry.Value
	case textGiven && rec.str(text) != "":
		named, found := byLabel(list, rec.str(text))
		if !found {
			return badRequest("FIELD_INTEGRITY_EXCEPTION", "There's a problem with this %s, even though it may appear correct. Please select a %s from the list of valid values. (%s)",
				kind, kind, rec.str(text)).on(text)
		}
		rec.values[text], rec.values[code] = named.Label, named.Value
	}
	return nil
}

// compoundAddress is the read-only structure over the parts of an address; null when all parts are.
func compoundAddress(o *Org, rec *record, prefix string) any {
	parts := []struct{ key, column string }{{"city", "City"}, {"country", "Country"}, {"postalCode", "PostalCode"}, {"state", "State"}, {"street", "Street"}}
	if countryPicklists(o) {
		parts = append(parts, struct{ key, column string }{"countryCode", "CountryCode"}, struct{ key, column string }{"stateCode", "StateCode"})
	}
	out, filled := doc{{"geocodeAccuracy", nil}, {"latitude", nil}, {"longitude", nil}}, false
	for _, p := range parts {
		value := rec.values[prefix+p.column]
		filled = filled || value != nil
		out = append(out, member{p.key, value})
	}
	if !filled {
		return nil
	}
	return out
}
