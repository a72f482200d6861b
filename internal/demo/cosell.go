package main

import (
	"context"
	"fmt"
)

// microsoftsReferral reads Microsoft's referral in the engagement of one of ours; several are an error.
func (s *story) microsoftsReferral(own string) func(context.Context) (record, error) {
	return only(func(ctx context.Context) ([]record, error) {
		referral, err := s.partnerCenter.referral(ctx, own)
		if err != nil {
			return nil, err
		}
		return s.partnerCenter.microsofts(ctx, referral["engagementId"])
	})
}

func (s *story) changeSolutions(ctx context.Context) error {
	s.line.Chapter("Both change the solutions")
	if _, err := s.act(ctx, seller, "adds a second solution", "add_solution", "opportunity="+s.shared, "solution=SOL-10002-DEF"); err != nil {
		return err
	}
	if _, err := s.expect(ctx, inPartnerCenter, "the referral has both", s.referral(s.sharedReferral),
		is("details.requirements.solutions.length", "2"), is("details.requirements.solutions.1.id", "SOL-10002-DEF")); err != nil {
		return err
	}
	if _, err := s.act(ctx, portalUser, "replaces the first one by a third", "edit_referral", "id="+s.sharedReferral, "by=portal_user",
		"add_solution=SOL-10003-GHI, Fabric accelerator", "remove_solution=SOL-10001-ABC"); err != nil {
		return err
	}
	_, err := s.expect(ctx, inSalesforce, "the opportunity has the second and the third", s.salesforce.solutions(s.shared),
		is("length", "2"), is("0", "SOL-10002-DEF"), is("1", "SOL-10003-GHI"))
	return err
}

func (s *story) restore(ctx context.Context) error {
	s.line.Chapter("What only the agent writes is restored")
	if _, err := s.act(ctx, seller, "types over the referral link", "edit_opportunity", "id="+s.shared, "Referral_Link__c=https://example.com/mine"); err != nil {
		return err
	}
	_, err := s.expect(ctx, inSalesforce, "the link is back, and Audit says so", s.opportunity(s.shared),
		has("Referral_Link__c", s.sharedReferral), has("Audit__c", "restored"))
	return err
}

func (s *story) show(ctx context.Context) error {
	s.line.Chapter("The seller shows the deal to Microsoft's sellers")
	if _, err := s.act(ctx, seller, "ticks Referral visible to Microsoft", "edit_opportunity", "id="+s.shared,
		"Referral_Visible_to_Microsoft__c=true"); err != nil {
		return err
	}
	_, err := s.expect(ctx, inPartnerCenter, "the private deal is partner-led now, the same referral", s.referral(s.sharedReferral),
		is("consent.consentToShareReferralWithMicrosoftSellers", "true"), is("externalReferenceId", s.shared), is("status", "Active"))
	return err
}

func (s *story) askForHelp(ctx context.Context) error {
	s.line.Chapter("The seller asks Microsoft for help, and Microsoft accepts")
	if _, err := s.act(ctx, seller, "adds the customer's contact", "add_contact", "opportunity="+s.shared, "last_name=Contact", "first_name=Customer",
		"email=customer.contact@example.com", "phone=+47 22 00 00 00"); err != nil {
		return err
	}
	if _, err := s.act(ctx, seller, "chooses how Microsoft can help", "edit_opportunity", "id="+s.shared,
		"How_can_Microsoft_help__c=Proof of concept or demo"); err != nil {
		return err
	}
	if _, err := s.expect(ctx, inPartnerCenter, "one referral for Microsoft, in the same engagement", s.microsoftsReferral(s.sharedReferral),
		is("status", "New"), is("substatus", "Pending"), is("target.0.id", microsoft), is("customerProfile.team.0.email", "customer.contact@example.com"),
		is("details.requirements.solutions.length", "2")); err != nil {
		return err
	}
	if _, err := s.act(ctx, microsoftSeller, "accepts", "accept_counterpart", "id="+s.sharedReferral, "microsoft_crm_id=7-3F5XKQ"); err != nil {
		return err
	}
	_, err := s.expect(ctx, inSalesforce, "the seller has Microsoft's own identifier of the deal", s.opportunity(s.shared),
		is("Microsoft_CRM_Identifier__c", "7-3F5XKQ"), is("StageName", stageActive))
	return err
}

func (s *story) microsoftDeclines(ctx context.Context) error {
	s.line.Chapter("Microsoft declines another request")
	made, err := s.act(ctx, seller, `creates "Shop floor" with a contact, a solution and the wish for help, and ticks Sync`,
		"create_opportunity", "name=Shop floor", "account=Contoso Nordic", "stage="+stageActive, "amount=20000", "solution=SOL-10001-ABC",
		"contact=Contact", "contact_first_name=Customer", "contact_email=customer.contact@example.com", "contact_phone=+47 22 00 00 00",
		"How_can_Microsoft_help__c=Quotes or licensing", "Sync_with_Partner_Center__c=true")
	if err != nil {
		return err
	}
	own, err := s.expect(ctx, inPartnerCenter, "the deal is there, visible, because help implies it", s.referralOf(made["id"]),
		is("consent.consentToShareReferralWithMicrosoftSellers", "true"), is("status", "Active"))
	if err != nil {
		return err
	}
	if _, err := s.expect(ctx, inPartnerCenter, "and Microsoft's referral beside it", s.microsoftsReferral(own["id"]), is("substatus", "Pending")); err != nil {
		return err
	}
	const why = "No Microsoft seller directly manages this customer"
	if _, err := s.act(ctx, microsoftSeller, "declines: "+why, "decline_counterpart", "id="+own["id"], "reason="+why); err != nil {
		return err
	}
	if _, err := s.expect(ctx, inSalesforce, "the seller reads why, and the deal goes on", s.opportunity(made["id"]),
		has("Audit__c", why), is("StageName", stageActive), is("IsClosed", "false")); err != nil {
		return err
	}
	left, err := s.partnerCenter.referral(ctx, own["id"])
	if err != nil {
		return err
	}
	if left["status"] != "Active" {
		return fmt.Errorf("the partner's own referral was closed by Microsoft's answer: %s/%s", left["status"], left["substatus"])
	}
	return nil
}
