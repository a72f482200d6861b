package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// A backup is a gzip stream of JSON lines, the same for both engines: a header, then for each table a line that names it and its
// columns, and a line with an array for each row; at the end a line with the hash of everything before it. Integers are JSON
// numbers, texts are strings, bytes are an object with one property, base64.

// ErrBackup says that a file is no backup, or a damaged one.
var ErrBackup = errors.New("the backup cannot be used")

const (
	backupFormat  = "cosell-agent store"
	backupVersion = 1
)

// backupTables are kept in a backup, in the order in which they can be filled again, with the columns by which they are ordered. Leases
// are left out: who held them is not there any more.
var backupTables = []struct{ name, order string }{
	{"deal", "connector, deal_key"},
	{"alias", "connector, external_key"},
	{"work", "connector, deal_key"},
	{"snapshot", "connector, deal_key, seq"},
	{"intent", "connector, intent_id"},
	{"audit", "connector, deal_key, seq"},
	{"feed_cursor", "connector, name"},
	{"budget", "connector, system, day"},
	{"inbox", "connector, event_id"},
}

type backupHeader struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Schema  int64  `json:"schema"`
	Created string `json:"created"`
}

// backupMark is a line between rows: the begin of a table, or the end of everything.
type backupMark struct {
	Table   string   `json:"table,omitempty"`
	Columns []string `json:"columns,omitempty"`
	Rows    int64    `json:"rows,omitempty"`
	SHA256  string   `json:"sha256,omitempty"`
}

// Progress hears how many rows of a table are through, every so often and at its end.
type Progress func(table string, rows int64)

// progressEvery is how many rows lie between two reports.
const progressEvery = 50_000

// Counts are rows by table.
type Counts map[string]int64

// Backup writes everything of all connectors as it is at one moment, also while an agent works with the database.
func (s *SQL) Backup(ctx context.Context, to io.Writer, progress Progress) (Counts, error) {
	schema, err := newestMigration()
	if err != nil {
		return nil, err
	}
	compressed := gzip.NewWriter(to)
	w := &backupWriter{sum: sha256.New(), progress: progress}
	w.out = bufio.NewWriter(io.MultiWriter(compressed, w.sum))
	counts := Counts{}
	err = s.view(ctx, func(t tx) error {
		if err := w.line(backupHeader{backupFormat, backupVersion, schema, moment(t.now).Format("2006-01-02T15:04:05Z")}); err != nil {
			return err
		}
		for _, table := range backupTables {
			n, err := w.table(ctx, t.run, table.name, table.order)
			if err != nil {
				return fmt.Errorf("back up table %s: %w", table.name, err)
			}
			counts[table.name] = n
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return counts, errors.Join(w.end(), compressed.Close())
}

type backupWriter struct {
	out      *bufio.Writer
	sum      hash.Hash
	progress Progress
	rows     int64
}

func (w *backupWriter) line(value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if _, err := w.out.Write(encoded); err != nil {
		return err
	}
	return w.out.WriteByte('\n')
}

func (w *backupWriter) end() error {
	if err := w.out.Flush(); err != nil {
		return err
	}
	if err := w.line(backupMark{Rows: w.rows, SHA256: hex.EncodeToString(w.sum.Sum(nil))}); err != nil {
		return err
	}
	return w.out.Flush()
}

func (w *backupWriter) table(ctx context.Context, run runner, name, order string) (n int64, err error) {
	rows, err := run.QueryContext(ctx, `SELECT * FROM `+name+` ORDER BY `+order)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	if err := w.line(backupMark{Table: name, Columns: columns}); err != nil {
		return 0, err
	}
	values, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return 0, err
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				values[i] = map[string]string{"base64": base64.StdEncoding.EncodeToString(b)}
			}
		}
		if err := w.line(values); err != nil {
			return 0, err
		}
		n++
		w.progress.report(name, n, false)
	}
	w.progress.report(name, n, true)
	w.rows += n
	return n, rows.Err()
}

func (p Progress) report(table string, n int64, end bool) {
	if p != nil && (end || n%progressEvery == 0) {
		p(table, n)
	}
}

// readBackup reads a backup to its end and hands out each row. Only when it returns nil was everything there and as it was written.
func readBackup(from io.Reader, progress Progress, row func(table string, columns []string, values []any) error) (Counts, error) {
	broken := func(err error) error { return fmt.Errorf("%w: %w", ErrBackup, err) }
	compressed, err := gzip.NewReader(from)
	if err != nil {
		return nil, broken(err)
	}
	in, sum := bufio.NewReaderSize(compressed, 1<<16), sha256.New()
	first, err := in.ReadBytes('\n')
	if err != nil {
		return nil, broken(err)
	}
	if err := checkHeader(first); err != nil {
		return nil, err
	}
	sum.Write(first)
	counts, table, total := Counts{}, backupMark{}, int64(0)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil, broken(errors.New("it ends too early, so it was not written to its end"))
		}
		if err != nil {
			return nil, broken(err)
		}
		if line[0] == '[' {
			values, err := decodeRow(line)
			if err == nil && (table.Table == "" || len(values) != len(table.Columns)) {
				err = errors.New("a row stands in no table")
			}
			if err != nil {
				return nil, broken(err)
			}
			counts[table.Table]++
			total++
			progress.report(table.Table, counts[table.Table], false)
			if err := row(table.Table, table.Columns, values); err != nil {
				return nil, err
			}
			sum.Write(line)
			continue
		}
		if table.Table != "" {
			progress.report(table.Table, counts[table.Table], true)
		}
		table = backupMark{}
		if err := json.Unmarshal(line, &table); err != nil {
			return nil, broken(err)
		}
		if table.SHA256 != "" {
			if table.SHA256 != hex.EncodeToString(sum.Sum(nil)) || table.Rows != total {
				return nil, broken(errors.New("its content does not match its checksum"))
			}
			if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
				return nil, broken(errors.New("something stands behind its end"))
			}
			return counts, nil
		}
		sum.Write(line)
		if !slices.ContainsFunc(backupTables, func(t struct{ name, order string }) bool { return t.name == table.Table }) {
			return nil, broken(fmt.Errorf("it has a table %q", table.Table))
		}
		if slices.ContainsFunc(table.Columns, func(c string) bool { return strings.Trim(c, "abcdefghijklmnopqrstuvwxyz_") != "" }) {
			return nil, broken(fmt.Errorf("the columns of table %s are no names", table.Table))
		}
	}
}

func checkHeader(line []byte) error {
	var header backupHeader
	if err := json.Unmarshal(line, &header); err != nil || header.Format != backupFormat {
		return fmt.Errorf("%w: it is not a backup that cosell-agent made", ErrBackup)
	}
	known, err := newestMigration()
	switch {
	case err != nil:
		return err
	case header.Version > backupVersion || header.Schema > known:
		return fmt.Errorf("%w: the backup has the schema version %d, this program knows %d; use the newer program", ErrNewerSchema, header.Schema, known)
	}
	return nil
}

func decodeRow(line []byte) ([]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var values []any
	if err := decoder.Decode(&values); err != nil {
		return nil, err
	}
	for i, v := range values {
		switch v := v.(type) {
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				return nil, err
			}
			values[i] = n
		case map[string]any:
			encoded, _ := v["base64"].(string)
			b, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return nil, err
			}
			values[i] = b
		case string:
		default:
			return nil, fmt.Errorf("a value is a %T", v)
		}
	}
	return values, nil
}

// CheckBackup reads a backup and fails with ErrBackup unless all of it is as it was written.
func CheckBackup(from io.Reader, progress Progress) (Counts, error) {
	return readBackup(from, progress, func(string, []string, []any) error { return nil })
}
