package replayer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"
)

// Comparison is what comparing the two databases gave, table by table.
type Comparison struct{ Tables []TableComparison }

// Equal says that no table differs.
func (c Comparison) Equal() bool {
	return !slices.ContainsFunc(c.Tables, func(t TableComparison) bool { return len(t.Suites) > 0 })
}

// TableComparison is one table. Rows are the live one's; Suites are those in which it differs.
type TableComparison struct {
	Table  string
	Rows   uint64
	Digest uint64
	Suites []SuiteComparison
}

// SuiteComparison is one suite's part of a table that differs.
type SuiteComparison struct {
	Database, Suite      string
	LiveRows, OtherRows  uint64
	LiveDigest, OtherSum uint64
	// First is the first row, by key, that differs; nil beyond Config.Shown suites of a table.
	First *RowDifference
}

// RowDifference is a row that differs: either in columns, or one database lacks it.
type RowDifference struct {
	Key     []ColumnValue // after database and suite
	Columns []ColumnDifference
	Missing string // the database without the row
}

// ColumnValue is a column and its value as text.
type ColumnValue struct{ Column, Value string }

// Text says where the row is and what differs.
func (d RowDifference) Text(live, other string) string {
	key := strings.Join(lo.Map(d.Key, func(c ColumnValue, _ int) string { return c.Column + " " + c.Value }), ", ")
	if key == "" {
		key = "the row"
	}
	if d.Missing != "" {
		return key + ": missing in " + d.Missing
	}
	return key + ": " + columnsText(d.Columns, "in "+live, "in "+other)
}

type digest struct{ rows, sum uint64 }

// Compare compares the ledger and every table behind it. When both ledgers end at the same events and did so during the
// whole comparison, differences are real; otherwise the error is [ErrMoved].
func (r *Replayer) Compare(ctx context.Context) (Comparison, error) {
	if err := r.sameTables(ctx, r.cfg.Into); err != nil {
		return Comparison{}, err
	}
	before, err := r.aligned(ctx)
	if err != nil {
		return Comparison{}, err
	}
	var c Comparison
	for _, t := range r.catalog.tables {
		compared, err := r.compareTable(ctx, t)
		if err != nil {
			return c, fmt.Errorf("compare table %s: %w", t.name, err)
		}
		c.Tables = append(c.Tables, compared)
	}
	after, err := r.aligned(ctx)
	if err == nil && !maps.Equal(before, after) {
		err = fmt.Errorf("%w: stop what stores them and compare again", ErrMoved)
	}
	return c, err
}

// aligned gives the last events of both ledgers, which must be the same.
func (r *Replayer) aligned(ctx context.Context) (map[suiteKey]uint64, error) {
	live, err := positions(ctx, r.live, r.cfg.Source)
	if err != nil {
		return nil, err
	}
	other, err := positions(ctx, r.live, r.cfg.Into)
	if err != nil {
		return nil, err
	}
	for k := range live {
		if other[k] < live[k] {
			return nil, fmt.Errorf("%s ends at event %d in %s, at %d in %s: %w; replay again first", k, live[k], r.cfg.Source, other[k], r.cfg.Into, ErrMoved)
		}
	}
	return live, nil
}

func (r *Replayer) compareTable(ctx context.Context, t table) (TableComparison, error) {
	live, other, err := r.digests(ctx, t)
	if err != nil {
		return TableComparison{}, err
	}
	c := TableComparison{Table: t.name}
	for _, d := range live {
		c.Rows, c.Digest = c.Rows+d.rows, c.Digest+d.sum
	}
	keys := lo.Uniq(append(slices.Collect(maps.Keys(live)), slices.Collect(maps.Keys(other))...))
	slices.SortFunc(keys, func(a, b suiteKey) int {
		return cmp.Or(cmp.Compare(a.database, b.database), cmp.Compare(a.suite, b.suite))
	})
	for _, k := range keys {
		if live[k] == other[k] {
			continue
		}
		s := SuiteComparison{
			Database: k.database, Suite: k.suite, LiveRows: live[k].rows, OtherRows: other[k].rows,
			LiveDigest: live[k].sum, OtherSum: other[k].sum,
		}
		if len(c.Suites) < r.cfg.Shown {
			if s.First, err = r.first(ctx, t, k); err != nil {
				return c, err
			}
		}
		c.Suites = append(c.Suites, s)
	}
	return c, nil
}

// digests are number and sum of digests of a table's rows in both databases, per suite, whatever the order of the rows and
// however often they were delivered.
func (r *Replayer) digests(ctx context.Context, t table) (live, other map[suiteKey]digest, err error) {
	var sides [2]map[suiteKey]digest
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for i, database := range []string{r.cfg.Source, r.cfg.Into} {
		g.Go(func() error {
			sides[i] = map[suiteKey]digest{}
			text := "SELECT database, suite, count(), sum(cityHash64(*)) FROM " + at(database, t.name) + " FINAL GROUP BY database, suite" + t.bounds()
			return r.live.Each(ctx, statement("digest of "+t.name, text), nil, func(scan func(...any) error) error {
				var k suiteKey
				var d digest
				err := scan(&k.database, &k.suite, &d.rows, &d.sum)
				sides[i][k] = d
				return err
			})
		})
	}
	err = g.Wait()
	return sides[0], sides[1], err
}

// bounds keep a statement over a whole table small: a block of the ledger holds bodies, and one of the usual number of rows
// would not fit into memory; groups that do not fit are kept on disk.
func (t table) bounds() string {
	if t.name == ledgerTable {
		return " SETTINGS max_block_size = 64, max_threads = 2, max_bytes_before_external_group_by = 500000000"
	}
	return " SETTINGS max_bytes_before_external_group_by = 500000000"
}

// first narrows a difference down, one column of the key after the other: the smallest value under which the two sides
// differ. Each step reads what the step before has left, and keeps one number per value.
func (r *Replayer) first(ctx context.Context, t table, k suiteKey) (*RowDifference, error) {
	key := []string{k.database, k.suite}
	for _, column := range t.key[2:] {
		where, params := t.where(key)
		side := func(database, sign string) string {
			return fmt.Sprintf("SELECT %s AS k, toInt64(%s) AS n, %sreinterpretAsInt64(cityHash64(*)) AS h FROM %s FINAL%s",
				quoted(column), sign+"1", sign, at(database, t.name), where)
		}
		text := "SELECT toString(k) AS value FROM (" + side(r.cfg.Source, "") + " UNION ALL " + side(r.cfg.Into, "-") +
			") GROUP BY k HAVING sum(n) != 0 OR sum(h) != 0 ORDER BY k LIMIT 1" + t.bounds()
		values, err := list[string](ctx, r.live, "find first difference of "+t.name, text, params)
		if err != nil {
			return nil, err
		}
		if len(values) == 0 {
			return nil, fmt.Errorf("%s no longer differs: %w", k, ErrMoved)
		}
		key = append(key, values[0])
	}
	d := &RowDifference{Key: lo.Map(key[2:], func(v string, i int) ColumnValue { return ColumnValue{t.key[i+2], v} })}
	var err error
	d.Columns, d.Missing, err = r.versions(ctx, t, key)
	return d, err
}

// ledgersEqual says whether both ledgers hold the same events and decisions.
func (r *Replayer) ledgersEqual(ctx context.Context) (bool, error) {
	live, other, err := r.digests(ctx, r.catalog.ledger())
	return maps.Equal(live, other), err
}
