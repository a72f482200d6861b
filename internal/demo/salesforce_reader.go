package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// salesforce reads the organisation's public REST API.
type salesforce struct{ rows reader }

// opportunityFields are read for every comparison.
var opportunityFields = []string{"Id", "Name", "StageName", "Amount", "CloseDate", "Description", "IsClosed", "IsWon", "AccountId", "Account.Name",
	"Account.BillingStreet", "Account.BillingPostalCode", "Account.BillingCity", "Account.BillingCountry", "Sync_with_Partner_Center__c",
	"Referral_Identifier__c", "Referral_Link__c", "Microsoft_CRM_Identifier__c", "Sync_Status__c", "Audit__c"}

func openSalesforce(ctx context.Context, env map[string]string) (*salesforce, error) {
	token, err := fetchToken(ctx, env["COSELL_SALESFORCE_LOGIN_URL"]+"/services/oauth2/token", url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {env["COSELL_AGENT_SALESFORCE_CLIENT_ID"]},
		"client_secret": {env["COSELL_AGENT_SALESFORCE_CLIENT_SECRET"]},
	})
	if err != nil {
		return nil, fmt.Errorf("sign in to Salesforce: %w", err)
	}
	s := &salesforce{reader{base: env["COSELL_SALESFORCE_INSTANCE_URL"] + "/services/data/v" + env["COSELL_SALESFORCE_API_VERSION"], token: token}}
	s.rows.client.Timeout = readTimeout
	return s, nil
}

func (s *salesforce) query(ctx context.Context, soql string) ([]record, error) {
	var page struct {
		Records []map[string]any `json:"records"`
	}
	if err := s.rows.get(ctx, "/query", url.Values{"q": {soql}}, &page); err != nil {
		return nil, err
	}
	found := make([]record, len(page.Records))
	for i, object := range page.Records {
		found[i] = flatten(object)
	}
	return found, nil
}

// opportunities reads those whose field has a value.
func (s *salesforce) opportunities(ctx context.Context, field, value string) ([]record, error) {
	return s.query(ctx, "SELECT "+strings.Join(opportunityFields, ", ")+" FROM Opportunity WHERE "+field+" = '"+value+"'")
}

// all reads every opportunity.
func (s *salesforce) all(ctx context.Context) ([]record, error) {
	return s.query(ctx, "SELECT "+strings.Join(opportunityFields, ", ")+" FROM Opportunity")
}

// solutions reads the identifiers of an opportunity's solutions as one record: 0, 1, … and length.
func (s *salesforce) solutions(opportunity string) func(context.Context) (record, error) {
	return func(ctx context.Context) (record, error) {
		rows, err := s.query(ctx, "SELECT Solution_Identifier__c FROM Microsoft_Solution__c WHERE Opportunity__c = '"+opportunity+
			"' ORDER BY Solution_Identifier__c")
		if err != nil {
			return nil, err
		}
		found := record{"length": strconv.Itoa(len(rows))}
		for i, row := range rows {
			found[strconv.Itoa(i)] = row["Solution_Identifier__c"]
		}
		return found, nil
	}
}

// customised lists what of the example still stands in the organisation.
func (s *salesforce) customised(ctx context.Context) ([]string, error) {
	var left []string
	var opportunity struct {
		Fields []struct {
			Name string `json:"name"`
		} `json:"fields"`
	}
	if err := s.rows.get(ctx, "/sobjects/Opportunity/describe", nil, &opportunity); err != nil {
		return nil, err
	}
	for _, field := range opportunity.Fields {
		if strings.HasSuffix(field.Name, "__c") {
			left = append(left, "Opportunity."+field.Name)
		}
	}
	for _, object := range []string{"Microsoft_Solution__c", "Microsoft_Solution_Detail__c"} {
		var description map[string]any
		switch err := s.rows.get(ctx, "/sobjects/"+object+"/describe", nil, &description); {
		case err == nil:
			left = append(left, object)
		case !missing(err):
			return nil, err
		}
	}
	for _, name := range []string{"Cosell_Agent", "Cosell_Seller", "Cosell_Catalogue"} {
		sets, err := s.query(ctx, "SELECT Id FROM PermissionSet WHERE Name = '"+name+"'")
		if err != nil {
			return nil, err
		}
		if len(sets) > 0 {
			left = append(left, "permission set "+name)
		}
	}
	return left, nil
}

// missing says whether an answer was 404.
func missing(err error) bool {
	var s *statusError
	return errors.As(err, &s) && s.status == http.StatusNotFound
}
