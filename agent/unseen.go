package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/agent/app"
)

type dealsUnseen struct {
	storeFlags
	Config      string        `required:"" placeholder:"FILE" env:"COSELL_AGENT_CONFIG" help:"The document: a file, or - for standard input."`
	CallTimeout time.Duration `default:"20s" env:"COSELL_AGENT_CALL_TIMEOUT" help:"The longest that one remote call may take."`
}

// Help is shown by deals unseen --help.
func (dealsUnseen) Help() string {
	return `Reads both sides from where the agent with this store stopped, stores nothing, and lists the opportunities and referrals that may have
changed since: for handing over to another product, which must look at them itself. Deals that changed in the last minutes before the
stop are listed too. Opportunities that a seller wants to share and that have no referral are always listed.

Examples:
  cosell-agent deals unseen --config agent.json --store sqlite:/var/lib/cosell/agent.db
  cosell-agent deals unseen --config agent.json --json`
}

// unseenDeals is what the command prints.
type unseenDeals struct {
	Opportunities []string `json:"opportunities"`
	Referrals     []string `json:"referrals"`
}

// Run lists what nobody has looked at.
func (c dealsUnseen) Run(ctx context.Context, out io.Writer) (err error) {
	d, err := readDocument(c.Config, os.Stdin)
	if err != nil {
		return err
	}
	if c.Connector == "" {
		c.Connector = d.Connector.Name
	}
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	found := unseenDeals{Opportunities: []string{}, Referrals: []string{}}
	records, referrals, err := app.Unseen(ctx, d, calling(c.CallTimeout), s)
	if err != nil {
		return err
	}
	found.Opportunities, found.Referrals = append(found.Opportunities, records...), append(found.Referrals, referrals...)
	if c.JSON {
		return printJSON(out, found)
	}
	for _, id := range found.Opportunities {
		fmt.Fprintln(out, "opportunity", id)
	}
	for _, id := range found.Referrals {
		fmt.Fprintln(out, "referral", id)
	}
	if len(records)+len(referrals) == 0 {
		fmt.Fprintln(out, "nothing changed")
	}
	return nil
}
