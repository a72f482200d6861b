package dataverse

import "slices"

// Snapshot is a copy of an environment at one moment, for comparisons before and after.
type Snapshot struct {
	// Rows are the rows by table, in the form of Row and in the order of their creation.
	Rows map[string][]map[string]any `json:"rows"`
	// Tables are the custom columns by table, the published ones, sorted; a table without any is listed if it is custom itself.
	Tables map[string][]string `json:"tables"`
	// Version is the last row version given.
	Version int64 `json:"version"`
}

// Snapshot copies what the environment holds.
func (e *Environment) Snapshot() Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Snapshot{Rows: map[string][]map[string]any{}, Tables: map[string][]string{}, Version: e.version}
	for _, name := range e.catalog.order {
		ent := e.catalog.entity(name)
		for _, rec := range e.table(name).all() {
			s.Rows[name] = append(s.Rows[name], ent.view(rec))
		}
		var columns []string
		for _, a := range ent.attributes {
			if a.custom {
				columns = append(columns, a.logical)
			}
		}
		if slices.Sort(columns); columns != nil || ent.custom {
			s.Tables[name] = columns
		}
	}
	return s
}
