package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ErrNotEmpty says that a store holds something that a restore would replace.
var ErrNotEmpty = errors.New("the store is not empty")

// Restore fills a store, of either engine, from a backup of either engine, in one transaction: afterwards everything of the backup is
// there, or nothing has changed. A database that does not exist is made. It fails with ErrInUse while an agent works with the
// database, ErrNotEmpty when something is there and replace is not set, ErrBackup when the backup is damaged, and ErrNewerSchema.
func Restore(ctx context.Context, o Options, from io.Reader, replace bool, progress Progress) (counts Counts, err error) {
	o.Connector, o.alone = "restore", true
	s, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	// Read once: what a reader gives cannot be asked for again, so the operation is not repeated after it began to read.
	begun := false
	err = s.update(ctx, func(t tx) error {
		if begun {
			return errors.New("another transaction was first; try again when nobody else works with the database")
		}
		begun = true
		if err := t.makeRoom(replace); err != nil {
			return err
		}
		in := &inserter{tx: t}
		if counts, err = readBackup(from, progress, in.row); err != nil {
			return err
		}
		if err := in.flush(); err != nil {
			return err
		}
		_, err := t.run.ExecContext(t.ctx, `UPDATE work SET lease_owner = '', lease_until = 0, due_at = CASE WHEN due_at > $1 THEN $1 ELSE due_at END
			WHERE lease_until > 0`, t.now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return counts, nil
}

// makeRoom makes sure that the tables are empty.
func (t tx) makeRoom(replace bool) error {
	for i := len(backupTables) - 1; i >= 0; i-- {
		name := backupTables[i].name
		if replace {
			if _, err := t.run.ExecContext(t.ctx, `DELETE FROM `+name); err != nil {
				return err
			}
			continue
		}
		n, err := number(t.ctx, t.run, `SELECT COUNT(*) FROM (SELECT 1 FROM `+name+` LIMIT 1) AS found`)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%w: table %s has rows", ErrNotEmpty, name)
		}
	}
	_, err := t.run.ExecContext(t.ctx, `DELETE FROM lease`)
	return err
}

// inserter gathers rows of one table, so that one statement carries many.
type inserter struct {
	tx
	table   string
	columns []string
	rows    int
	args    []any
}

// insertRows is how many rows one statement carries; with the widest table the parameters stay below both engines' limits.
const insertRows = 200

func (in *inserter) row(table string, columns []string, values []any) error {
	if table != in.table || in.rows == insertRows {
		if err := in.flush(); err != nil {
			return err
		}
	}
	in.table, in.columns = table, columns
	in.rows++
	in.args = append(in.args, values...)
	return nil
}

func (in *inserter) flush() error {
	if in.rows == 0 {
		return nil
	}
	var b strings.Builder
	for i := range in.rows * len(in.columns) {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%len(in.columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	_, err := in.run.ExecContext(in.ctx, `INSERT INTO `+in.table+` (`+strings.Join(in.columns, ", ")+`) VALUES `+b.String()+`)`, in.args...)
	if err != nil {
		return fmt.Errorf("table %s: %w", in.table, err)
	}
	in.rows, in.args = 0, nil
	return nil
}
