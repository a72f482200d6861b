package main

import (
	"context"
	"fmt"
	"time"
)

// Stages of the demo organisation's sales process, as every new Salesforce organisation has them.
const (
	stageOnHold = "Prospecting"
	stageActive = "Qualification"
	stageLater  = "Needs Analysis"
	stageWon    = "Closed Won"
	stageLost   = "Closed Lost"
)

// The people.
const (
	seller          = "The seller, in Salesforce,"
	portalUser      = "A colleague, in Partner Center,"
	microsoftSeller = "A seller at Microsoft"
)

const (
	inPartnerCenter = "Partner Center"
	inSalesforce    = "Salesforce"

	date     = "2006-01-02"
	midnight = "T00:00:00Z"
	day      = 24 * time.Hour
)

// story remembers what the steps made.
type story struct {
	*demo
	shared, sharedReferral     string // the seller's deal
	account                    string // its account
	received, receivedReferral string // Microsoft's deal
	rejected                   string // the referral that is declined
}

// scenario lists the steps, to be run in this order.
func (d *demo) scenario() []func(context.Context) error {
	s := &story{demo: d}
	return []func(context.Context) error{
		s.share, s.editInSalesforce, s.editInPartnerCenter, s.changeSolutions, s.restore, s.show, s.askForHelp, s.microsoftDeclines,
		s.receive, s.accept, s.decline, s.mend, s.win,
	}
}

// inDays is the date so many days from now.
func inDays(days int) string { return time.Now().UTC().Add(time.Duration(days) * day).Format(date) }

func (s *story) referral(id string) func(context.Context) (record, error) {
	return func(ctx context.Context) (record, error) { return s.partnerCenter.referral(ctx, id) }
}

func (s *story) referralOf(opportunity string) func(context.Context) (record, error) {
	return only(func(ctx context.Context) ([]record, error) { return s.partnerCenter.sharedFrom(ctx, opportunity) })
}

func (s *story) opportunity(id string) func(context.Context) (record, error) {
	return only(func(ctx context.Context) ([]record, error) { return s.salesforce.opportunities(ctx, "Id", id) })
}

func (s *story) opportunityOf(referral string) func(context.Context) (record, error) {
	return only(func(ctx context.Context) ([]record, error) {
		return s.salesforce.opportunities(ctx, "Referral_Identifier__c", referral)
	})
}

func (s *story) share(ctx context.Context) error {
	s.line.Chapter("A seller shares a deal with Microsoft")
	closing := inDays(60)
	made, err := s.act(ctx, seller, `creates the opportunity "Warehouse analytics" for Contoso Nordic in Norway and ticks Sync with Partner Center`,
		"create_opportunity", "name=Warehouse analytics", "account=Contoso Nordic", "street=Karl Johans gate 1", "postal_code=0154", "city=Oslo",
		"country=Norway", "stage="+stageActive, "amount=250000", "close_date="+closing, "description=Moves the warehouse to Azure.",
		"solution=SOL-10001-ABC", "Sync_with_Partner_Center__c=true")
	if err != nil {
		return err
	}
	s.shared, s.account = made["id"], made["account_id"]
	referral, err := s.expect(ctx, inPartnerCenter, "the deal is there, private, with every mapped field", s.referralOf(s.shared),
		is("name", "Warehouse analytics"), is("externalReferenceId", s.shared), is("status", "Active"), is("substatus", "Accepted"),
		is("consent.consentToShareReferralWithMicrosoftSellers", "false"), is("details.dealValue", "250000"), is("details.currency", "USD"),
		is("details.closingDateTime", closing+midnight), is("details.notes", "Moves the warehouse to Azure."),
		is("customerProfile.name", "Contoso Nordic"), is("customerProfile.address.addressLine1", "Karl Johans gate 1"),
		is("customerProfile.address.postalCode", "0154"), is("customerProfile.address.city", "Oslo"), is("customerProfile.address.country", "NO"),
		is("details.requirements.solutions.0.id", "SOL-10001-ABC"))
	if err != nil {
		return err
	}
	s.sharedReferral = referral["id"]
	_, err = s.expect(ctx, inSalesforce, "the seller sees where it went", s.opportunity(s.shared),
		is("Referral_Identifier__c", s.sharedReferral), has("Referral_Link__c", s.sharedReferral), has("Name", "Warehouse analytics"))
	return err
}

func (s *story) editInSalesforce(ctx context.Context) error {
	s.line.Chapter("The seller works on")
	closing := inDays(90)
	if _, err := s.act(ctx, seller, "raises the amount, moves the close date and rewrites the description",
		"edit_opportunity", "id="+s.shared, "amount=310000.50", "close_date="+closing, "description=Moves the warehouse and the reports to Azure."); err != nil {
		return err
	}
	_, err := s.expect(ctx, inPartnerCenter, "the same referral has the new values", s.referral(s.sharedReferral),
		is("details.dealValue", "310000.5"), is("details.closingDateTime", closing+midnight),
		is("details.notes", "Moves the warehouse and the reports to Azure."), is("name", "Warehouse analytics"), is("status", "Active"))
	return err
}

func (s *story) editInPartnerCenter(ctx context.Context) error {
	s.line.Chapter("A colleague works in Partner Center")
	if _, err := s.act(ctx, portalUser, "corrects the deal value and the notes",
		"edit_referral", "id="+s.sharedReferral, "by=portal_user", "value=295000", "notes=The customer decides in two steps."); err != nil {
		return err
	}
	_, err := s.expect(ctx, inSalesforce, "the opportunity has the new values, the others stay", s.opportunity(s.shared),
		is("Amount", "295000"), is("Description", "The customer decides in two steps."), is("CloseDate", inDays(90)), is("StageName", stageActive))
	return err
}

func (s *story) receive(ctx context.Context) error {
	s.line.Chapter("Microsoft sends a co-sell deal")
	closing := inDays(120)
	sent, err := s.act(ctx, microsoftSeller, `sends the deal "Store rollout" for Contoso Nordic, a customer that Salesforce knows`,
		"send_referral", "name=Store rollout", "customer=Contoso Nordic", "address_line1=Karl Johans gate 1", "postal_code=0154", "city=Oslo",
		"country=NO", "value=80000", "currency=USD", "close_date="+closing, "notes=Forty stores.", "help=ProofOfConceptOrDemo")
	if err != nil {
		return err
	}
	s.receivedReferral = sent["id"]
	opportunity, err := s.expect(ctx, inSalesforce, "one opportunity, on hold, under the account that was there", s.opportunityOf(s.receivedReferral),
		has("Name", "Store rollout"), is("StageName", stageOnHold), is("Sync_with_Partner_Center__c", "true"), is("Amount", "80000"),
		is("CloseDate", closing), is("Description", "Forty stores."), is("AccountId", s.account), is("Account.Name", "Contoso Nordic"))
	if err != nil {
		return err
	}
	s.received = opportunity["Id"]
	_, err = s.expect(ctx, inPartnerCenter, "Microsoft still waits for an answer", s.referral(s.receivedReferral),
		is("status", "New"), is("substatus", "Pending"))
	return err
}

func (s *story) accept(ctx context.Context) error {
	s.line.Chapter("The seller accepts it")
	if _, err := s.act(ctx, seller, "moves it from "+stageOnHold+" to "+stageLater,
		"edit_opportunity", "id="+s.received, "stage="+stageLater); err != nil {
		return err
	}
	_, err := s.expect(ctx, inPartnerCenter, "the referral is accepted", s.referral(s.receivedReferral),
		is("status", "Active"), is("substatus", "Accepted"))
	return err
}

func (s *story) decline(ctx context.Context) error {
	s.line.Chapter("Another one is declined")
	sent, err := s.act(ctx, microsoftSeller, `sends the deal "Archive" for Fabrikam, a customer that Salesforce does not know`,
		"send_referral", "name=Archive", "customer=Fabrikam", "address_line1=1 Main Street", "postal_code=98052", "city=Redmond", "country=US",
		"value=12000", "currency=USD")
	if err != nil {
		return err
	}
	s.rejected = sent["id"]
	opportunity, err := s.expect(ctx, inSalesforce, "an opportunity, on hold, under a new account", s.opportunityOf(s.rejected),
		has("Name", "Archive"), is("StageName", stageOnHold), is("Account.Name", "Fabrikam"), is("Account.BillingPostalCode", "98052"))
	if err != nil {
		return err
	}
	if _, err := s.act(ctx, seller, "loses it: "+stageLost, "edit_opportunity", "id="+opportunity["Id"], "stage="+stageLost); err != nil {
		return err
	}
	_, err = s.expect(ctx, inPartnerCenter, "the referral is declined, not accepted first", s.referral(s.rejected),
		is("status", "Closed"), is("substatus", "Declined"), is("acceptedDateTime", ""))
	return err
}

func (s *story) mend(ctx context.Context) error {
	s.line.Chapter("A deal that cannot be shared says why")
	made, err := s.act(ctx, seller, `creates "Cloud backup" without a solution, for a customer in the country "Atlantis", and ticks Sync`,
		"create_opportunity", "name=Cloud backup", "account=Northwind Traders", "street=2 Harbour Road", "postal_code=11120", "city=Stockholm",
		"country=Atlantis", "stage="+stageActive, "amount=40000", "Sync_with_Partner_Center__c=true")
	if err != nil {
		return err
	}
	opportunity := made["id"]
	_, err = s.expect(ctx, inSalesforce, "the Audit field names both causes and what to do", s.opportunity(opportunity),
		is("Name", "✗ Cloud backup"), has("Audit__c", "solution"), has("Audit__c", "Atlantis"), has("Sync_Status__c", "Audit"), is("Referral_Identifier__c", ""))
	if err != nil {
		return err
	}
	shared, err := s.partnerCenter.sharedFrom(ctx, opportunity)
	if err != nil {
		return err
	}
	if len(shared) > 0 {
		return fmt.Errorf("the deal was shared although it is not complete: referral %s", shared[0]["id"])
	}
	if _, err := s.act(ctx, seller, "corrects the country to Sweden", "edit_account", "id="+made["account_id"], "country=Sweden"); err != nil {
		return err
	}
	if _, err := s.act(ctx, seller, "adds a solution", "add_solution", "opportunity="+opportunity, "solution=SOL-10002-DEF"); err != nil {
		return err
	}
	_, err = s.expect(ctx, inPartnerCenter, "now the deal is there", s.referralOf(opportunity),
		is("name", "Cloud backup"), is("customerProfile.address.country", "SE"), is("details.requirements.solutions.0.id", "SOL-10002-DEF"),
		is("details.dealValue", "40000"), is("status", "Active"))
	return err
}

func (s *story) win(ctx context.Context) error {
	s.line.Chapter("The seller wins the first deal")
	if _, err := s.act(ctx, seller, "sets it to "+stageWon, "edit_opportunity", "id="+s.shared, "stage="+stageWon); err != nil {
		return err
	}
	if _, err := s.expect(ctx, inPartnerCenter, "the referral is closed as won, with the values agreed on", s.referral(s.sharedReferral),
		is("status", "Closed"), is("substatus", "Won"), is("details.dealValue", "295000")); err != nil {
		return err
	}
	_, err := s.expect(ctx, inSalesforce, "one opportunity for each deal, and it is won", s.opportunityOf(s.sharedReferral),
		is("Id", s.shared), is("IsWon", "true"), is("Amount", "295000"))
	return err
}
