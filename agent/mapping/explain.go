package mapping

import (
	"fmt"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
)

// Line tells what one row makes of one value.
type Line struct {
	Field  string   // of the deal: the row
	From   string   // where the value stands; "" where the row needs no source
	Source any      // the value there
	To     string   // where the result would be written; "" where this row writes nothing on this way
	Result any      // what would be written
	By     string   // what makes the result: copy, constant, values, expression, …
	On     []string // create and/or update
	Err    error    // why there is no result
}

// ExplainRecord tells, row by row, what a record would become in Partner Center. A row that fails does not hide the others.
func (p Plan) ExplainRecord(fields map[string]any) []Line {
	var lines []Line
	for _, row := range p.Rows {
		line := row.line(true, fields[row.CRM])
		values, err := p.with(row).FromRecord(fields)
		line.Err = err
		if err == nil && row.Outbound {
			line.Result = p.centerResult(row, values[row.Field])
		}
		lines = append(lines, line)
	}
	return lines
}

// ExplainReferral tells, row by row, what a referral would become in the CRM.
func (p Plan) ExplainReferral(referral map[string]any) []Line {
	var lines []Line
	for _, row := range p.Rows {
		line := row.line(false, lookup(referral, row.PartnerCenter))
		alone := row
		alone.OnCreate = true
		values, err := p.with(alone).FromReferral(referral)
		if err == nil && line.To != "" {
			line.Result, err = p.crmResult(row, p.with(alone).Fit(values)[row.Field])
		}
		line.Err = err
		lines = append(lines, line)
	}
	return lines
}

func (p Plan) crmResult(row Row, value string) (any, error) {
	if row.Field != deal.Help {
		return p.crmValue(row, value)
	}
	if shown, ok := p.HelpValues[value]; ok {
		return shown, nil
	}
	return nil, nil
}

func (p Plan) centerResult(row Row, value string) any {
	switch row.Field {
	case deal.StatusField:
		return value
	case deal.CustomerNation:
		if code, known := deal.CountryCode(value); known {
			return code
		}
		return value
	default:
		return row.centerValue(value)
	}
}

func (r Row) line(outgoing bool, source any) Line {
	line := Line{Field: r.Field, From: r.PartnerCenter, Source: source, To: r.CRM, By: r.by(outgoing)}
	writes := r.Inbound
	if outgoing {
		line.From, line.To, writes = r.CRM, r.PartnerCenter, r.Outbound
	}
	if !writes {
		line.To, line.By = "", "not written this way"
	}
	if r.OnCreate {
		line.On = append(line.On, "create")
	}
	if r.OnUpdate {
		line.On = append(line.On, "update")
	}
	return line
}

// by names what makes the result.
func (r Row) by(outgoing bool) string {
	t := r.Transform
	switch {
	case r.Field == deal.StatusField:
		return "stages"
	case r.Field == deal.Help:
		return "help table"
	case r.Field == deal.ReferralLink:
		return "address of the referral"
	case t == nil || !t.changes():
		return "copy"
	case t.Constant != "":
		return "constant"
	}
	var parts []string
	expressed := t.Inbound
	if outgoing {
		expressed = t.Outbound
	}
	switch {
	case expressed != nil:
		parts = append(parts, fmt.Sprintf("expression %s", expressed))
	case len(t.ToCenter) > 0:
		parts = append(parts, "values")
	}
	if t.Default != "" {
		parts = append(parts, fmt.Sprintf("default %q", t.Default))
	}
	if len(parts) == 0 {
		return "copy"
	}
	return strings.Join(parts, ", ")
}
