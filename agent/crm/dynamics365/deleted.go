package dynamics365

import (
	"context"
	"time"
)

// FindDeleted implements [crm.CRM]. Dataverse deletes for good: keeping deleted rows to restore them is a feature that an
// environment must be given, and its rows take part in no query by key ("Restore deleted Microsoft Dataverse table records").
func (e *Environment) FindDeleted(context.Context, string, time.Time) (string, bool, error) {
	return "", false, nil
}

// FindDeletedLead implements [crm.Leads], as FindDeleted.
func (e *Environment) FindDeletedLead(context.Context, string, time.Time) (string, bool, error) {
	return "", false, nil
}
