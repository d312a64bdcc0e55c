package replayer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/store"
)

// Difference is an event that is decided otherwise than it was.
type Difference struct {
	Database, Suite string
	Seq             uint64
	// Columns of the ledger that differ; their versions are looked up for the first differences only.
	Columns []ColumnDifference
}

// ColumnDifference is a value in the live table and in the other one, as text, long values cut.
type ColumnDifference struct{ Column, Live, Other string }

// String is one line.
func (d Difference) String() string {
	return fmt.Sprintf("event %d of %s/%s: %s", d.Seq, d.Database, d.Suite, columnsText(d.Columns, "was", "is"))
}

func columnsText(columns []ColumnDifference, live, other string) string {
	return strings.Join(lo.Map(columns, func(c ColumnDifference, _ int) string {
		if c.Live == "" && c.Other == "" {
			return c.Column
		}
		return fmt.Sprintf("%s %s %q, %s %q", c.Column, live, c.Live, other, c.Other)
	}), "; ")
}

// differences are the events of a stretch that differ in the two ledgers. Bodies are left out: they are copied.
func (r *Replayer) differences(ctx context.Context, k suiteKey, first, last uint64) ([]Difference, error) {
	columns := lo.FilterMap(r.catalog.ledger().columns, func(c column, _ int) (string, bool) { return c.name, c.name != "body" })
	var sides [2]map[uint64][]uint64
	g, inner := errgroup.WithContext(ctx)
	for i, database := range []string{r.cfg.Source, r.cfg.Into} {
		g.Go(func() (err error) {
			sides[i], err = r.digestsOfEvents(inner, database, columns, k, first, last)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var found []Difference
	for seq := first; seq <= last; seq++ {
		d := Difference{Database: k.database, Suite: k.suite, Seq: seq}
		live, other := sides[0][seq], sides[1][seq]
		if len(live) != len(columns) || len(other) != len(columns) {
			return nil, fmt.Errorf("event %d of %s is not in both ledgers", seq, k)
		}
		for i, name := range columns {
			if live[i] != other[i] {
				d.Columns = append(d.Columns, ColumnDifference{Column: name})
			}
		}
		if len(d.Columns) > 0 {
			found = append(found, d)
		}
	}
	for i := range found[:min(len(found), r.cfg.Shown)] {
		key := []string{k.database, k.suite, fmt.Sprint(found[i].Seq)}
		columns, _, err := r.versions(ctx, r.catalog.ledger(), key)
		if err != nil {
			return nil, err
		}
		found[i].Columns = slices.DeleteFunc(columns, func(c ColumnDifference) bool { return c.Column == "body" })
	}
	return found, nil
}

func (r *Replayer) digestsOfEvents(ctx context.Context, database string, columns []string, k suiteKey, first, last uint64) (map[uint64][]uint64, error) {
	digests := lo.Map(columns, func(c string, _ int) string { return "cityHash64(" + quoted(c) + ")" })
	text := "SELECT seq, [" + strings.Join(digests, ", ") + "] FROM " + at(database, ledgerTable) + " FINAL" + between
	out := make(map[uint64][]uint64, last-first+1)
	err := r.live.Each(ctx, statement("read digests of events", text), k.params(store.Params{"first": first, "last": last}), func(scan func(...any) error) error {
		var seq uint64
		var row []uint64
		err := scan(&seq, &row)
		out[seq] = row
		return err
	})
	return out, err
}

// shownText is how much of a value is shown, in characters.
const shownText = 200

// versions looks a row up by its key in both databases: the columns that differ, and which database lacks the row.
func (r *Replayer) versions(ctx context.Context, t table, key []string) (columns []ColumnDifference, missing string, err error) {
	type row struct {
		digests []uint64
		texts   []string
	}
	digests := lo.Map(t.columns, func(c column, _ int) string { return "cityHash64(" + quoted(c.name) + ")" })
	texts := lo.Map(t.columns, func(c column, _ int) string {
		return fmt.Sprintf("substringUTF8(toString(%s), 1, %d)", quoted(c.name), shownText)
	})
	where, params := t.where(key)
	var sides [2]*row
	for i, database := range []string{r.cfg.Source, r.cfg.Into} {
		text := "SELECT [" + strings.Join(digests, ", ") + "], [" + strings.Join(texts, ", ") + "] FROM " + at(database, t.name) + " FINAL" + where
		err := r.live.Each(ctx, statement("read row of "+t.name, text), params, func(scan func(...any) error) error {
			sides[i] = &row{}
			return scan(&sides[i].digests, &sides[i].texts)
		})
		if err != nil {
			return nil, "", err
		}
	}
	switch live, other := sides[0], sides[1]; {
	case live == nil:
		return nil, r.cfg.Source, nil
	case other == nil:
		return nil, r.cfg.Into, nil
	default:
		for i, c := range t.columns {
			if live.digests[i] != other.digests[i] {
				columns = append(columns, ColumnDifference{c.name, live.texts[i], other.texts[i]})
			}
		}
		return columns, "", nil
	}
}

// where picks the rows whose key begins with the given values.
func (t table) where(key []string) (string, store.Params) {
	params := store.Params{}
	conditions := make([]string, len(key))
	for i, value := range key {
		param := fmt.Sprintf("key_%d", i)
		// A constant of the column's own type: anything else would keep the server from using its index.
		conditions[i] = fmt.Sprintf("%s = CAST({%s:String}, '%s')", quoted(t.key[i]), param, strings.ReplaceAll(t.kind(t.key[i]), "'", `\'`))
		params[param] = value
	}
	if len(key) == 0 {
		return "", params
	}
	return " WHERE " + strings.Join(conditions, " AND "), params
}
