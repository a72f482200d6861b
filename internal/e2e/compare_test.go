package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// both is a deal as the two systems hold it, in the sandbox's own words.
type both struct {
	opportunity  map[string]any
	account      map[string]any
	referral     map[string]any
	solutions    []string // of the opportunity
	contacts     []string // of the opportunity, by e-mail address
	unreferenced bool     // externalReferenceId does not survive in this Partner Center
}

// opportunities gives the organisation's opportunities by their deal name, and how many have each name.
func (b *bed) opportunities() map[string][]map[string]any {
	byName := map[string][]map[string]any{}
	for _, row := range b.sandbox.Salesforce().Rows("Opportunity") {
		name := strings.TrimLeft(text(row["Name"]), "✔✗ ")
		byName[name] = append(byName[name], row)
	}
	return byName
}

// referrals gives the partner's referrals by their deal name.
func (b *bed) referrals() map[string][]map[string]any {
	byName := map[string][]map[string]any{}
	for _, referral := range b.sandbox.PartnerCenter().All() {
		encoded, err := json.Marshal(referral)
		if err != nil {
			b.t.Fatal(err)
		}
		var tree map[string]any
		if err := json.Unmarshal(encoded, &tree); err != nil {
			b.t.Fatal(err)
		}
		if microsofts := len(referral.Target) == 1 && referral.Target[0].ID == "msft"; !microsofts {
			byName[referral.Name] = append(byName[referral.Name], tree)
		}
	}
	return byName
}

// unequal tells what is not yet equal of the deals of these names: exactly one record on each side, and every mapped field.
func (b *bed) unequal(names []string) []string {
	opportunities, referrals := b.opportunities(), b.referrals()
	accounts := map[string]map[string]any{}
	for _, row := range b.sandbox.Salesforce().Rows("Account") {
		accounts[text(row["Id"])] = row
	}
	sold := map[string][]string{}
	for _, row := range b.sandbox.Salesforce().Rows("Microsoft_Solution__c") {
		sold[text(row["Opportunity__c"])] = append(sold[text(row["Opportunity__c"])], text(row["Solution_Identifier__c"]))
	}
	emails, contacts := map[string]string{}, map[string][]string{}
	for _, row := range b.sandbox.Salesforce().Rows("Contact") {
		emails[text(row["Id"])] = text(row["Email"])
	}
	for _, row := range b.sandbox.Salesforce().Rows("OpportunityContactRole") {
		contacts[text(row["OpportunityId"])] = append(contacts[text(row["OpportunityId"])], emails[text(row["ContactId"])])
	}
	var faults []string
	for _, name := range names {
		if len(opportunities[name]) != 1 || len(referrals[name]) != 1 {
			faults = append(faults, fmt.Sprintf("%s: %d opportunities, %d referrals; %s", name, len(opportunities[name]), len(referrals[name]), audits(opportunities[name])))
			continue
		}
		deal := both{
			opportunity: opportunities[name][0], referral: referrals[name][0], solutions: sold[text(opportunities[name][0]["Id"])],
			contacts:     contacts[text(opportunities[name][0]["Id"])],
			unreferenced: b.sandbox.Kit().Switches.Is("partner_center.external_reference_id", "dropped"),
		}
		deal.account = accounts[text(deal.opportunity["AccountId"])]
		for _, difference := range deal.differences() {
			faults = append(faults, name+": "+difference)
		}
	}
	return faults
}

func audits(rows []map[string]any) string {
	var texts []string
	for _, row := range rows {
		texts = append(texts, text(row["Audit__c"]))
	}
	return strings.Join(texts, "; ")
}

func (d both) differences() []string {
	o, a, r := d.opportunity, d.account, d.referral
	var faults []string
	equal := func(field, left, right string) {
		if left != right {
			faults = append(faults, fmt.Sprintf("%s is %q in Salesforce and %q in Partner Center", field, left, right))
		}
	}
	equal("value", number(o["Amount"]), number(at(r, "details", "dealValue")))
	equal("currency", "USD", text(at(r, "details", "currency")))
	equal("close date", text(o["CloseDate"]), day(text(at(r, "details", "closingDateTime"))))
	equal("notes", text(o["Description"]), text(at(r, "details", "notes")))
	equal("stage", text(o["StageName"]), stageFor(r, text(o["StageName"])))
	equal("customer", text(a["Name"]), text(at(r, "customerProfile", "name")))
	equal("postal code", text(a["BillingPostalCode"]), text(at(r, "customerProfile", "address", "postalCode")))
	equal("visibility", strconv.FormatBool(o["Referral_Visible_to_Microsoft__c"] == true),
		strconv.FormatBool(at(r, "consent", "consentToShareReferralWithMicrosoftSellers") == true))
	equal("referral identifier", text(o["Referral_Identifier__c"]), text(r["id"]))
	equal("key", text(o["Cosell_Referral_Key__c"]), text(r["id"]))
	if !strings.Contains(text(o["Referral_Link__c"]), text(r["id"])) {
		faults = append(faults, "the referral link does not name the referral")
	}
	equal("solutions", list(d.solutions), list(idsAt(r, "id", "details", "requirements", "solutions")))
	equal("contacts", list(d.contacts), list(idsAt(r, "email", "customerProfile", "team")))
	if o["Sync_with_Partner_Center__c"] != true {
		faults = append(faults, "Sync with Partner Center is off")
	}
	fromPortal := strings.HasPrefix(text(r["name"]), receivedName)
	if reference := text(r["externalReferenceId"]); reference != "" || r["direction"] == "Outgoing" && !d.unreferenced && !fromPortal {
		equal("reference", text(o["Id"]), reference)
	}
	return faults
}

// idsAt gives one property of every object in a list.
func idsAt(referral map[string]any, property string, path ...string) []string {
	var ids []string
	entries, _ := at(referral, path...).([]any)
	for _, entry := range entries {
		ids = append(ids, text(at(entry.(map[string]any), property)))
	}
	return ids
}

func list(ids []string) string {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	return strings.Join(sorted, " ")
}

// stageFor gives the stage that a referral's status demands; an open stage satisfies an accepted referral.
func stageFor(r map[string]any, stage string) string {
	switch {
	case r["status"] == "New":
		return onHoldStage
	case r["substatus"] == "Won":
		return "Closed Won"
	case r["status"] == "Closed":
		return "Closed Lost"
	case stage == onHoldStage || strings.HasPrefix(stage, "Closed"):
		return "an open stage"
	default:
		return stage
	}
}

const onHoldStage = "Prospecting" // the example's default

func at(tree map[string]any, path ...string) any {
	var node any = tree
	for _, step := range path {
		branch, _ := node.(map[string]any)
		node = branch[step]
	}
	return node
}

func text(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	return ""
}

func number(value any) string {
	switch v := value.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case nil:
		return ""
	default:
		return fmt.Sprint(v)
	}
}

func day(dateTime string) string {
	date, _, _ := strings.Cut(dateTime, "T")
	return date
}
