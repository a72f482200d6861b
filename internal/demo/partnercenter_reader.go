package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// partnerCenter reads Partner Center's public APIs: referrals as the user, webhooks as the application.
type partnerCenter struct {
	referrals reader
	events    reader
}

func openPartnerCenter(ctx context.Context, env map[string]string) (*partnerCenter, error) {
	endpoint := env["COSELL_PARTNER_CENTER_AUTHORITY"] + "/" + env["COSELL_PARTNER_CENTER_TENANT_ID"] + "/oauth2/v2.0/token"
	client := url.Values{
		"client_id":     {env["COSELL_PARTNER_CENTER_CLIENT_ID"]},
		"client_secret": {env["COSELL_PARTNER_CENTER_CLIENT_SECRET"]},
	}
	user := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {env["COSELL_PARTNER_CENTER_REFRESH_TOKEN"]},
		"scope": {"https://api.partner.microsoft.com/.default"}}
	application := url.Values{"grant_type": {"client_credentials"}, "scope": {"https://api.partnercenter.microsoft.com/.default"}}
	var tokens [2]string
	for i, form := range []url.Values{user, application} {
		for name, value := range client {
			form[name] = value
		}
		token, err := fetchToken(ctx, endpoint, form)
		if err != nil {
			return nil, fmt.Errorf("sign in to Partner Center: %w", err)
		}
		tokens[i] = token
	}
	p := &partnerCenter{
		referrals: reader{base: env["COSELL_PARTNER_CENTER_REFERRALS_ENDPOINT"], token: tokens[0]},
		events:    reader{base: env["COSELL_PARTNER_CENTER_EVENTS_ENDPOINT"], token: tokens[1]},
	}
	p.referrals.client.Timeout, p.events.client.Timeout = readTimeout, readTimeout
	return p, nil
}

// referral reads one referral.
func (p *partnerCenter) referral(ctx context.Context, id string) (record, error) {
	var object map[string]any
	if err := p.referrals.get(ctx, "/referrals/"+url.PathEscape(id), nil, &object); err != nil {
		return nil, err
	}
	return flatten(object), nil
}

// all lists every referral of the tenant. The scenario stays far below the page size of 100.
func (p *partnerCenter) all(ctx context.Context) ([]record, error) {
	var page struct {
		Value []map[string]any `json:"value"`
	}
	if err := p.referrals.get(ctx, "/referrals", nil, &page); err != nil {
		return nil, err
	}
	found := make([]record, len(page.Value))
	for i, object := range page.Value {
		found[i] = flatten(object)
	}
	return found, nil
}

// sharedFrom lists the partner's own referrals that name a CRM record.
func (p *partnerCenter) sharedFrom(ctx context.Context, crmID string) ([]record, error) {
	return p.where(ctx, func(r record) bool { return r["externalReferenceId"] == crmID && r["target.0.id"] != microsoft })
}

// microsofts lists Microsoft's referrals of an engagement.
func (p *partnerCenter) microsofts(ctx context.Context, engagement string) ([]record, error) {
	return p.where(ctx, func(r record) bool { return r["engagementId"] == engagement && r["target.0.id"] == microsoft })
}

// microsoft is the target of Microsoft's referrals (page "create-a-referral").
const microsoft = "msft"

func (p *partnerCenter) where(ctx context.Context, holds func(record) bool) ([]record, error) {
	list, err := p.all(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(r record) bool { return !holds(r) }), nil
}

// listens says whether the tenant's registration delivers referral events to a URL.
func (p *partnerCenter) listens(ctx context.Context, target string) (bool, error) {
	var registration map[string]any
	if err := p.events.get(ctx, "/webhooks/v1/registration", nil, &registration); err != nil {
		if missing(err) {
			return false, nil
		}
		return false, err
	}
	var address string
	var events []string
	for name, value := range registration { // the public pages print the names in two spellings
		switch strings.ToLower(name) {
		case "webhookurl":
			address, _ = value.(string)
		case "webhookevents":
			list, _ := value.([]any)
			for _, event := range list {
				if text, ok := event.(string); ok {
					events = append(events, text)
				}
			}
		}
	}
	return address == target && slices.Contains(events, "referral-created"), nil
}
