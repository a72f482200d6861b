package mapping

import "github.com/cosell-sync/terraform-provider-cosell/agent/deal"

// NewReferral is what a first share needs beyond the mapped values.
type NewReferral struct {
	Draft             deal.Draft
	ExternalReference string // id of the record in the CRM
	MarketplaceIntent string
	// HelpCode says that the partner's own referral names the kind of help too. The documentation shows it with Microsoft's
	// referral and leaves open whether it may, or must, stand in both.
	HelpCode bool
}

// marketplaceIntent is the attribute without which no referral is taken. A row of the mapping may give it; otherwise it is the connector's.
const marketplaceIntent = "CustomerMarketplaceIntent"

// Referral gives the body of the partner's own referral ("Create a referral"): private, or visible to Microsoft when
// the draft says so or asks for help. A draft that asks for help is shared, with its first solution as target.
func (p Plan) Referral(n NewReferral) map[string]any {
	body := map[string]any{
		"externalReferenceId": n.ExternalReference,
		"qualification":       "SalesQualified",
		"type":                "Independent",
		"target":              []any{},
		"team":                people(n.Draft.Team),
	}
	for _, row := range p.Rows {
		value := n.Draft.Values[row.Field]
		switch {
		case !row.Outbound || !row.OnCreate, row.Field == deal.StatusField, row.Field == deal.Help, value == "", row.PartnerCenter == "":
		case row.Field == deal.CustomerNation:
			code, _ := deal.CountryCode(value)
			place(body, row.PartnerCenter, code)
		default:
			place(body, row.PartnerCenter, row.centerValue(value))
		}
	}
	place(body, "customerProfile.team", people(n.Draft.Contacts))
	place(body, "consent.consentToToShareInfoWithOthers", true)
	place(body, "consent.consentToContact", true)
	place(body, "consent.consentToShareReferralWithMicrosoftSellers", n.Draft.Values[deal.Visible] == deal.True || n.Draft.Help != "")
	place(body, "details.requirements.solutions", solutions(n.Draft.Solutions))
	place(body, "details.requirements.additionalRequirements.iot", map[string]any{})
	if attributeID(body, marketplaceIntent) == nil {
		place(body, attributesPath+"."+marketplaceIntent, n.MarketplaceIntent)
	}
	if n.Draft.Help != "" {
		body["type"] = "Shared"
		for _, first := range n.Draft.Solutions[:min(1, len(n.Draft.Solutions))] {
			body["target"] = []any{map[string]any{"type": "SolutionProfile", "id": first.ID}}
		}
		if n.HelpCode {
			place(body, "inviteContext.assistanceRequestCode", n.Draft.Help)
		}
	}
	return body
}

// Counterpart gives the body of Microsoft's referral in a co-sell engagement: the same deal, addressed to Microsoft.
func (p Plan) Counterpart(n NewReferral, engagementID string) map[string]any {
	body := p.Referral(n)
	body["engagementId"] = engagementID
	body["target"] = []any{map[string]any{"type": "BusinessProfileLocation", "id": "msft"}}
	place(body, "inviteContext.assistanceRequestCode", n.Draft.Help)
	return body
}

func solutions(sold []deal.Solution) []any {
	list := []any{}
	for _, s := range sold {
		list = append(list, solution(s))
	}
	return list
}

// solution is an entry of the catalogue: a co-sell ready solution of the partner's, of another company's, or of Microsoft's.
func solution(s deal.Solution) map[string]any {
	entry := map[string]any{"type": "Name", "id": s.ID}
	if s.Name != "" {
		entry["name"] = s.Name
	}
	return entry
}
