package store

import (
	"io/fs"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/samber/lo"

	"tidemark/sql"
)

// The driver is told names and types instead of asking for them, so they have to be those of the table.
func TestLedgerColumns_AreThoseOfTheMigration(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(sql.Migrations(), "000001_create_ledger.up.sql")
	if err != nil {
		t.Fatal(err)
	}
	column := regexp.MustCompile(`(?m)^    ([a-z_]+) +((?:[A-Z]\w+)(?:\((?:[^()]|\([^()]*\))*\))?)(?: .*)?,?$`)
	computed := regexp.MustCompile(`(?m)^.* MATERIALIZED .*\n`)
	text = computed.ReplaceAll(text, nil)
	want := lo.Map(column.FindAllStringSubmatch(string(text), -1), func(m []string, _ int) [2]string { return [2]string{m[1], m[2]} })
	got := lo.Map(ledgerColumns, func(c ledgerColumn, _ int) [2]string { return [2]string{c.name, c.kind} })
	if len(want) < 50 {
		t.Fatalf("only %d columns were found in the migration", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
