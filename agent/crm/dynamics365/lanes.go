package dynamics365

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/batch"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// A batch takes 1,000 requests, and its answer comes when all of them are done, one after the other ("Execute batch operations using the
// Web API"). These bounds keep it well below the time that one call may take, and what a lost answer leaves open small. The service
// protection limits count the requests inside a batch and the time they take, so what travels together spares no requests, but round
// trips, and places among the 52 calls that one user may have under way ("Service protection API limits").
const (
	// mostRequests is how many requests one batch has. A change set that has more goes alone.
	mostRequests = 60
	// mostChangeSets is how many deals one batch writes.
	mostChangeSets = 20
	// slots is how many batches of reads, and of writes, are under way at once.
	slots = 4
)

// lanes are the calls that deals share: what is asked at the same time leaves in one batch.
type lanes struct {
	reads  *batch.Group[reading, []dataverse.Result]
	writes *batch.Group[dataverse.Unit, []dataverse.Result]
	gather func() // nil: nobody is waited for
}

// Gather sets what happens before a shared call leaves, see [batch.Options]. It must be set before the environment is used.
func (e *Environment) Gather(gather func()) { e.lanes.gather = gather }

func newLanes(client *dataverse.Client) *lanes {
	l := &lanes{}
	gather := func() {
		if l.gather != nil {
			l.gather()
		}
	}
	l.reads = batch.New(batch.Options[reading]{
		Size: mostRequests, Slots: slots, Cost: func(r reading) int { return len(r) }, Budget: mostRequests, Gather: gather, Order: reading.compare,
	}, func(ctx context.Context, requests []reading) ([]batch.Result[[]dataverse.Result], error) {
		return readAll(ctx, client, requests)
	})
	l.writes = batch.New(batch.Options[dataverse.Unit]{
		Size: mostChangeSets, Slots: slots, Cost: func(u dataverse.Unit) int { return len(u.Changes) + len(u.Reads) }, Budget: mostRequests,
		Gather: gather, Order: compareUnits,
	}, func(ctx context.Context, units []dataverse.Unit) ([]batch.Result[[]dataverse.Result], error) {
		return writeAll(ctx, client, units)
	})
	return l
}

// reading is what one caller reads: requests that are answered in one batch.
type reading []dataverse.Part

func (r reading) compare(other reading) int {
	return slices.CompareFunc(r, other, func(a, b dataverse.Part) int { return cmp.Compare(a.Path, b.Path) })
}

// question names what is read.
func (r reading) question() string {
	paths := make([]string, len(r))
	for i, part := range r {
		paths[i] = part.Path
	}
	return strings.Join(paths, "\n")
}

func compareUnits(a, b dataverse.Unit) int {
	return slices.CompareFunc(a.Changes, b.Changes, func(a, b dataverse.Part) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), strings.Compare(string(a.Body), string(b.Body)))
	})
}

func get(path string, query dataverse.Query) dataverse.Part {
	return dataverse.Part{Method: http.MethodGet, Path: path + query.Encode()}
}

// ask reads, together with what others read at the same time. Each part has an answer of its own, which may be a failure.
func (e *Environment) ask(ctx context.Context, parts ...dataverse.Part) ([]dataverse.Result, error) {
	r := reading(parts)
	read := func() ([]dataverse.Result, error) { return e.lanes.reads.Do(ctx, r) }
	if p, ok := ctx.Value(promisesKey{}).(*promises); ok {
		return p.Fetch(r.question(), read)
	}
	return read()
}

// list reads the rows of a query, of which there are few.
func (e *Environment) list(ctx context.Context, set string, query dataverse.Query) (rows []map[string]any, err error) {
	results, err := e.ask(ctx, get(set, query))
	if err != nil {
		return nil, err
	}
	next, err := results[0].DecodePage(&rows)
	if err == nil && next != "" {
		return dataverse.List[map[string]any](ctx, e.client, set, query)
	}
	return rows, err
}

// apply makes the changes of one deal, all or none, together with those of others, and gives the answers to the changes, followed by those
// to the reads.
func (e *Environment) apply(ctx context.Context, changes []dataverse.Part, reads ...dataverse.Part) ([]dataverse.Result, error) {
	return e.lanes.writes.Do(ctx, dataverse.Unit{Changes: changes, Reads: reads})
}

func readAll(ctx context.Context, client *dataverse.Client, requests []reading) ([]batch.Result[[]dataverse.Result], error) {
	answers, err := client.ReadBatch(ctx, slices.Concat(requests...)...)
	if err != nil {
		return batch.Apart(ctx, requests, err, func(ctx context.Context, some []reading) ([]batch.Result[[]dataverse.Result], error) {
			return readAll(ctx, client, some)
		})
	}
	results := make([]batch.Result[[]dataverse.Result], len(requests))
	for i, request := range requests {
		results[i].Value, answers = answers[:len(request)], answers[len(request):]
	}
	return results, nil
}

// writeAll sends the changes of several deals, a change set each. The only one goes as a call of its own, and a single change of a row as
// that change.
func writeAll(ctx context.Context, client *dataverse.Client, units []dataverse.Unit) ([]batch.Result[[]dataverse.Result], error) {
	if len(units) == 1 {
		u := units[0]
		if version, guarded := guarded(u); guarded {
			return []batch.Result[[]dataverse.Result]{{Err: client.Update(ctx, u.Changes[0].Path, version, u.Changes[0].Body)}}, nil
		}
		answers, err := client.ChangeSet(ctx, u.Changes, u.Reads...)
		return []batch.Result[[]dataverse.Result]{{Value: answers, Err: err}}, nil
	}
	outcomes, err := client.ChangeSets(ctx, units...)
	if err != nil {
		return batch.Apart(ctx, units, err, func(ctx context.Context, some []dataverse.Unit) ([]batch.Result[[]dataverse.Result], error) {
			return writeAll(ctx, client, some)
		})
	}
	results := make([]batch.Result[[]dataverse.Result], len(units))
	for i, outcome := range outcomes {
		results[i] = batch.Result[[]dataverse.Result]{Value: outcome.Results, Err: outcome.Err}
	}
	return results, nil
}

// guarded gives the version that a unit's only change builds on.
func guarded(u dataverse.Unit) (version dataverse.Version, only bool) {
	if len(u.Changes) != 1 || len(u.Reads) > 0 || u.Changes[0].Method != http.MethodPatch {
		return "", false
	}
	version, only = u.Changes[0].Header["If-Match"]
	return version, only
}
