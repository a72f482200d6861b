package dynamics365

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// deletions remember what the change feed told of rows that somebody deleted. Dataverse deletes for good: keeping deleted rows to restore
// them is a feature that an environment must be given, and its rows take part in no query by key ("Restore deleted Microsoft Dataverse
// table records"). Of a deleted row the feed tells the id only, so the referral of each young row that it names is remembered.
type deletions struct {
	mu     sync.Mutex
	rows   map[string]bound // those that exist, by id
	gone   map[string]bound
	newest time.Time // creation of the youngest
}

// bound is the referral that a row belongs to.
type bound struct {
	key     string
	created time.Time
}

// remembered is how long before the youngest row one must have been created to be forgotten: whoever asks looks for what was created
// since an attempt that came to no end.
const remembered = 48 * time.Hour

// note takes in what the feed tells of a row, whose column key holds the referral.
func (d *deletions) note(change dataverse.Change, key string) {
	if change.Deleted {
		d.deleted(change.ID)
		return
	}
	d.exists(change.ID, strings.ToLower(text(change.Row[key])), moment(change.Row, createdColumn))
}

// exists notes a row and the referral that it belongs to; "" when it belongs to none.
func (d *deletions) exists(id, key string, created time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.rows, id)
	if key == "" || created.Before(d.newest.Add(-remembered)) {
		return
	}
	if d.rows == nil {
		d.rows, d.gone = map[string]bound{}, map[string]bound{}
	}
	d.rows[id] = bound{key, created}
	if created.After(d.newest) {
		d.newest = created
		for _, list := range []map[string]bound{d.rows, d.gone} {
			for id, row := range list {
				if row.created.Before(d.newest.Add(-remembered)) {
					delete(list, id)
				}
			}
		}
	}
}

func (d *deletions) deleted(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if row, known := d.rows[id]; known {
		d.gone[id] = row
		delete(d.rows, id)
	}
}

func (d *deletions) find(key string, since time.Time) (id string, found bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for gone, row := range d.gone {
		if row.key == key && !row.created.Before(since) && (!found || gone < id) {
			id, found = gone, true
		}
	}
	return id, found
}

// FindDeleted implements [crm.CRM]: what this process read of the change feed since the opportunity was created. One that came and went
// between two polls, or of which another process was told, is not found.
func (e *Environment) FindDeleted(_ context.Context, referralID string, since time.Time) (string, bool, error) {
	id, found := e.deletedDeals.find(strings.ToLower(referralID), since)
	return id, found, nil
}

// FindDeletedLead implements [crm.Leads], as FindDeleted.
func (e *Environment) FindDeletedLead(_ context.Context, referralID string, since time.Time) (string, bool, error) {
	id, found := e.deletedLeads.find(strings.ToLower(referralID), since)
	if !found {
		return "", false, nil
	}
	return leadPrefix + id, true, nil
}
