package sql_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"tidemark/sql"
)

// The chart of one series costs what the series has, not what the suite has, now and as of a position.
func TestPageSeries_OfALargeSuite_StaysAnIndexRead(t *testing.T) {
	t.Parallel()
	const samples, machines, granule = 1_000_000, 50, 8192
	db := newDatabase(t)
	fill(t, db, samples, machines)
	for _, rows := range []string{
		fmt.Sprintf("orders (database, suite, order_id, seq, name, sort_key) SELECT 'default', 'nts', number + 1, number + 1, toString(number), leftPad(toString(number), 9, '0') FROM numbers(%d)", samples/machines/200+1),
		fmt.Sprintf("runs (database, suite, run_id, seq, load_id, machine_id, order_id, start_at) SELECT 'default', 'nts', number + 1, number + 1, number + 1, 1 + number %% %[1]d, 1 + intDiv(number, %[1]d), now() FROM numbers(%[2]d)", machines, samples/200),
		"superseded (database, suite, load_id, seq) SELECT 'default', 'nts', 7 + 50 * 9, 4000",
	} {
		if err := db.store.Exec(t.Context(), "INSERT INTO "+rows, nil); err != nil {
			t.Fatal(err)
		}
	}
	file, err := sql.Query("page_series")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		asOf, load string
		rows       int
	}{
		{"18446744073709551615", "4294967295", 99}, // one of its 100 runs was replaced
		{"3999", "4294967295", 100},
		{"3999", "2507", 51},
	} {
		text, err := db.ask(t, file.Text+" FORMAT JSON", map[string]string{
			"database": "default", "suite": "nts", "own_machine_ids": "[7]", "test_id": "11", "metric": "score", "as_of": c.asOf, "last_load": c.load,
		})
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Rows       int `json:"rows"`
			Statistics struct {
				Elapsed float64 `json:"elapsed"`
				Read    int     `json:"rows_read"`
			} `json:"statistics"`
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
		t.Logf("as of %s: %d orders, %d rows read, %.1f ms", c.asOf, answer.Rows, answer.Statistics.Read, answer.Statistics.Elapsed*1e3)
		if answer.Rows != c.rows || answer.Statistics.Read > 2*granule {
			t.Errorf("as of %s: %d orders of %d rows read, want %d of at most %d", c.asOf, answer.Rows, answer.Statistics.Read, c.rows, 2*granule)
		}
	}
}
