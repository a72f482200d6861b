package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// dynamics reads the environment's public Web API.
type dynamics struct{ rows reader }

const inDynamics = "Dynamics 365"

// dealColumns are read for every comparison.
var dealColumns = []string{"opportunityid", "name", "statecode", "statuscode", "estimatedvalue", "estimatedclosedate", "description", "_parentaccountid_value",
	"cosell_syncwithpartnercenter", "cosell_referralid", "cosell_referrallink", "cosell_microsoftcrmid", "cosell_syncstatus", "cosell_audit"}

func openDynamics(ctx context.Context, env map[string]string) (*dynamics, error) {
	token, err := fetchToken(ctx, env["COSELL_DATAVERSE_AUTHORITY"]+"/"+env["COSELL_DATAVERSE_TENANT_ID"]+"/oauth2/v2.0/token", url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {env["COSELL_DATAVERSE_CLIENT_ID"]},
		"client_secret": {env["COSELL_DATAVERSE_CLIENT_SECRET"]},
		"scope":         {env["COSELL_DATAVERSE_URL"] + "/.default"},
	})
	if err != nil {
		return nil, fmt.Errorf("sign in to Dynamics 365: %w", err)
	}
	d := &dynamics{reader{base: env["COSELL_DATAVERSE_URL"] + "/api/data/v9.2", token: token}}
	d.rows.client.Timeout = readTimeout
	return d, nil
}

// list reads a collection.
func (d *dynamics) list(ctx context.Context, path string, options map[string]string) ([]record, error) {
	query := url.Values{}
	for name, value := range options {
		query.Set("$"+name, value)
	}
	var page struct {
		Value []map[string]any `json:"value"`
	}
	if err := d.rows.get(ctx, path, query, &page); err != nil {
		return nil, err
	}
	found := make([]record, len(page.Value))
	for i, object := range page.Value {
		found[i] = flatten(object)
	}
	return found, nil
}

// deals reads the opportunities that a condition selects.
func (d *dynamics) deals(ctx context.Context, filter string) ([]record, error) {
	return d.list(ctx, "/opportunities", map[string]string{
		"select": strings.Join(dealColumns, ","), "filter": filter, "expand": "parentaccountid($select=name,address1_line1,address1_postalcode,address1_city,address1_country)",
	})
}

// solutions reads the identifiers of an opportunity's solutions as one record: 0, 1, … and length.
func (d *dynamics) solutions(opportunity string) func(context.Context) (record, error) {
	return func(ctx context.Context) (record, error) {
		rows, err := d.list(ctx, "/cosell_microsoftsolutions", map[string]string{
			"filter": "_cosell_opportunityid_value eq " + opportunity, "expand": "cosell_SolutionDetailId($select=cosell_solutionidentifier)", "orderby": "createdon,cosell_microsoftsolutionid",
		})
		if err != nil {
			return nil, err
		}
		found := record{"length": strconv.Itoa(len(rows))}
		for i, row := range rows {
			found[strconv.Itoa(i)] = row["cosell_SolutionDetailId.cosell_solutionidentifier"]
		}
		return found, nil
	}
}

// option gives the number of a choice's option by its label.
func (d *dynamics) option(ctx context.Context, column, label string) (string, error) {
	var definition struct {
		OptionSet struct {
			Options []struct {
				Value int `json:"Value"`
				Label struct {
					User struct {
						Label string `json:"Label"`
					} `json:"UserLocalizedLabel"`
				} `json:"Label"`
			} `json:"Options"`
		} `json:"OptionSet"`
	}
	path := "/EntityDefinitions(LogicalName='opportunity')/Attributes(LogicalName='" + column + "')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
	if err := d.rows.get(ctx, path, url.Values{"$expand": {"OptionSet"}}, &definition); err != nil {
		return "", err
	}
	for _, option := range definition.OptionSet.Options {
		if option.Label.User.Label == label {
			return strconv.Itoa(option.Value), nil
		}
	}
	return "", fmt.Errorf("the column %s has no option %q", column, label)
}

// customised lists what of the example still stands in the environment.
func (d *dynamics) customised(ctx context.Context) ([]string, error) {
	var left []string
	columns, err := d.list(ctx, "/EntityDefinitions(LogicalName='opportunity')/Attributes", map[string]string{"select": "LogicalName"})
	if err != nil {
		return nil, err
	}
	tables, err := d.list(ctx, "/EntityDefinitions", map[string]string{"select": "LogicalName"})
	if err != nil {
		return nil, err
	}
	for _, found := range append(columns, tables...) {
		if strings.HasPrefix(found["LogicalName"], "cosell_") {
			left = append(left, found["LogicalName"])
		}
	}
	for _, set := range []string{"/publishers", "/solutions"} {
		rows, err := d.list(ctx, set, map[string]string{"select": "uniquename", "filter": "uniquename eq 'cosell'"})
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 {
			left = append(left, set+" cosell")
		}
	}
	forms, err := d.list(ctx, "/systemforms", map[string]string{"select": "name,formxml", "filter": "objecttypecode eq 'opportunity'"})
	if err != nil {
		return nil, err
	}
	for _, form := range forms {
		if strings.Contains(form["formxml"], "microsoft_partner_center") {
			left = append(left, "form section microsoft_partner_center")
		}
	}
	return left, nil
}
