package store

import (
	"context"
	"encoding/json"
	"fmt"
)

// Finding is something that must not be in a store, and what to do about it.
type Finding struct {
	What     string   `json:"what"`
	Count    int64    `json:"count"`
	Examples []string `json:"examples"` // "connector key", a few of them
	Advice   string   `json:"advice"`
}

const (
	restoreAdvice = "Stop the agent, keep a copy of the database, and restore the newest backup that 'store check --backup' finds good."
	bugAdvice     = "This should not happen. Keep a copy of the database and report it; the agent can go on meanwhile, the named deals may not be kept equal."
	maxExamples   = 5
)

// invariants are what holds after every transaction. Each query gives "connector key" of what breaks it.
var invariants = []struct{ what, advice, query string }{
	{"an id leads to a deal that does not exist", restoreAdvice, `SELECT a.connector || ' ' || a.external_key FROM alias AS a
		LEFT JOIN deal AS d ON d.connector = a.connector AND d.deal_key = a.deal_key WHERE d.deal_key IS NULL`},
	{"a deal has no work row, so no event can make it due", restoreAdvice, `SELECT d.connector || ' ' || d.deal_key FROM deal AS d
		LEFT JOIN work AS w ON w.connector = d.connector AND w.deal_key = d.deal_key WHERE w.deal_key IS NULL`},
	{"a work row belongs to no deal", restoreAdvice, `SELECT w.connector || ' ' || w.deal_key FROM work AS w
		LEFT JOIN deal AS d ON d.connector = w.connector AND d.deal_key = w.deal_key WHERE d.deal_key IS NULL`},
	{"a snapshot belongs to no deal", restoreAdvice, `SELECT s.connector || ' ' || s.deal_key FROM snapshot AS s
		LEFT JOIN deal AS d ON d.connector = s.connector AND d.deal_key = s.deal_key WHERE d.deal_key IS NULL`},
	{"a request belongs to no deal", restoreAdvice, `SELECT i.connector || ' ' || i.intent_id FROM intent AS i
		LEFT JOIN deal AS d ON d.connector = i.connector AND d.deal_key = i.deal_key WHERE d.deal_key IS NULL`},
	{"a deal's referral leads elsewhere", bugAdvice, `SELECT d.connector || ' ' || d.deal_key FROM deal AS d
		LEFT JOIN alias AS a ON a.connector = d.connector AND a.external_key = 'pc:' || LOWER(d.referral_id)
		WHERE d.referral_id <> '' AND (a.deal_key IS NULL OR a.deal_key <> d.deal_key)`},
	{"a deal's record leads elsewhere", bugAdvice, `SELECT d.connector || ' ' || d.deal_key FROM deal AS d
		LEFT JOIN alias AS a ON a.connector = d.connector AND a.external_key = 'crm:' || d.crm_id
		WHERE d.crm_id <> '' AND (a.deal_key IS NULL OR a.deal_key <> d.deal_key)`},
	{"more was settled than was asked for", bugAdvice, `SELECT connector || ' ' || deal_key FROM work WHERE done_generation > generation`},
	{"a deal's work is in an unknown state", bugAdvice, `SELECT connector || ' ' || deal_key FROM work WHERE state NOT IN ('active', 'parked', 'gated', 'stopped')`},
	{"a request is in an unknown state", bugAdvice, `SELECT connector || ' ' || intent_id FROM intent
		WHERE state NOT IN ('sent', 'ambiguous', 'done', 'failed', 'superseded', 'held')`},
}

// Check looks for damage: of the file (SQLite's own check; PostgreSQL looks after itself), and of what must always hold between
// the tables. It changes nothing and can run beside an agent. done hears the name of every check that has ended.
func (s *SQL) Check(ctx context.Context, done func(check string)) ([]Finding, error) {
	findings := []Finding{}
	err := s.view(ctx, func(t tx) error {
		if damaged, err := t.damage(ctx); err != nil {
			return err
		} else if damaged.Count > 0 {
			findings = append(findings, damaged)
		}
		done("integrity")
		for _, rule := range invariants {
			f, err := t.broken(rule.what, rule.advice, rule.query)
			if err != nil {
				return fmt.Errorf("check whether %s: %w", rule.what, err)
			}
			if f.Count > 0 {
				findings = append(findings, f)
			}
		}
		done("tables")
		f, err := t.unreadable()
		if f.Count > 0 {
			findings = append(findings, f)
		}
		done("snapshots")
		return err
	})
	return findings, err
}

func (f *Finding) add(example string) {
	f.Count++
	if len(f.Examples) < maxExamples {
		f.Examples = append(f.Examples, example)
	}
}

// damage asks the engine about its file.
func (t tx) damage(ctx context.Context) (Finding, error) {
	f := Finding{What: "the file is damaged", Advice: restoreAdvice}
	l, ok := t.engine.(*looker)
	if !ok || !l.file {
		return f, nil
	}
	rows, err := t.run.QueryContext(ctx, `PRAGMA integrity_check`)
	if err != nil {
		return f, err
	}
	defer rows.Close()
	for rows.Next() {
		var said string
		if err := rows.Scan(&said); err != nil {
			return f, err
		}
		if said != "ok" {
			f.add(said)
		}
	}
	return f, rows.Err()
}

func (t tx) broken(what, advice, query string) (Finding, error) {
	f := Finding{What: what, Advice: advice}
	rows, err := t.run.QueryContext(t.ctx, query)
	if err != nil {
		return f, err
	}
	defer rows.Close()
	for rows.Next() {
		var example string
		if err := rows.Scan(&example); err != nil {
			return f, err
		}
		f.add(example)
	}
	return f, rows.Err()
}

// unreadable finds snapshots that no engine could load.
func (t tx) unreadable() (Finding, error) {
	f := Finding{What: "the values of a snapshot cannot be read", Advice: restoreAdvice}
	rows, err := t.run.QueryContext(t.ctx, `SELECT connector, deal_key, fields FROM snapshot`)
	if err != nil {
		return f, err
	}
	defer rows.Close()
	for rows.Next() {
		var connector, key, fields string
		if err := rows.Scan(&connector, &key, &fields); err != nil {
			return f, err
		}
		var values Values
		if json.Unmarshal([]byte(fields), &values) != nil {
			f.add(connector + " " + key)
		}
	}
	return f, rows.Err()
}
