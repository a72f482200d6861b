package remote

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

// environmentReads keeps what was read of the environment during this walk, by table in lower case. What a table is made of is read
// as a whole, so that a hundred columns cost as many calls as one.
type environmentReads struct {
	once    sync.Once
	tables  *batch[*dataverse.Table] // nil for a table that does not exist
	columns *batch[[]dataverse.Column]
	keys    *batch[[]dataverse.AlternateKey]
	lookups *batch[[]dataverse.Relationship]

	forms      *batch[[]dataverse.Form]      // main forms
	rows       *batch[[]Row]                 // by table and columns
	publishers *batch[[]dataverse.Publisher] // under one key
	language   *batch[int]                   // under one key
	privileges *batch[map[string]bool]       // by names
	variables  *batch[*dataverse.Variable]   // by schema name; nil for one that does not exist
	flows      *batch[[]dataverse.CloudFlow] // under one key
}

// whole is the key of what is read as one.
const whole = "."

// Publishers lists the environment's publishers.
func (r *Remote) Publishers(ctx context.Context) ([]dataverse.Publisher, error) {
	return r.environmentReads().publishers.get(ctx, whole)
}

// PublishersChanged notes that a publisher was written.
func (r *Remote) PublishersChanged() {
	r.environmentReads().publishers.forget(func(string) bool { return true })
}

// Language gives the LCID of the environment's base language, in which labels are written.
func (r *Remote) Language(ctx context.Context) (int, error) {
	return r.environmentReads().language.get(ctx, whole)
}

// Privileges tells which of some privileges the application user holds, by name in lower case; nil when the environment does not tell,
// which is not asked again in this walk.
func (r *Remote) Privileges(ctx context.Context, names []string) (map[string]bool, error) {
	return r.environmentReads().privileges.get(ctx, strings.Join(names, ","))
}

// Table reads a table's description; nil when the environment does not have it. The caller does not change it.
func (r *Remote) Table(ctx context.Context, name string) (*dataverse.Table, error) {
	return r.environmentReads().tables.get(ctx, strings.ToLower(name))
}

// CustomTables reads all tables that are not the platform's own; each is then known to [Remote.Table].
func (r *Remote) CustomTables(ctx context.Context) ([]dataverse.Table, error) {
	return listEach(ctx, r, (*dataverse.Client).CustomTables, func(table dataverse.Table) {
		r.environmentReads().tables.keep(strings.ToLower(table.LogicalName), &table)
	})
}

// Variables reads all environment variables; each is then known to [Remote.Variable].
func (r *Remote) Variables(ctx context.Context) ([]dataverse.Variable, error) {
	return listEach(ctx, r, (*dataverse.Client).Variables, func(variable dataverse.Variable) {
		r.environmentReads().variables.keep(strings.ToLower(variable.SchemaName), &variable)
	})
}

// listEach reads a list at once, and hands each of it over.
func listEach[V any](ctx context.Context, r *Remote, read func(*dataverse.Client, context.Context) ([]V, error), keep func(V)) (all []V, err error) {
	client, err := r.Dataverse(ctx)
	if err != nil {
		return nil, err
	}
	err = r.Retry(ctx, func(ctx context.Context) (err error) {
		all, err = read(client, ctx)
		return err
	})
	for _, one := range all {
		keep(one)
	}
	return all, err
}

// Variable reads an environment variable by its schema name; nil when it is not defined.
func (r *Remote) Variable(ctx context.Context, name string) (*dataverse.Variable, error) {
	return r.environmentReads().variables.get(ctx, strings.ToLower(name))
}

// VariableChanged notes a write to an environment variable, or one whose answer was lost.
func (r *Remote) VariableChanged(name string) {
	r.environmentReads().variables.forget(func(key string) bool { return strings.EqualFold(key, name) })
}

// Flows reads the cloud flows of solutions. The caller does not change them.
func (r *Remote) Flows(ctx context.Context) ([]dataverse.CloudFlow, error) {
	return r.environmentReads().flows.get(ctx, whole)
}

// FlowsChanged notes that a flow was switched, or may have been.
func (r *Remote) FlowsChanged() {
	r.environmentReads().flows.forget(func(string) bool { return true })
}

// Column reads a column with what is special to its kind; found is false when there is none of the name and kind, or no table. The
// caller does not change what it refers to.
func (r *Remote) Column(ctx context.Context, table, name string, kind dataverse.Kind) (column dataverse.Column, found bool, err error) {
	known, err := r.Table(ctx, table)
	if err != nil || known == nil {
		return dataverse.Column{}, false, err
	}
	columns, err := r.environmentReads().columns.get(ctx, strings.ToLower(table)+" "+string(kind))
	return oneNamed(columns, name, err)
}

// AnyColumn reads a column of whatever kind, without what is special to it.
func (r *Remote) AnyColumn(ctx context.Context, table, name string) (column dataverse.Column, found bool, err error) {
	return r.Column(ctx, table, name, "")
}

// Columns reads all columns of a table, without what is special to their kinds; none when there is no such table.
func (r *Remote) Columns(ctx context.Context, table string) ([]dataverse.Column, error) {
	known, err := r.Table(ctx, table)
	if err != nil || known == nil {
		return nil, err
	}
	return r.environmentReads().columns.get(ctx, strings.ToLower(table)+" ")
}

func oneNamed(columns []dataverse.Column, name string, err error) (dataverse.Column, bool, error) {
	at := slices.IndexFunc(columns, func(c dataverse.Column) bool { return strings.EqualFold(c.LogicalName, name) })
	if err != nil || at < 0 {
		return dataverse.Column{}, false, err
	}
	return columns[at], true, nil
}

// Rows reads all rows of a table that exists, with some columns, by logical name. The caller does not change them.
func (r *Remote) Rows(ctx context.Context, table string, columns []string) ([]Row, error) {
	return r.environmentReads().rows.get(ctx, strings.ToLower(table+" "+strings.Join(columns, ",")))
}

// Forms reads the published main forms of a table.
func (r *Remote) Forms(ctx context.Context, table string) ([]dataverse.Form, error) {
	return r.environmentReads().forms.get(ctx, strings.ToLower(table))
}

// Keys reads the alternate keys of a table that exists.
func (r *Remote) Keys(ctx context.Context, table string) ([]dataverse.AlternateKey, error) {
	return r.environmentReads().keys.get(ctx, strings.ToLower(table))
}

// Lookups reads the relationships of the lookup columns of a table that exists.
func (r *Remote) Lookups(ctx context.Context, table string) ([]dataverse.Relationship, error) {
	return r.environmentReads().lookups.get(ctx, strings.ToLower(table))
}

// TableChanged notes a write, or one whose answer was lost: what was read of the tables is not used any more.
func (r *Remote) TableChanged(tables ...string) {
	reads := r.environmentReads()
	concerned := func(key string) bool {
		of, _, _ := strings.Cut(key, " ")
		return slices.ContainsFunc(tables, func(table string) bool { return strings.EqualFold(table, of) })
	}
	reads.tables.forget(concerned)
	reads.columns.forget(concerned)
	reads.keys.forget(concerned)
	reads.lookups.forget(concerned)
	reads.rows.forget(concerned)
	reads.forms.forget(concerned)
}

func (r *Remote) environmentReads() *environmentReads {
	reads := &r.env.reads
	reads.once.Do(func() {
		reads.tables = newBatch(1, eachTable(r, func(ctx context.Context, client *dataverse.Client, table string) (*dataverse.Table, error) {
			found, err := client.Table(ctx, table)
			if dataverse.IsNotFound(err) {
				return nil, nil
			}
			return &found, err
		}))
		reads.columns = newBatch(1, eachTable(r, func(ctx context.Context, client *dataverse.Client, key string) ([]dataverse.Column, error) {
			table, kind, _ := strings.Cut(key, " ")
			if kind == "" {
				return client.Columns(ctx, table)
			}
			return client.ColumnsOf(ctx, table, dataverse.Kind(kind))
		}))
		reads.rows = newBatch(1, eachTable(r, func(ctx context.Context, client *dataverse.Client, key string) ([]Row, error) {
			name, columns, _ := strings.Cut(key, " ")
			table, err := client.Table(ctx, name)
			if err != nil {
				return nil, err
			}
			return dataverse.List[Row](ctx, client, table.SetName, dataverse.Query{Select: append(strings.Split(columns, ","), table.PrimaryID)})
		}))
		reads.forms = newBatch(1, eachTable(r, func(ctx context.Context, client *dataverse.Client, table string) ([]dataverse.Form, error) {
			return client.Forms(ctx, table, dataverse.MainForm)
		}))
		reads.publishers = newBatch(1, eachTable(r, func(ctx context.Context, client *dataverse.Client, _ string) ([]dataverse.Publisher, error) {
			return client.Publishers(ctx)
		}))
		reads.language = newBatch(1, eachTable(r, func(ctx context.Context, client *dataverse.Client, _ string) (int, error) {
			return client.BaseLanguage(ctx)
		}))
		reads.privileges = newBatch(1, eachTable(r, func(ctx context.Context, client *dataverse.Client, names string) (map[string]bool, error) {
			who, err := r.DataverseIdentity(ctx)
			if err != nil {
				return nil, err
			}
			held, err := client.Privileges(ctx, who.UserID, strings.Split(names, ","))
			if dataverse.IsDenied(err) || dataverse.IsNotFound(err) {
				return nil, nil
			}
			return held, err
		}))
		reads.variables = newBatch(1, eachTable(r, func(ctx context.Context, client *dataverse.Client, name string) (*dataverse.Variable, error) {
			found, ok, err := client.Variable(ctx, name)
			if !ok {
				return nil, err
			}
			return &found, err
		}))
		reads.flows = newBatch(1, eachTable(r, func(ctx context.Context, client *dataverse.Client, _ string) ([]dataverse.CloudFlow, error) {
			return client.CloudFlows(ctx)
		}))
		reads.keys = newBatch(1, eachTable(r, func(ctx context.Context, client *dataverse.Client, table string) ([]dataverse.AlternateKey, error) {
			return client.AlternateKeys(ctx, table)
		}))
		reads.lookups = newBatch(1, eachTable(r, func(ctx context.Context, client *dataverse.Client, table string) ([]dataverse.Relationship, error) {
			return client.LookupsOf(ctx, table)
		}))
	})
	return reads
}

// eachTable makes a read of one table into what a batch of one fetches.
func eachTable[V any](r *Remote, read func(context.Context, *dataverse.Client, string) (V, error)) func(context.Context, []string) (map[string]V, error) {
	return func(ctx context.Context, keys []string) (map[string]V, error) {
		client, err := r.Dataverse(ctx)
		if err != nil {
			return nil, err
		}
		values := map[string]V{}
		for _, key := range keys {
			if err := r.Retry(ctx, func(ctx context.Context) (err error) {
				values[key], err = read(ctx, client, key)
				return err
			}); err != nil {
				return nil, err
			}
		}
		return values, nil
	}
}

// RowsChanged notes a write to rows of a table, or one whose answer was lost: what was read of its rows is not used any more.
func (r *Remote) RowsChanged(table string) {
	r.environmentReads().rows.forget(func(key string) bool {
		of, _, _ := strings.Cut(key, " ")
		return strings.EqualFold(table, of)
	})
}
