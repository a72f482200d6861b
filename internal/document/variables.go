package document

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Names of the environment variables that an installation sets.
const (
	VariableDisplayCheckMark  = "display_check_mark_in_opportunity_name"
	VariableActiveStage       = "active_stage_name"
	VariableOnHoldStage       = "on_hold_stage_name"
	VariableCountryField      = "customer_account_country_code_field"
	VariableDealValueField    = "deal_value_field"
	VariableDealCurrencyField = "deal_value_currency_code_field"
	VariableCoSellOnly        = "sync_co_sell_opportunities_only"
	VariableLeadStatus        = "lead_status_name"
	VariableAutoHealInterval  = "auto_heal_interval"
)

// Types of the variables' values.
const (
	VariableText     = "text"
	VariableYesNo    = "yes_no"
	VariableDuration = "duration"
	VariableField    = "field_name"
)

// Yes and No are the values of a yes_no variable.
const (
	Yes = "Yes"
	No  = "No"
)

const (
	longestPicklistLabel = 255
	shortestInterval     = time.Second
)

// KnownVariable is one row of the variable table. An empty default means that a value is required.
type KnownVariable struct {
	Name        string
	Description string
	Type        string
	Default     map[string]string // by CRM; a CRM that is absent does not have the variable
}

var knownVariables = []KnownVariable{
	{VariableDisplayCheckMark, "Whether a mark before the opportunity's name shows success or failure.", VariableYesNo,
		map[string]string{Salesforce: Yes, Dynamics365: Yes}},
	{VariableActiveStage, "The stage that equals an accepted referral.", VariableText, map[string]string{Salesforce: ""}},
	{VariableOnHoldStage, "The stage in which a new, not yet accepted referral waits.", VariableText, map[string]string{Salesforce: ""}},
	{VariableCountryField, "The account field that holds the customer's country.", VariableField,
		map[string]string{Salesforce: "BillingCountry", Dynamics365: "address1_country"}},
	{VariableDealValueField, "The opportunity field that holds the deal value.", VariableField,
		map[string]string{Salesforce: "Amount", Dynamics365: "estimatedvalue"}},
	{VariableDealCurrencyField, "The opportunity field that holds the currency of the deal value.", VariableField,
		map[string]string{Salesforce: "CurrencyIsoCode", Dynamics365: "transactioncurrencyid"}},
	{VariableCoSellOnly, "Whether only co-sell opportunities come from Partner Center into the CRM, and no leads. Leads come where the connector has them, see the guide Leads.", VariableYesNo,
		map[string]string{Salesforce: No, Dynamics365: No}},
	{VariableLeadStatus, "The status of a lead that comes from Partner Center: a value of the organisation's picklist.", VariableText,
		map[string]string{Salesforce: "Open - Not Contacted", Dynamics365: "New"}},
	{VariableAutoHealInterval, "How often the sweep looks for differences that no event announced.", VariableDuration,
		map[string]string{Salesforce: "15m", Dynamics365: "15m"}},
}

// KnownVariables lists the variables of a CRM.
func KnownVariables(crm string) []KnownVariable {
	return slices.DeleteFunc(slices.Clone(knownVariables), func(v KnownVariable) bool {
		_, ok := v.Default[crm]
		return !ok
	})
}

// FindVariable looks a variable up by name.
func FindVariable(crm, name string) (KnownVariable, bool) {
	for _, v := range KnownVariables(crm) {
		if v.Name == name {
			return v, true
		}
	}
	return KnownVariable{}, false
}

var fieldAPIName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// CheckValue tells why a value does not fit the variable's type; nil when it does.
func (v KnownVariable) CheckValue(value string) error {
	switch v.Type {
	case VariableYesNo:
		if value != Yes && value != No {
			return fmt.Errorf("variable %s takes Yes or No, not %q", v.Name, value)
		}
	case VariableDuration:
		d, err := time.ParseDuration(value)
		if err != nil || d < shortestInterval {
			return fmt.Errorf("variable %s takes a duration of a second or more, such as 15m, not %q", v.Name, value)
		}
	case VariableField:
		if !fieldAPIName.MatchString(value) {
			return fmt.Errorf("variable %s takes a field's API name, not %q", v.Name, value)
		}
	default:
		if strings.TrimSpace(value) != value || value == "" || len(value) > longestPicklistLabel {
			return fmt.Errorf("variable %s takes a text of 1 to %d characters without blanks around it, not %q", v.Name, longestPicklistLabel, value)
		}
	}
	return nil
}
