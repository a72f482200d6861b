package connector

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// compareCurrency looks for the default currency among the active ones of an organisation that has several ("CurrencyType"). It stands
// in for a field that such an organisation's opportunities have, so that a wrong one is a misunderstanding, and harms nothing yet.
func (c *connector) compareCurrency(ctx context.Context, client *salesforce.Client, d document.Document) ([]finding, error) {
	wanted := d.Sharing.DefaultCurrency
	if wanted == "" {
		return nil, nil
	}
	several, _, err := c.fieldExists(ctx, named{object: d.CRM.Objects[document.ObjectOpportunity], field: "CurrencyIsoCode"})
	if err != nil || !several {
		return nil, err
	}
	type currency struct {
		Code string `json:"IsoCode"`
	}
	var active []currency
	if err := c.remote.Retry(ctx, func(ctx context.Context) (err error) {
		active, err = salesforce.Query[currency](ctx, client.Data(), "SELECT IsoCode FROM CurrencyType WHERE IsActive = true")
		return err
	}); err != nil {
		return nil, fmt.Errorf("read the currencies: %w", err)
	}
	return missingCurrency(wanted, active, func(one currency) string { return one.Code }), nil
}

// compareDynamicsCurrency looks for the default currency among the active ones of an environment ("Currency (TransactionCurrency) table").
func (c *connector) compareDynamicsCurrency(ctx context.Context, wanted string) ([]finding, error) {
	if wanted == "" {
		return nil, nil
	}
	client, err := c.remote.Dataverse(ctx)
	if err != nil {
		return nil, err
	}
	type currency struct {
		Code string `json:"isocurrencycode"`
	}
	var active []currency
	if err := c.remote.Retry(ctx, func(ctx context.Context) (err error) {
		active, err = dataverse.List[currency](ctx, client, "transactioncurrencies", dataverse.Query{Select: []string{"isocurrencycode"}, Filter: "statecode eq 0"})
		return err
	}); err != nil {
		return nil, fmt.Errorf("read the currencies: %w", err)
	}
	return missingCurrency(wanted, active, func(one currency) string { return one.Code }), nil
}

func missingCurrency[C any](wanted string, active []C, code func(C) string) []finding {
	var codes []string
	for _, one := range active {
		if code(one) == wanted {
			return nil
		}
		codes = append(codes, code(one))
	}
	slices.Sort(codes)
	return []finding{{place{"default_currency", ""}, problem.CurrencyUnknown, "currency " + wanted, "it is not active; active are " + strings.Join(codes, ", ")}}
}
