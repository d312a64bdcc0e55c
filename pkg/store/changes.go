package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/samber/lo"
)

// changesOnly are the columns of which at least one says something in a row of the table ledger_changes.
var changesOnly = []string{
	"suite_schema", "machine_row_id", "test_row_id", "deleted_run_id", "superseded_load_id", "finding_rows", "regression_rows", "record_rows",
}

// changesColumns are those of the ledger that the table ledger_changes has, too.
var changesColumns = lo.Filter(ledgerColumns, func(c ledgerColumn, _ int) bool {
	switch c.name {
	case "database", "suite", "seq", "event_id", "received_at", "actor", "machine_id", "order_id":
		return true
	default:
		return slices.Contains(changesOnly, c.name) || strings.HasPrefix(c.name, "machine_row_") || strings.HasPrefix(c.name, "test_row_")
	}
})

var (
	changesTypes = typesOf(changesColumns)
	changesNames = namesOf(changesColumns)
)

// changes reports whether the event changes anything beside bringing a run.
func (r *LedgerRow) changes() bool {
	return r.SuiteSchema != "" || len(r.Machines) > 0 || len(r.Tests) > 0 || len(r.DeletedRuns) > 0 ||
		len(r.SupersededLoad) > 0 || len(r.Findings) > 0 || len(r.Regressions) > 0 || len(r.Records) > 0
}

// insertChanges gives the small tables what is new in them. It comes before the insert into the ledger: names are there when the
// runs are that use them, and what a crash in between leaves is what the events will bring when they are decided again.
func insertChanges(ctx context.Context, conn driver.Conn, rows []LedgerRow) error {
	changing := lo.Filter(rows, func(r LedgerRow, _ int) bool { return r.changes() })
	if len(changing) == 0 {
		return nil
	}
	ctx = clickhouse.Context(ctx,
		clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0, "materialized_views_ignore_errors": 0, "optimize_on_insert": 0}),
		clickhouse.WithColumnNamesAndTypes(changesTypes))
	if err := send(ctx, conn, "INSERT INTO ledger_changes ("+changesNames+")", changesColumns, changing); err != nil {
		return fmt.Errorf("ledger_changes: %w", err)
	}
	return nil
}

// CopyLedger gives the statements that put the events of one database's ledger into another's, or again into their own, with
// everything the views make of them: all events that meet the condition on the ledger's columns. The databases' names are as SQL
// wants them, empty for the connection's own. Deduplication is off: the views must see rows that the server remembers.
func CopyLedger(into, from, condition string) []string {
	const settings = "\nSETTINGS async_insert = 0, insert_deduplicate = 0, deduplicate_blocks_in_dependent_materialized_views = 0, materialized_views_ignore_errors = 0"
	at := func(database, table string) string { return lo.Ternary(database == "", table, database+"."+table) }
	says := lo.Map(changesOnly, func(name string, _ int) string { return "notEmpty(" + name + ")" })
	source := "\nFROM " + at(from, "ledger") + " FINAL\nWHERE (" + condition + ")"
	return []string{
		"INSERT INTO " + at(into, "ledger_changes") + " (" + changesNames + ")\nSELECT " + changesNames + source + " AND (" + strings.Join(says, " OR ") + ")" + settings,
		"INSERT INTO " + at(into, "ledger") + "\nSELECT *" + source + settings,
	}
}
