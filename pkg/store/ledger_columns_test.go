package store

import (
	"io/fs"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/samber/lo"

	"tidemark/sql"
)

// The driver is told names and types instead of asking for them, so they have to be those of the table.
func TestLedgerColumns_AreThoseOfTheMigration(t *testing.T) {
	t.Parallel()
	want := declared(t, "000001_create_ledger.up.sql")
	if len(want) < 50 {
		t.Fatalf("only %d columns were found in the migration", len(want))
	}
	if diff := cmp.Diff(want, namesAndTypes(ledgerColumns)); diff != "" {
		t.Error(diff)
	}
}

func TestChangesColumns_AreThoseOfTheMigration(t *testing.T) {
	t.Parallel()
	inAnyOrder := cmpopts.SortSlices(func(a, b [2]string) bool { return a[0] < b[0] })
	if diff := cmp.Diff(declared(t, "000012_create_ledger_changes.up.sql"), namesAndTypes(changesColumns), inAnyOrder); diff != "" {
		t.Error(diff)
	}
}

// declared gives name and type of the columns that a migration declares and inserts fill.
func declared(t *testing.T, migration string) [][2]string {
	t.Helper()
	text, err := fs.ReadFile(sql.Migrations(), migration)
	if err != nil {
		t.Fatal(err)
	}
	column := regexp.MustCompile(`(?m)^    ([a-z_]+) +((?:[A-Z]\w+)(?:\((?:[^()]|\([^()]*\))*\))?)(?: .*)?,?$`)
	computed := regexp.MustCompile(`(?m)^.* MATERIALIZED .*\n`)
	text = computed.ReplaceAll(text, nil)
	return lo.Map(column.FindAllStringSubmatch(string(text), -1), func(m []string, _ int) [2]string { return [2]string{m[1], m[2]} })
}

func namesAndTypes(columns []ledgerColumn) [][2]string {
	return lo.Map(columns, func(c ledgerColumn, _ int) [2]string { return [2]string{c.name, c.kind} })
}
