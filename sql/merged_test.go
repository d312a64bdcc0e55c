package sql_test

import (
	"encoding/json"
	"fmt"
	"testing"
)

// A read by machine costs what the machine has, not what the suite has: before anything was merged, of a machine that others were
// merged into, and of one beside them.
func TestMergedMachines_ReadsByMachine_StayIndexReads(t *testing.T) {
	t.Parallel()
	const samples, machines, granule = 1_000_000, 50, 8192
	db := newDatabase(t)
	fill(t, db, samples, machines)

	series := "SELECT order_id, value FROM v_samples WHERE database = 'default' AND suite = 'nts' AND machine_id = %d AND metric = 'score' AND test_id = 11"
	texts := "SELECT order_id, value FROM v_sample_texts WHERE database = 'default' AND suite = 'nts' AND machine_id = %d AND metric = 'hash' AND test_id = 11"
	perSeries := samples / machines / 200
	for _, question := range []string{series, texts} {
		if rows, read := db.cost(t, fmt.Sprintf(question, 7)); rows != perSeries || read > 2*granule {
			t.Errorf("nothing merged: %d rows of %d read, want %d of at most %d", rows, read, perSeries, 2*granule)
		}
	}

	// Machines 3 and 4 become 7; machine 5 of another suite becomes 6 of that.
	for _, merge := range []string{"'default','nts',3,7", "'default','nts',4,7", "'default','compile',5,6"} {
		if err := db.store.Exec(t.Context(), "INSERT INTO machines (database, suite, machine_id, merged_into, seq, deleted) SELECT "+merge+",9,1", nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, question := range []string{series, texts} {
		for machine, want := range map[int]int{7: 3 * perSeries, 3: 0, 4: 0, 5: perSeries, 6: perSeries, 8: perSeries} {
			rows, read := db.cost(t, fmt.Sprintf(question, machine))
			if rows != want || read > 8*granule {
				t.Errorf("machine %d: %d rows of %d read, want %d of at most %d", machine, rows, read, want, 8*granule)
			}
		}
	}
}

// fill makes a suite of so many machines with 200 tests and as many samples and texts as wanted.
func fill(t *testing.T, db *database, samples, machines int) {
	t.Helper()
	// One part each, so that the bound on granules is about the index alone.
	settings := " SETTINGS async_insert = 0, max_block_size = 2000000, min_insert_block_size_rows = 2000000, min_insert_block_size_bytes = 0"
	for _, into := range []string{"samples (value, failed, %s) SELECT 1.5, 0, %s", "sample_texts (value, %s) SELECT 'x', %s"} {
		metric := map[bool]string{true: "'score'", false: "'hash'"}[into[6] == 's']
		columns := "database, suite, machine_id, metric, test_id, order_id, load_id, row, run_id"
		values := fmt.Sprintf("'default', 'nts', 1 + intDiv(number, 200) %% %d, %s, 1 + number %% 200, 1 + intDiv(number, 200 * %d), 1 + intDiv(number, 200), number %% 200, 1 + intDiv(number, 200) FROM numbers(%d)",
			machines, metric, machines, samples)
		if err := db.store.Exec(t.Context(), "INSERT INTO "+fmt.Sprintf(into, columns, values)+settings, nil); err != nil {
			t.Fatal(err)
		}
	}
	err := db.store.Exec(t.Context(), fmt.Sprintf("INSERT INTO machines (database, suite, machine_id, seq, name) SELECT 'default', 'nts', number + 1, number + 1, 'm' FROM numbers(%d)", machines), nil)
	if err != nil {
		t.Fatal(err)
	}
}

// cost gives how many rows a question answers, and how many rows were read for that.
func (d *database) cost(t *testing.T, question string) (rows, read int) {
	t.Helper()
	text, err := d.ask(t, question+" FORMAT JSON", nil)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Rows       int `json:"rows"`
		Statistics struct {
			Read int `json:"rows_read"`
		} `json:"statistics"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Rows, answer.Statistics.Read
}
