package api

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

var granules = regexp.MustCompile(`Granules: (\d+)/(\d+)`)

// TestRunReads_LongHistory_OneGranule holds the reads of one run to what the run takes: the primary
// key leads to it, however many events there are.
func TestRunReads_LongHistory_OneGranule(t *testing.T) {
	t.Parallel()
	data := testkit.Store(t)
	events := newFeed(data)
	const history = 40
	for i := range history {
		events.add(t, input{Body: report("m", fmt.Sprint(i), manyTests(20)...)})
	}
	// Many more events of the same suite, so that the table has granules to pass over.
	fill := `INSERT INTO ledger (database, suite, seq, event_id, status)
		SELECT 'default', 'nts', number + 1000, generateUUIDv4(), 'rejected' FROM numbers(20000)`
	if err := data.Exec(t.Context(), fill, nil); err != nil {
		t.Fatal(err)
	}
	if err := data.Exec(t.Context(), "OPTIMIZE TABLE ledger FINAL", nil); err != nil {
		t.Fatal(err)
	}
	k := key{"default", "nts"}
	for _, q := range []sql.File{qRunParts} {
		read, of := ledgerGranules(t, data, q, k.params("seqs", []uint64{7}))
		if read != 1 || of < 100 {
			t.Errorf("%s reads %d of %d granules of the ledger, want 1", q.Name, read, of)
		}
	}
}

// ledgerGranules is how many granules of the largest table a query reads, and of how many.
func ledgerGranules(t *testing.T, data *store.Store, q sql.File, p store.Params) (read, of int) {
	t.Helper()
	q.Text = "EXPLAIN indexes = 1 " + q.Text
	lines, err := store.Select[struct {
		Line string `ch:"explain"`
	}](t.Context(), data, q, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if m := granules.FindStringSubmatch(l.Line); m != nil {
			selected, _ := strconv.Atoi(m[1])
			total, _ := strconv.Atoi(m[2])
			if total > of {
				read, of = selected, total
			}
		}
	}
	return read, of
}
