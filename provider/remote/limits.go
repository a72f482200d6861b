package remote

import (
	"context"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// FieldLimit is how many custom fields an object may have, and how many more it takes. Max is 0 when that is not known.
type FieldLimit struct {
	Max       int
	Remaining int
}

// objectsPerQuery bounds the statement that reads limits.
const objectsPerQuery = 50

// FieldLimit gives the limit of custom fields of a standard object, read once per walk. It is not known for custom objects, whose limits
// go by ids, and where the organisation does not tell.
func (r *Remote) FieldLimit(ctx context.Context, object string) (FieldLimit, error) {
	r.reads.mu.Lock()
	if r.reads.limits == nil {
		r.reads.limits = newBatch(objectsPerQuery, r.fetchLimits)
		r.reads.limits.alone = r.config.Alone
	}
	limits := r.reads.limits
	r.reads.mu.Unlock()
	return limits.get(ctx, object)
}

// fetchLimits reads what Setup shows as the limits of objects (Tooling API, "EntityLimit").
func (r *Remote) fetchLimits(ctx context.Context, objects []string) (map[string]FieldLimit, error) {
	client, err := r.Salesforce(ctx)
	if err != nil {
		return nil, err
	}
	type row struct {
		EntityDefinitionID string `json:"EntityDefinitionId"`
		Max, Remaining     int
	}
	var rows []row
	if err := r.Retry(ctx, func(ctx context.Context) (err error) {
		rows, err = salesforce.Query[row](ctx, client.Tooling(), "SELECT EntityDefinitionId, Max, Remaining FROM EntityLimit WHERE Type = 'CustomFields' AND "+
			"EntityDefinitionId IN "+salesforce.QuoteAll(objects))
		return err
	}); err != nil && !salesforce.IsDenied(err) && !salesforce.IsUnknownField(err) {
		return nil, err
	}
	limits := map[string]FieldLimit{}
	for _, object := range objects {
		limits[object] = FieldLimit{}
	}
	for _, one := range rows {
		limits[one.EntityDefinitionID] = FieldLimit{Max: one.Max, Remaining: one.Remaining}
	}
	return limits, nil
}
