package kontor_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/reconcile/kontor"
)

// What the mapping writes comes back from the service as it was, through hundredths, numbers of days and ones and zeros; and what came
// back is written as the same again (I11).
func TestRoundTripsAreFixpoints(t *testing.T) {
	plan := kontor.Plan()
	rapid.Check(t, func(t *rapid.T) {
		values := deal.Values{
			deal.DealValue: fmt.Sprintf("%d.%02d", rapid.IntRange(0, 1e9).Draw(t, "worth"), rapid.IntRange(0, 99).Draw(t, "hundredths")),
			deal.CloseDate: fmt.Sprintf("%d-%02d-%02d", rapid.IntRange(1950, 2090).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month"), rapid.IntRange(1, 28).Draw(t, "day")),
			deal.Visible:   rapid.SampledFrom([]string{"", deal.True}).Draw(t, "visible"), deal.Notes: rapid.String().Draw(t, "notes"),
			deal.Help:        rapid.SampledFrom([]string{"GeneralOrOther", "QuotesOrLicensing"}).Draw(t, "help"),
			deal.StatusField: rapid.SampledFrom([]string{deal.New, deal.Active, deal.Won, deal.Lost}).Draw(t, "status"),
			deal.Currency:    rapid.SampledFrom([]string{"EUR", "USD"}).Draw(t, "currency"),
		}
		for field, value := range values {
			if field == deal.StatusField || field == deal.Help {
				continue
			}
			var err error
			if values[field], err = deal.Normalize(field, value); err != nil {
				t.Fatal(err)
			}
		}
		once := through(t, plan.ToRecord, plan.FromRecord, values)
		for field, value := range values {
			if once[field] != value {
				t.Fatalf("%s %q comes back as %q", field, value, once[field])
			}
		}
		if diff := cmp.Diff(once, through(t, plan.ToRecord, plan.FromRecord, once)); diff != "" {
			t.Fatalf("it comes back as another the second time: %s", diff)
		}
	})
}

// through writes values to the service's form and reads them back.
func through(
	t *rapid.T, write func(deal.Values) (map[string]any, error), read func(map[string]any) (deal.Values, error), values deal.Values,
) deal.Values {
	t.Helper()
	fields, err := write(values)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := kontor.Cells(fields)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(cells)
	if err != nil {
		t.Fatal(err)
	}
	var there map[string]any
	if err := kontor.Decode(body, &there); err != nil {
		t.Fatal(err)
	}
	back, err := read(kontor.Fields(there))
	if err != nil {
		t.Fatal(err)
	}
	return back
}
