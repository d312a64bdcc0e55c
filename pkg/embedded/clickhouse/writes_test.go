package clickhouse_test

import "testing"

// Not parallel: the count is of the whole process.
func TestEngine_Writes_CountsWhatMayWrite_NotWhatReads(t *testing.T) {
	c := own(t)
	for _, step := range []struct {
		statement string
		counts    bool
	}{
		{"CREATE TABLE writes_counted (a UInt8) ENGINE = MergeTree ORDER BY a", true},
		{"INSERT INTO writes_counted VALUES (1)", true},
		{"INSERT INTO writes_counted SELECT 2", true},
		{"INSERT INTO writes_counted SELECT throwIf(1)", true}, // a part of it may be there
		{"ALTER TABLE writes_counted DELETE WHERE a = 1 SETTINGS mutations_sync = 1", true},
		{"SELECT count() FROM writes_counted", false},
		{"WITH 1 AS one SELECT one FROM writes_counted", false},
		{"(SELECT 1)", false},
		{"SHOW TABLES", false},
		{"DESCRIBE TABLE writes_counted", false},
		{"EXPLAIN SELECT 1", false},
		{"OPTIMIZE TABLE writes_counted FINAL", true},
		{"DROP TABLE writes_counted", true},
	} {
		before := engine.Writes()
		c.post(step.statement)
		if counted := engine.Writes() > before; counted != step.counts {
			t.Errorf("%s: counted %v, want %v", step.statement, counted, step.counts)
		}
	}
}
