package crm

// Summary is what a list shows of an opportunity.
type Summary struct {
	ID         string
	Name       string
	Account    string // name of the account
	Value      string // in canonical form, see deal.Normalize; empty: none
	Key        string // referral id in our own unique field
	ReferralID string // as shown to people
	Sync       bool
	Closed     bool
}
