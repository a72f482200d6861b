package partnercenter

import (
	"regexp"
	"slices"
	"strings"
)

// maxListed is the most solutions, and the most team members, that a referral can have.
const maxListed = 50

var (
	qualifications  = []string{"None", "Direct", "MarketingQualified", "SalesQualified"}
	types           = []string{"Independent", "Shared"}
	targetTypes     = []string{"None", "BusinessProfileLocation", "SolutionProfile"}
	solutionTypes   = []string{"None", "Category", "Name"}
	assistanceCodes = []string{
		"Unknown", "GeneralOrOther", "CustomerTechnicalArchitecture", "ProofOfConceptOrDemo", "QuotesOrLicensing",
		"PostSalesCustomerSuccess", "WorkloadSpecificValueProposition",
	}
	currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)
)

// countries are the officially assigned codes of ISO 3166-1 alpha-2.
const countries = `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW
BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB
GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM
KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC
NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL
SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE
YT ZA ZM ZW`

func isCountry(code string) bool {
	return len(code) == 2 && slices.Contains(strings.Fields(countries), code)
}

// rule is one rule of the portal about a deal: which field it is about, and what is wrong, if anything.
type rule struct {
	field string
	wrong func(r *Referral) string
}

// strictRules are the rules that the portal and its bulk upload apply (pages "manage-co-sell-opportunities" and
// "bulk-operations"). How far the API applies them is open: switchValidation.
var strictRules = []rule{
	{"name", func(r *Referral) string { return missing(r.Name, "The deal name") }},
	{"customerProfile/name", func(r *Referral) string { return missing(r.CustomerProfile.Name, "The customer name") }},
	{"customerProfile/address/addressLine1", func(r *Referral) string {
		return missing(r.CustomerProfile.Address.AddressLine1, "The address line 1 of the customer")
	}},
	{"customerProfile/address/city", func(r *Referral) string {
		return missing(r.CustomerProfile.Address.City, "The city of the customer")
	}},
	{"customerProfile/address/country", func(r *Referral) string {
		if isCountry(r.CustomerProfile.Address.Country) {
			return ""
		}
		return "A two-letter country code (ISO 3166-1 alpha-2) is required."
	}},
	{"details/dealValue", func(r *Referral) string {
		if r.Details.DealValue.positive() {
			return ""
		}
		return "The deal value must be greater than 0."
	}},
	{"details/currency", func(r *Referral) string {
		if currencyPattern.MatchString(r.Details.Currency) {
			return ""
		}
		return "A currency code (ISO 4217) is required."
	}},
	{"details/closingDateTime", func(r *Referral) string {
		if r.Details.ClosingDateTime != nil {
			return ""
		}
		return "The estimated closing date is required."
	}},
	{"details/requirements/solutions", wrongSolutions},
	{"details/requirements/additionalRequirements", wrongAttributes},
	{"consent", func(r *Referral) string {
		if r.Consent.ShareInfoWithOthers {
			return ""
		}
		return "The customer's consent to share the information is required."
	}},
	{"team", func(r *Referral) string { return wrongMembers(r.Team, "partner team member") }},
	{"customerProfile/team", func(r *Referral) string {
		if !r.asksForHelp() && !r.isMicrosofts() {
			return ""
		}
		return wrongMembers(r.CustomerProfile.Team, "customer contact")
	}},
	{"inviteContext", func(r *Referral) string {
		if r.asksForHelp() && !r.Consent.ShareWithMicrosoft {
			return "Help can be requested only for a deal that is shared with Microsoft sellers."
		}
		return ""
	}},
}

func missing(value, what string) string {
	if strings.TrimSpace(value) != "" {
		return ""
	}
	return what + " is required."
}

func wrongSolutions(r *Referral) string {
	solutions := r.Details.Requirements.Solutions
	if len(solutions) == 0 {
		return "Solution ID is required."
	}
	if len(solutions) > maxListed {
		return "A referral can have at most 50 solutions."
	}
	for _, solution := range solutions {
		if solution.ID == "" {
			return "Solution ID is required."
		}
	}
	return ""
}

// wrongAttributes demands the customer's intent, and of every attribute a type, which it shares with no other, and an id.
func wrongAttributes(r *Referral) string {
	seen := map[string]bool{}
	if additional := r.Details.Requirements.AdditionalRequirements; additional != nil {
		for _, attribute := range additional.Attributes {
			switch {
			case attribute.Type == "" || attribute.ID == "":
				return "An attribute has a type and an id."
			case seen[attribute.Type]:
				return "The attribute " + attribute.Type + " is given twice."
			}
			seen[attribute.Type] = true
		}
	}
	if !seen["CustomerMarketplaceIntent"] {
		return "The attribute CustomerMarketplaceIntent is required."
	}
	return ""
}

func wrongMembers(members []Member, what string) string {
	if len(members) == 0 {
		return "At least one " + what + " is required."
	}
	if len(members) > maxListed {
		return "There can be at most 50 of: " + what + "."
	}
	for _, m := range members {
		if m.FirstName == "" || m.LastName == "" || m.PhoneNumber == "" || !strings.Contains(m.Email, "@") {
			return "First name, last name, phone number and email of each " + what + " are required."
		}
	}
	return ""
}

// asksForHelp says whether the referral carries an assistance request code.
func (r *Referral) asksForHelp() bool {
	code := r.InviteContext.AssistanceRequestCode
	return code != "" && code != "Unknown"
}

// checkEnums refuses values that the resource's enumerations do not have, in every mode of validation.
func checkEnums(r *Referral) error {
	check := func(field, value string, known []string) error {
		if value == "" || slices.Contains(known, value) {
			return nil
		}
		return invalid(field, "%q is not a value of %s. Known values: %s.", value, field, strings.Join(known, ", "))
	}
	if err := check("type", r.Type, types); err != nil {
		return err
	}
	if err := check("qualification", r.Qualification, qualifications); err != nil {
		return err
	}
	if err := check("inviteContext.assistanceRequestCode", r.InviteContext.AssistanceRequestCode, assistanceCodes); err != nil {
		return err
	}
	for _, target := range r.Target {
		if err := check("target.type", target.Type, targetTypes); err != nil {
			return err
		}
	}
	for _, solution := range r.Details.Requirements.Solutions {
		if err := check("details.requirements.solutions.type", solution.Type, solutionTypes); err != nil {
			return err
		}
	}
	return nil
}

// checkRules applies the portal's rules to the touched fields, or to all fields when none are named.
func (s *Service) checkRules(r *Referral, touched ...string) error {
	if s.kit.Switches.Is(switchValidation, "minimal") {
		return nil
	}
	for _, rule := range strictRules {
		applies := len(touched) == 0
		for _, field := range touched {
			applies = applies || rule.field == field || strings.HasPrefix(rule.field, field+"/")
		}
		if !applies {
			continue
		}
		if message := rule.wrong(r); message != "" {
			return invalid(strings.ReplaceAll(rule.field, "/", "."), "%s", message)
		}
	}
	return nil
}
