package app

import (
	"errors"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/internal/document"
	"github.com/cosell-sync/terraform-provider-cosell/internal/expression"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// mappingRow gives a row of the document as the mapping takes it. A row that does no more than carry a default field's value has
// no transformation.
func mappingRow(m document.Mapping, org organisation) (mapping.Row, error) {
	row := mapping.Row{
		Field: m.Field, PartnerCenter: m.PartnerCenter, CRM: m.CRM, Inbound: m.IsInbound(), Outbound: m.IsOutbound(),
		OnCreate: m.Applies(document.OnCreate), OnUpdate: m.Applies(document.OnUpdate), Winner: deal.CRM,
		Ways: deal.Ways{
			UnlessBlank:   m.Conflict == document.ConflictPreferCRM || m.Conflict == document.ConflictPreferPartnerCenter,
			Manual:        m.Conflict == document.ConflictManual,
			Once:          m.Conflict == document.ConflictWriteOnce || m.Conflict == document.ConflictLatch,
			LastWriter:    m.Conflict == document.ConflictLastWriter,
			KeepWhenBlank: m.Null == document.NullKeep,
		},
	}
	if m.Conflict == document.ConflictPartnerCenter || m.Conflict == document.ConflictPreferPartnerCenter {
		row.Winner = deal.PartnerCenter
	}
	if deal.Known(m.Field) && !m.Transforms() {
		return row, nil
	}
	field, _ := org.Field(m.CRM)
	var err error
	row.Transform, err = transform(m, field)
	return row, err
}

func transform(m document.Mapping, field crm.Field) (*mapping.Transform, error) {
	t := &mapping.Transform{Constant: m.Constant, Default: m.Default, CRMKind: field.Kind, CRMScale: field.Scale}
	if m.CRM == "" {
		t.CRMScale = -1
	}
	if len(m.Values) > 0 {
		t.ToCRM, t.ToCenter = map[string]string{}, map[string]string{}
	}
	for _, v := range m.Values {
		t.ToCenter[v.CRM] = v.PartnerCenter
		if _, first := t.ToCRM[v.PartnerCenter]; !first {
			t.ToCRM[v.PartnerCenter] = v.CRM
		}
	}
	for _, part := range []struct {
		side   expression.Side
		source string
		into   **expression.Expression
	}{{expression.OfReferral, m.InboundExpression, &t.Inbound}, {expression.OfRecord, m.OutboundExpression, &t.Outbound}} {
		if part.source == "" {
			continue
		}
		compiled, err := expression.Compile(part.side, part.source)
		if err != nil {
			return nil, problem.Wrap(problem.DocumentInvalid, "mapping of "+m.Field, err)
		}
		*part.into = compiled
	}
	return t, nil
}

// checkMapping compares the document's rows with the fields that the agent's user sees. It fails with one problem for each kind of
// finding, which names them all.
func checkMapping(rows []document.Mapping, org organisation) error {
	found := map[problem.Code][]string{}
	for _, row := range rows {
		for _, finding := range org.CheckRow(row) {
			found[finding.Code] = append(found[finding.Code], "field "+row.CRM+", mapping of "+row.Field+": "+finding.Detail)
		}
	}
	var problems []error
	for _, code := range []problem.Code{problem.FieldNotWritable, problem.FieldTypeMismatch, problem.PicklistUnknown} {
		if details := found[code]; len(details) > 0 {
			slices.Sort(details)
			problems = append(problems, problem.New(code, org.String(), strings.Join(details, "; ")))
		}
	}
	return errors.Join(problems...)
}
