package main

import (
	"context"
	"fmt"
)

// catalogue are the solutions that the example declares.
const catalogue = `[
  { solution_id = "SOL-10001-ABC", name = "Warehouse analytics" },
  { solution_id = "SOL-10002-DEF", name = "Cloud backup" },
]`

// dynamicsSeller acts in Dynamics 365.
const dynamicsSeller = "The seller, in Dynamics 365,"

// Status reasons of opportunities, as every new environment has them.
const (
	reasonInProgress = "1"
	reasonOnHold     = "2"
)

// sale remembers what the steps made.
type sale struct {
	*demo
	deal, referral, account    string // the seller's deal
	received, receivedReferral string // Microsoft's deal
}

// dynamicsScenario lists the steps, to be run in this order.
func (d *demo) dynamicsScenario() []func(context.Context) error {
	s := &sale{demo: d}
	return []func(context.Context) error{
		s.share, s.editInDynamics, s.editInPartnerCenter, s.addSolution, s.restore, s.show, s.askForHelp, s.receive, s.accept, s.decline, s.mend, s.win,
	}
}

func (s *sale) referralNow(ctx context.Context) (record, error) {
	return s.partnerCenter.referral(ctx, s.referral)
}

func (s *sale) dealNow(id string) func(context.Context) (record, error) {
	return only(func(ctx context.Context) ([]record, error) { return s.dynamics.deals(ctx, "opportunityid eq "+id) })
}

func (s *sale) dealOf(referral string) func(context.Context) (record, error) {
	return only(func(ctx context.Context) ([]record, error) {
		return s.dynamics.deals(ctx, "cosell_referralid eq '"+referral+"'")
	})
}

func (s *sale) sharedFrom(deal string) func(context.Context) (record, error) {
	return only(func(ctx context.Context) ([]record, error) { return s.partnerCenter.sharedFrom(ctx, deal) })
}

// solve adds a solution of the catalogue to a deal.
func (s *sale) solve(ctx context.Context, what, deal, solution string) error {
	_, err := s.act(ctx, dynamicsSeller, what, "dynamics_add_solution", "opportunity="+deal, "solution="+solution, "solution_column=cosell_solutiondetailid")
	return err
}

func (s *sale) edit(ctx context.Context, what, deal string, columns ...string) error {
	_, err := s.act(ctx, dynamicsSeller, what, "dynamics_edit_opportunity", append([]string{"id=" + deal}, columns...)...)
	return err
}

func (s *sale) share(ctx context.Context) error {
	s.line.Chapter("A seller shares a deal with Microsoft")
	closing := inDays(60)
	made, err := s.act(ctx, dynamicsSeller, `creates the opportunity "Warehouse analytics" for Contoso Nordic in Norway`, "dynamics_create_opportunity",
		"name=Warehouse analytics", "account=Contoso Nordic", "street=Karl Johans gate 1", "postal_code=0154", "city=Oslo", "country=Norway", "value=250000",
		"close_date="+closing, "description=Moves the warehouse to Azure.")
	if err != nil {
		return err
	}
	s.deal, s.account = made["id"], made["account_id"]
	if err := s.solve(ctx, "chooses a solution of the catalogue", s.deal, "Warehouse analytics"); err != nil {
		return err
	}
	if err := s.edit(ctx, "sets Sync With Partner Center to Yes", s.deal, "cosell_syncwithpartnercenter=true"); err != nil {
		return err
	}
	referral, err := s.expect(ctx, inPartnerCenter, "the deal is there, private, with every mapped field", s.sharedFrom(s.deal),
		is("name", "Warehouse analytics"), is("externalReferenceId", s.deal), is("status", "Active"), is("substatus", "Accepted"),
		is("consent.consentToShareReferralWithMicrosoftSellers", "false"), is("details.dealValue", "250000"), is("details.currency", "USD"),
		is("details.closingDateTime", closing+midnight), is("details.notes", "Moves the warehouse to Azure."), is("customerProfile.name", "Contoso Nordic"),
		is("customerProfile.address.addressLine1", "Karl Johans gate 1"), is("customerProfile.address.postalCode", "0154"), is("customerProfile.address.city", "Oslo"),
		is("customerProfile.address.country", "NO"), is("details.requirements.solutions.0.id", "SOL-10001-ABC"))
	if err != nil {
		return err
	}
	s.referral = referral["id"]
	_, err = s.expect(ctx, inDynamics, "the seller sees where it went", s.dealNow(s.deal),
		is("cosell_referralid", s.referral), has("cosell_referrallink", s.referral), has("name", "Warehouse analytics"))
	return err
}

func (s *sale) editInDynamics(ctx context.Context) error {
	s.line.Chapter("The seller works on")
	closing := inDays(90)
	if err := s.edit(ctx, "raises the revenue, moves the close date and rewrites the description", s.deal,
		"value=310000.50", "close_date="+closing, "description=Moves the warehouse and the reports to Azure."); err != nil {
		return err
	}
	_, err := s.expect(ctx, inPartnerCenter, "the same referral has the new values", s.referralNow, is("details.dealValue", "310000.5"),
		is("details.closingDateTime", closing+midnight), is("details.notes", "Moves the warehouse and the reports to Azure."), is("status", "Active"))
	return err
}

func (s *sale) editInPartnerCenter(ctx context.Context) error {
	s.line.Chapter("A colleague works in Partner Center")
	if _, err := s.act(ctx, portalUser, "corrects the deal value and the notes", "edit_referral", "id="+s.referral, "by=portal_user", "value=295000",
		"notes=The customer decides in two steps."); err != nil {
		return err
	}
	_, err := s.expect(ctx, inDynamics, "the opportunity has the new values, the others stay", s.dealNow(s.deal), is("estimatedvalue", "295000"),
		is("description", "The customer decides in two steps."), is("estimatedclosedate", inDays(90)), is("statuscode", reasonInProgress))
	return err
}

func (s *sale) addSolution(ctx context.Context) error {
	s.line.Chapter("Both change the solutions")
	if err := s.solve(ctx, "adds a second solution", s.deal, "Cloud backup"); err != nil {
		return err
	}
	if _, err := s.expect(ctx, inPartnerCenter, "the referral has both", s.referralNow, is("details.requirements.solutions.length", "2")); err != nil {
		return err
	}
	if _, err := s.act(ctx, portalUser, "takes the first one out", "edit_referral", "id="+s.referral, "by=portal_user", "remove_solution=SOL-10001-ABC"); err != nil {
		return err
	}
	_, err := s.expect(ctx, inDynamics, "the opportunity has the second one only", s.dynamics.solutions(s.deal), is("length", "1"), is("0", "SOL-10002-DEF"))
	return err
}

func (s *sale) restore(ctx context.Context) error {
	s.line.Chapter("What only the agent writes is restored")
	if err := s.edit(ctx, "types over the referral link", s.deal, "cosell_referrallink=https://example.com/mine"); err != nil {
		return err
	}
	_, err := s.expect(ctx, inDynamics, "the link is back, and Audit says so", s.dealNow(s.deal), has("cosell_referrallink", s.referral), has("cosell_audit", "restored"))
	return err
}

func (s *sale) show(ctx context.Context) error {
	s.line.Chapter("The seller shows the deal to Microsoft's sellers")
	if err := s.edit(ctx, "sets Referral Visibility to visible", s.deal, "cosell_referralvisibility=true"); err != nil {
		return err
	}
	_, err := s.expect(ctx, inPartnerCenter, "the private deal is partner-led now, the same referral", s.referralNow,
		is("consent.consentToShareReferralWithMicrosoftSellers", "true"), is("externalReferenceId", s.deal), is("status", "Active"))
	return err
}

func (s *sale) askForHelp(ctx context.Context) error {
	s.line.Chapter("The seller asks Microsoft for help, and Microsoft accepts")
	contact, err := s.act(ctx, dynamicsSeller, "makes the customer's contact", "dynamics_create_contact", "last_name=Contact", "first_name=Customer",
		"email=customer.contact@example.com", "phone=+47 22 00 00 00", "company="+s.account)
	if err != nil {
		return err
	}
	help, err := s.dynamics.option(ctx, "cosell_howcanmicrosofthelp", "Proof of concept or demo")
	if err != nil {
		return err
	}
	if err := s.edit(ctx, "names the contact and chooses how Microsoft can help", s.deal, "contact="+contact["id"], "cosell_howcanmicrosofthelp="+help); err != nil {
		return err
	}
	counterpart := only(func(ctx context.Context) ([]record, error) {
		own, err := s.referralNow(ctx)
		if err != nil {
			return nil, err
		}
		return s.partnerCenter.microsofts(ctx, own["engagementId"])
	})
	if _, err := s.expect(ctx, inPartnerCenter, "one referral for Microsoft, in the same engagement", counterpart, is("status", "New"), is("substatus", "Pending"),
		is("target.0.id", microsoft), is("customerProfile.team.0.email", "customer.contact@example.com")); err != nil {
		return err
	}
	if _, err := s.act(ctx, microsoftSeller, "accepts", "accept_counterpart", "id="+s.referral, "microsoft_crm_id=7-3F5XKQ"); err != nil {
		return err
	}
	_, err = s.expect(ctx, inDynamics, "the seller has Microsoft's own identifier of the deal", s.dealNow(s.deal),
		is("cosell_microsoftcrmid", "7-3F5XKQ"), is("statuscode", reasonInProgress))
	return err
}

func (s *sale) receive(ctx context.Context) error {
	s.line.Chapter("Microsoft sends a co-sell deal")
	closing := inDays(120)
	sent, err := s.act(ctx, microsoftSeller, `sends the deal "Store rollout" for Contoso Nordic, a customer that Dynamics 365 knows`, "send_referral", "name=Store rollout",
		"customer=Contoso Nordic", "address_line1=Karl Johans gate 1", "postal_code=0154", "city=Oslo", "country=NO", "value=80000", "currency=USD",
		"close_date="+closing, "notes=Forty stores.", "help=ProofOfConceptOrDemo")
	if err != nil {
		return err
	}
	s.receivedReferral = sent["id"]
	deal, err := s.expect(ctx, inDynamics, "one opportunity, on hold, under the account that was there", s.dealOf(s.receivedReferral), has("name", "Store rollout"),
		is("statuscode", reasonOnHold), is("cosell_syncwithpartnercenter", "true"), is("estimatedvalue", "80000"), is("estimatedclosedate", closing),
		is("description", "Forty stores."), is("_parentaccountid_value", s.account))
	if err != nil {
		return err
	}
	s.received = deal["opportunityid"]
	_, err = s.expect(ctx, inPartnerCenter, "Microsoft still waits for an answer", func(ctx context.Context) (record, error) {
		return s.partnerCenter.referral(ctx, s.receivedReferral)
	}, is("status", "New"), is("substatus", "Pending"))
	return err
}

func (s *sale) accept(ctx context.Context) error {
	s.line.Chapter("The seller accepts it")
	if err := s.edit(ctx, "moves it from On Hold to In Progress", s.received, "status="+reasonInProgress); err != nil {
		return err
	}
	_, err := s.expect(ctx, inPartnerCenter, "the referral is accepted", func(ctx context.Context) (record, error) {
		return s.partnerCenter.referral(ctx, s.receivedReferral)
	}, is("status", "Active"), is("substatus", "Accepted"))
	return err
}

func (s *sale) decline(ctx context.Context) error {
	s.line.Chapter("Another one is declined")
	sent, err := s.act(ctx, microsoftSeller, `sends the deal "Archive" for Fabrikam, a customer that Dynamics 365 does not know`, "send_referral", "name=Archive",
		"customer=Fabrikam", "address_line1=1 Main Street", "postal_code=98052", "city=Redmond", "country=US", "value=12000", "currency=USD")
	if err != nil {
		return err
	}
	deal, err := s.expect(ctx, inDynamics, "an opportunity, on hold, under a new account", s.dealOf(sent["id"]), has("name", "Archive"), is("statuscode", reasonOnHold),
		is("parentaccountid.name", "Fabrikam"), is("parentaccountid.address1_postalcode", "98052"))
	if err != nil {
		return err
	}
	if _, err := s.act(ctx, dynamicsSeller, "closes it as lost", "dynamics_lose_opportunity", "id="+deal["opportunityid"]); err != nil {
		return err
	}
	_, err = s.expect(ctx, inPartnerCenter, "the referral is declined, not accepted first", func(ctx context.Context) (record, error) {
		return s.partnerCenter.referral(ctx, sent["id"])
	}, is("status", "Closed"), is("substatus", "Declined"), is("acceptedDateTime", ""))
	return err
}

func (s *sale) mend(ctx context.Context) error {
	s.line.Chapter("A deal that cannot be shared says why")
	made, err := s.act(ctx, dynamicsSeller, `creates "Cloud backup" without a solution, for a customer in the country "Atlantis", with Sync`, "dynamics_create_opportunity",
		"name=Cloud backup", "account=Northwind Traders", "street=2 Harbour Road", "postal_code=11120", "city=Stockholm", "country=Atlantis", "value=40000",
		"close_date="+inDays(30), "cosell_syncwithpartnercenter=true")
	if err != nil {
		return err
	}
	deal := made["id"]
	if _, err := s.expect(ctx, inDynamics, "the Audit column names both causes and what to do", s.dealNow(deal), is("name", "✗ Cloud backup"), has("cosell_audit", "solution"),
		has("cosell_audit", "Atlantis"), is("cosell_referralid", "")); err != nil {
		return err
	}
	shared, err := s.partnerCenter.sharedFrom(ctx, deal)
	if err != nil {
		return err
	}
	if len(shared) > 0 {
		return fmt.Errorf("the deal was shared although it is not complete: referral %s", shared[0]["id"])
	}
	if _, err := s.act(ctx, dynamicsSeller, "corrects the country to Sweden", "dynamics_edit_account", "id="+made["account_id"], "country=Sweden"); err != nil {
		return err
	}
	if err := s.solve(ctx, "adds a solution", deal, "Cloud backup"); err != nil {
		return err
	}
	_, err = s.expect(ctx, inPartnerCenter, "now the deal is there", s.sharedFrom(deal), is("name", "Cloud backup"), is("customerProfile.address.country", "SE"),
		is("details.requirements.solutions.0.id", "SOL-10002-DEF"), is("details.dealValue", "40000"), is("status", "Active"))
	return err
}

func (s *sale) win(ctx context.Context) error {
	s.line.Chapter("The seller wins the first deal")
	if _, err := s.act(ctx, dynamicsSeller, "closes it as won", "dynamics_win_opportunity", "id="+s.deal); err != nil {
		return err
	}
	if _, err := s.expect(ctx, inPartnerCenter, "the referral is closed as won, with the values agreed on", s.referralNow, is("status", "Closed"), is("substatus", "Won"),
		is("details.dealValue", "295000")); err != nil {
		return err
	}
	_, err := s.expect(ctx, inDynamics, "one opportunity for the deal, and it is won", s.dealOf(s.referral), is("opportunityid", s.deal), is("statecode", "1"))
	return err
}
