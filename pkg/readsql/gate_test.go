package readsql_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark/pkg/embedded/clickhouse"
	"tidemark/pkg/readsql"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// world is a gate before a migrated database, and a way behind it.
type world struct {
	t        *testing.T
	gate     *readsql.Gate
	store    *store.Store
	database string
}

func setup(t *testing.T, change func(*readsql.Config)) world {
	t.Helper()
	at := testkit.Migrated(t)
	cfg := readsql.DefaultConfig()
	cfg.Database = at.Database
	cfg.StatementsPerMinute, cfg.BusyPerMinute = 10_000, time.Hour
	if change != nil {
		change(&cfg)
	}
	cfg.Dial = testkit.Engine(t).Reader(clickhouse.Limits{MaxRowsToRead: 1 << 40}).Dial
	gate, err := readsql.New(cfg, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return world{t, gate, testkit.Open(t, at), at.Database}
}

func (w world) ask(q readsql.Question) (string, error) {
	w.t.Helper()
	if q.Format == "" {
		q.Format = readsql.TSV
	}
	answer, err := w.gate.Ask(w.t.Context(), q)
	if err != nil {
		return "", err
	}
	if answer.Known {
		return "known", nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

func (w world) must(q readsql.Question) string {
	w.t.Helper()
	got, err := w.ask(q)
	if err != nil {
		w.t.Fatalf("%s: %v", q.Text, err)
	}
	return got
}

// exec does something behind the gate.
func (w world) exec(text string) {
	w.t.Helper()
	if err := w.store.Exec(w.t.Context(), text, nil); err != nil {
		w.t.Fatal(err)
	}
}

// fill defines some tests in two databases.
func (w world) fill() {
	w.t.Helper()
	w.exec("INSERT INTO tests (database, suite, test_id, name) VALUES ('default', 'nts', 1, 'a'), ('default', 'nts', 2, 'b'), ('other', 'nts', 1, 'c')")
}

// hostile statements; {db} is the database, {dir} a folder to write to, {secret} a file to read.
const hostile = `
SELECT body FROM ledger
SELECT record_rows FROM {db}.ledger_changes
SELECT body FROM records
SELECT body FROM {db}.mv_records
SELECT target FROM v_raw_subscriptions
SELECT body FROM v_raw_ledger
SELECT body FROM v_ledger_records
SELECT * FROM view(SELECT body FROM records)
SELECT 1 IN (SELECT body LIKE '%hooks%' FROM ledger)
WITH l AS (SELECT * FROM ledger) SELECT body FROM l
INSERT INTO {db}.tests VALUES (1)
INSERT INTO FUNCTION file('{dir}/out.csv', 'CSV', 'a UInt8') SELECT 1
INSERT INTO FUNCTION url('http://127.0.0.1:9/', 'CSV', 'a UInt8') SELECT 1
CREATE TABLE {db}.x (a UInt8) ENGINE = Memory
CREATE TEMPORARY TABLE x (a UInt8)
CREATE VIEW {db}.v_x AS SELECT 1
CREATE OR REPLACE VIEW {db}.v_tests AS SELECT 1
CREATE DATABASE x
CREATE FUNCTION f AS (x) -> x
CREATE USER u
DROP TABLE {db}.tests
DROP VIEW {db}.v_tests
TRUNCATE TABLE {db}.tests
ALTER TABLE {db}.tests DELETE WHERE 1
DELETE FROM {db}.tests WHERE 1
UPDATE {db}.tests SET name = 'x' WHERE 1
OPTIMIZE TABLE {db}.tests FINAL
RENAME TABLE {db}.tests TO {db}.u
DETACH TABLE {db}.tests
ATTACH TABLE {db}.tests
EXCHANGE TABLES {db}.tests AND {db}.runs
BACKUP DATABASE {db} TO File('{dir}/backup')
UNDROP TABLE {db}.tests
MOVE USER u TO x
SYSTEM SHUTDOWN
SYSTEM FLUSH LOGS
SYSTEM STOP MERGES
KILL QUERY WHERE 1
SET readonly = 0
SET max_memory_usage = 0
SET ROLE owner
USE system
GRANT ALL ON *.* TO default
REVOKE ALL ON *.* FROM default
EXECUTE AS default SELECT 1
BEGIN TRANSACTION
CHECK TABLE {db}.tests
SELECT 1; DROP TABLE {db}.tests
SELECT 1;; SELECT 2
SELECT 1 -- x;\n; DROP TABLE {db}.tests
SELECT 1 PARALLEL WITH DROP TABLE {db}.tests
EXPLAIN SELECT 1; DROP TABLE {db}.tests
EXPLAIN AST DROP TABLE {db}.tests
EXPLAIN SYNTAX INSERT INTO {db}.tests VALUES (1)
EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:9', 'a', 'b', 'c', 'd') COLUMNS (a UInt8)
SELECT 1 SETTINGS max_execution_time = 0
SELECT 1 SETTINGS readonly = 0
SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)
WITH x AS (SELECT 1 SETTINGS max_rows_to_read = 0) SELECT * FROM x
EXPLAIN SELECT * FROM (SELECT 1 SETTINGS max_rows_to_read = 0)
EXPLAIN json = 1 SELECT 1 SETTINGS max_rows_to_read = 0
SELECT 1 AS “'” SETTINGS max_threads = 99 --'
SELECT 1 FORMAT JSON
SELECT 1 FORMAT Null
SELECT 1 FORMAT JSON SETTINGS max_threads = 1
SELECT 1 AS “'” FORMAT Native --'
SELECT 1 INTO OUTFILE '{dir}/out.tsv'
SELECT 1 INTO OUTFILE '{dir}/out.tsv' FORMAT CSV
SELECT sleep(1)
SELECT sleepEachRow(0.1) FROM numbers(100)
SELECT 'sl' || sleep(1)
SELECT ` + "`sle\\x65p`" + `(1)
SELECT * APPLY(sleep) FROM (SELECT 1)
SELECT file('{secret}')
SELECT FILE('{secret}')
SELECT /* x */ file /* y */ ('{secret}')
SELECT (SELECT file('{secret}'))
WITH x AS (SELECT file('{secret}') AS f) SELECT f FROM x
SELECT arrayMap(x -> file(x), ['{secret}'])
SELECT arrayMap(file, ['{secret}'])
WITH file AS f SELECT arrayMap(f, ['{secret}'])
SELECT * APPLY(file) FROM (SELECT '{secret}')
SELECT * APPLY(x -> file(x)) FROM (SELECT '{secret}')
SELECT * REPLACE (file('{secret}') AS a) FROM (SELECT 1 AS a)
SELECT 1 LIMIT (SELECT length(file('{secret}')))
EXPLAIN SELECT file('{secret}')
SELECT * FROM file('{secret}', 'LineAsString')
DESCRIBE file('{secret}')
SELECT * FROM ` + "`{secret}`" + `
SELECT * FROM default.` + "`{secret}`" + `
SELECT * FROM filesystem('{dir}')
SELECT * FROM executable('id', 'TSV', 'a String')
SELECT * FROM sqlite('{dir}/x.db', 't')
SELECT * FROM icebergLocal('{dir}')
SELECT * FROM input('a String')
SELECT * FROM format(CSV, '1')
SELECT * FROM generateRandom('a String') LIMIT 1
SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'a String')
SELECT * FROM s3('http://bucket.127.0.0.1:9/x', 'CSV', 'a String')
SELECT * FROM remote('127.0.0.1:9', {db}.v_tests)
SELECT * FROM cluster('default', {db}.v_tests)
SELECT * FROM clusterAllReplicas('default', system.one)
SELECT * FROM mysql('127.0.0.1:9', 'a', 'b', 'c', 'd')
SELECT * FROM postgresql('127.0.0.1:9', 'a', 'b', 'c', 'd')
SELECT * FROM mongodb('127.0.0.1:9', 'a', 'b', 'c', 'd', 'e String')
SELECT * FROM redis('127.0.0.1:9', 'k', 'k String, v String')
SELECT * FROM hdfs('hdfs://127.0.0.1:9/x', 'CSV', 'a String')
SELECT reverseDNSQuery('127.0.0.1')
SELECT * FROM merge('{db}', 'tests')
SELECT * FROM merge(REGEXP('.*'), 'tests')
SELECT * FROM loop({db}.tests)
SELECT * FROM mergeTreeIndex('{db}', 'tests')
SELECT * FROM dictionary('d')
SELECT dictGet('d', 'a', 1)
SELECT joinGet('{db}.tests', 'a', 1)
SELECT hasColumnInTable('{db}', 'tests', 'name')
SELECT * FROM tests
SELECT * FROM {db}.tests
SELECT * FROM {db}.ledger
SELECT * FROM v_tests JOIN tests USING test_id
SELECT * FROM (SELECT * FROM tests)
SELECT (SELECT count() FROM tests)
WITH tests AS (SELECT 1) SELECT * FROM tests
WITH x AS (SELECT * FROM tests) SELECT * FROM x
SELECT (WITH samples AS (SELECT 1) SELECT 1), (SELECT count() FROM samples)
SELECT 1 UNION ALL SELECT count() FROM tests
SELECT 1 IN tests
SELECT 1 IN {db}.tests
SELECT 1 NOT IN v_tests
SELECT 'a' IN other.thing
DESCRIBE tests
DESCRIBE TABLE {db}.ledger
SHOW CREATE TABLE tests
SHOW COLUMNS FROM tests
SHOW COLUMNS FROM {db}.ledger
SHOW COLUMNS FROM processes FROM system
EXISTS TABLE tests
SELECT * FROM information_schema.tables
SELECT * FROM other.v_tests
SELECT * FROM default.v_tests
SELECT * FROM system.processes
SELECT * FROM ` + "`system`.`processes`" + `
SELECT * FROM system.query_log
SELECT * FROM system.users
SELECT * FROM system.settings
SELECT * FROM system.named_collections
SELECT 1 IN system.processes
SHOW PROCESSLIST
SHOW DATABASES
SHOW TABLES FROM system
SHOW GRANTS
SHOW ACCESS
SHOW SETTINGS LIKE 'max%'
SHOW CLUSTERS
SHOW CREATE USER default
SELECT currentUser(), hostName()
SELECT getSetting('readonly')
SELECT getServerSetting('max_connections')
SELECT * FROM {t:Identifier}
SELECT * FROM {d:Identifier}.{t:Identifier}
SELECT 'never closed
SELECT 1 /* never closed

;
VALUES (1)
`

func TestGate_HostileStatements_AreRefusedAndDoNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.fill()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.txt")
	if err := os.WriteFile(secret, []byte("the-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{db}", w.database, "{dir}", dir, "{secret}", secret, `\n`, "\n")
	tried := 0
	for statement := range strings.SplitSeq(strings.Trim(hostile, "\n"), "\n") {
		statement = fill.Replace(statement)
		tried++
		got, err := w.ask(readsql.Question{Text: statement, Params: map[string]string{"d": "system", "t": "tests"}})
		refused, engine := (*readsql.RefusedError)(nil), (*readsql.EngineError)(nil)
		// What does not parse is the engine's to say; nothing else is.
		if !errors.As(err, &refused) && (!errors.As(err, &engine) || engine.Code != 62) {
			t.Errorf("%s: got %.100q, %v", statement, got, err)
		}
		if err != nil && (len(err.Error()) < 20 || strings.Contains(err.Error(), "the-secret")) {
			t.Errorf("%s: an error that does not say enough, or too much: %v", statement, err)
		}
	}
	if tried < 50 {
		t.Errorf("only %d statements were tried", tried)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("files were made: %v", left)
	}
	if got := w.must(readsql.Question{Text: "SELECT count(), uniqExact(name) FROM v_tests"}); !strings.HasSuffix(got, "\n3\t3\n") {
		t.Errorf("the tests are not those from before: %q", got)
	}
}

func TestGate_Questions_AreAnswered(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.fill()
	for statement, want := range map[string]string{
		"SELECT name FROM v_tests ORDER BY name":                                                                               "name\na\nb\nc\n",
		"SELECT name FROM {db}.v_tests ORDER BY name LIMIT 1;":                                                                 "name\na\n",
		"-- a comment with tests;\nSELECT 'file(1); FORMAT JSON' AS x":                                                         "x\nfile(1); FORMAT JSON\n",
		"WITH t AS (SELECT name FROM v_tests) SELECT max(name) AS m FROM t":                                                    "m\nc\n",
		"FROM v_tests SELECT count() AS n":                                                                                     "n\n3\n",
		"(SELECT 1 AS n) UNION ALL (SELECT 1)":                                                                                 "n\n1\n1\n",
		"SELECT sum(number) AS s FROM numbers(10)":                                                                             "s\n45\n",
		"SELECT format('{}-{}', 'a', 'b') AS x":                                                                                "x\na-b\n",
		"SELECT 2 IN (SELECT test_id FROM v_tests) AS x":                                                                       "x\n1\n",
		"SELECT name FROM v_tests WHERE test_id = {id:UInt32} AND suite = 'nts' AND database = {d:String}":                     "name\na\n",
		"SELECT t.name FROM {v:Identifier} AS t ORDER BY 1 LIMIT 1":                                                            "name\na\n",
		"SHOW VIEWS LIKE 'v_test%'":                                                                                            "name\nv_test_names\nv_tests\n",
		"EXISTS VIEW v_tests":                                                                                                  "result\n1\n",
		"SELECT count() > 50 AS x FROM system.columns WHERE database = currentDatabase()":                                      "x\n1\n",
		"SELECT a.name FROM v_tests AS a JOIN v_tests AS b USING (database, suite, test_id) ORDER BY 1 LIMIT 1":                "name\na\n",
		"SELECT row_number() OVER (ORDER BY name) AS n FROM v_tests ORDER BY n LIMIT 1 -- end":                                 "n\n1\n",
		"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT max(n) AS m FROM r":              "m\n3\n",
		"SELECT arrayJoin([1, 2]) AS format, quantileExact(0.5)(test_id) FROM v_tests GROUP BY format ORDER BY format LIMIT 1": "format\tquantileExact(0.5)(test_id)\n1\t1\n",
	} {
		statement = strings.ReplaceAll(statement, "{db}", w.database)
		got, err := w.ask(readsql.Question{Text: statement, Params: map[string]string{"id": "1", "d": "default", "v": "v_tests"}})
		if got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", statement, got, err, want)
		}
	}
	for _, statement := range []string{
		"EXPLAIN SELECT * FROM v_tests", "EXPLAIN indexes = 1 SELECT * FROM v_tests", "EXPLAIN AST SELECT 1", "EXPLAIN PIPELINE SELECT 1",
		"DESCRIBE v_tests", "DESC TABLE v_tests", "DESCRIBE (SELECT 1)", "SHOW CREATE VIEW v_tests", "SHOW COLUMNS FROM v_tests", "SHOW TABLES",
		"SHOW FUNCTIONS LIKE 'quant%'", "SELECT now()", "SELECT * FROM v_results", "SELECT * FROM v_findings", "SELECT * FROM v_regressions",
	} {
		for _, format := range readsql.Formats() {
			if got, err := w.ask(readsql.Question{Text: statement, Format: format}); err != nil || got == "" && format != readsql.JSONL {
				t.Errorf("%s as %s: %q, %v", statement, format, got, err)
			}
		}
	}
}

func TestGate_EveryView_CanBeRead(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	views, err := w.gate.Views(t.Context())
	if err != nil || len(views) < 30 {
		t.Fatalf("%d views, %v", len(views), err)
	}
	for _, v := range views {
		if v.Purpose == "" || len(v.Columns) == 0 {
			t.Errorf("%s: purpose %q, %d columns", v.Name, v.Purpose, len(v.Columns))
		}
		if _, err := w.ask(readsql.Question{Text: "SELECT * FROM " + v.Name + " LIMIT 1"}); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
}

func TestGate_DatabasesOfAToken_HideTheRowsOfOthers(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.fill()
	for _, text := range []string{
		"SELECT groupUniqArray(name) AS x FROM v_tests",
		"SELECT groupUniqArray(name) AS x FROM {db}.v_tests AS t",
		"WITH t AS (SELECT * FROM v_tests) SELECT groupUniqArray(name) AS x FROM t",
		"SELECT groupUniqArray(name) AS x FROM view(SELECT name FROM v_tests)",
		"SELECT groupUniqArray(a.name) AS x FROM v_tests AS a LEFT JOIN v_tests AS b ON a.test_id = b.test_id",
		"SELECT (SELECT groupUniqArray(name) FROM v_tests) AS x",
	} {
		text = strings.ReplaceAll(text, "{db}", w.database)
		if got := w.must(readsql.Question{Text: text, Databases: []string{"other"}}); got != "x\n['c']\n" {
			t.Errorf("%s: got %q", text, got)
		}
		if got := w.must(readsql.Question{Text: text, Databases: []string{"it's none"}}); got != "x\n[]\n" {
			t.Errorf("%s of none: got %q", text, got)
		}
	}
	if got := w.must(readsql.Question{Text: "SELECT count() AS n FROM v_tests", Databases: []string{"other", "default"}}); got != "n\n3\n" {
		t.Errorf("of both: %q", got)
	}
}

func TestGate_Formats_SayTheSame(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	const text = "SELECT number AS n, concat('a,\"', toString(number), '\\t') AS `s, t` FROM numbers(3)"
	for format, want := range map[readsql.Format]string{
		readsql.JSON: `{"columns": [{"name":"n","type":"UInt64"},{"name":"s, t","type":"String"}],
"data": [
[0, "a,\"0\t"],
[1, "a,\"1\t"]],
"rows": 2, "truncated": true}
`,
		readsql.JSONL: "{\"n\":0,\"s, t\":\"a,\\\"0\\t\"}\n{\"n\":1,\"s, t\":\"a,\\\"1\\t\"}\n",
		readsql.CSV:   "n,\"s, t\"\n0,\"a,\"\"0\t\"\n1,\"a,\"\"1\t\"\n",
		readsql.TSV:   "n\ts, t\n0\ta,\"0\\t\n1\ta,\"1\\t\n",
	} {
		if got := w.must(readsql.Question{Text: text, Format: format, Limit: 2}); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
	for format, magic := range map[readsql.Format]string{readsql.Parquet: "PAR1", readsql.Arrow: "ARROW1"} {
		if got := w.must(readsql.Question{Text: text, Format: format}); !strings.HasPrefix(got, magic) || !strings.HasSuffix(got, magic) {
			t.Errorf("%s: %d bytes that begin with %.8q", format, len(got), got)
		}
	}
	var whole struct {
		Data      [][]any
		Rows      int
		Truncated bool
	}
	if err := json.Unmarshal([]byte(w.must(readsql.Question{Text: "SELECT number FROM numbers(200000)", Format: readsql.JSON})), &whole); err != nil ||
		len(whole.Data) != 200000 || whole.Rows != 200000 || whole.Truncated {
		t.Errorf("%d, %d rows, truncated %t: %v", len(whole.Data), whole.Rows, whole.Truncated, err)
	}
}

func TestGate_Tag_MovesWithTheDataOnly(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.fill()
	tag := func(q readsql.Question) string {
		t.Helper()
		q.Format = readsql.CSV
		answer, err := w.gate.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.Tag
	}
	tests := readsql.Question{Text: "SELECT count() FROM v_tests"}
	machines := readsql.Question{Text: "SELECT count() FROM v_machines"}
	before, other := tag(tests), tag(machines)
	if before == "" || before != tag(tests) || before == other {
		t.Fatalf("tags %q, %q of others", before, other)
	}
	known := tests
	known.Format, known.Known = readsql.CSV, func(tag string) bool { return tag == before }
	if got := w.must(known); got != "known" {
		t.Errorf("an answer that is known: %q", got)
	}
	w.exec("OPTIMIZE TABLE tests FINAL")
	if got := tag(tests); got != before {
		t.Error("a merge moved the tag")
	}
	w.exec("INSERT INTO tests (database, suite, test_id, name) VALUES ('default', 'nts', 3, 'd')")
	if got := tag(tests); got == before {
		t.Error("an insert did not move the tag")
	}
	if got := tag(machines); got != other {
		t.Error("an insert into tests moved the tag of machines")
	}
	tests.Databases = []string{"other"}
	if got := tag(tests); got == before || got == "" {
		t.Error("another token's rows have the same tag")
	}
	for _, text := range []string{"SELECT now() FROM v_tests", "SELECT rand()", "SELECT count() FROM system.one", "SHOW VIEWS"} {
		if got := tag(readsql.Question{Text: text}); got != "" {
			t.Errorf("%s has a tag", text)
		}
	}
}

func TestGate_BeyondABound_SaysWhich(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *readsql.Config) {
		c.Limits = readsql.Limits{MaxExecutionTime: time.Second, MaxMemory: 50 << 20, MaxRowsToRead: 1 << 40, MaxResultRows: 1000}
	})
	for text, want := range map[string]string{
		"SELECT count() FROM numbers(1000000000000) WHERE cityHash64(number) = 0":           "time",
		"SELECT groupArray(toString(number)) FROM numbers(100000000) GROUP BY number % 100": "memory",
		"SELECT number FROM numbers(1001)":                                                  "rows",
	} {
		began := time.Now()
		_, err := w.ask(readsql.Question{Text: text})
		if limit := (*readsql.LimitError)(nil); !errors.As(err, &limit) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a word on %s", text, err, want)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: took %v", text, took)
		}
	}
	if got := w.must(readsql.Question{Text: "SELECT number FROM numbers(1001)", Limit: 10, Format: readsql.JSONL}); strings.Count(got, "\n") != 10 {
		t.Errorf("with a limit: %q", got)
	}
}

func TestGate_Mistakes_AreTheEnginesToSay(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for text, want := range map[string]string{
		"SELECT * FROM v_tets":           "v_tets",
		"SELECT nme FROM v_tests":        "nme",
		"SELEC 1":                        "SELEC",
		"SELECT {x:UInt32}":              "x",
		"SELECT name FROM v_tests WHERE": "Syntax error",
	} {
		_, err := w.ask(readsql.Question{Text: text})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "version") || strings.Contains(err.Error(), "DB::Exception") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestGate_Quota_IsPerTokenAndMinute(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *readsql.Config) { c.StatementsPerMinute = 2 })
	for range 2 {
		w.must(readsql.Question{Text: "SELECT 1", Who: "a"})
	}
	_, err := w.ask(readsql.Question{Text: "SELECT 1", Who: "a"})
	if quota := (*readsql.QuotaError)(nil); !errors.As(err, &quota) || quota.RetryAfter < time.Second || quota.RetryAfter > time.Minute {
		t.Errorf("the third: %v", err)
	}
	w.must(readsql.Question{Text: "SELECT 1", Who: "b"})
}

func TestGate_FullHouse_IsBusyUntilOneLeaves(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *readsql.Config) {
		c.Limits.Concurrent, c.Limits.Queue, c.Limits.QueueWait = 1, 1, 20*time.Millisecond
	})
	w.must(readsql.Question{Text: "SELECT 1"}) // the catalogue is read
	answer, err := w.gate.Ask(t.Context(), readsql.Question{Text: "SELECT 1", Format: readsql.CSV})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ask(readsql.Question{Text: "SELECT 2"}); !errors.Is(err, readsql.ErrBusy) {
		t.Errorf("beside a statement that is not read to its end: %v", err)
	}
	_ = answer.Body.Close()
	w.must(readsql.Question{Text: "SELECT 2"})
}

func TestGate_Cancelled_EndsTheStatement(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	if w.gate.Cancel("nobody") {
		t.Error("a statement that is not there was cancelled")
	}
	ended := make(chan error, 1)
	go func() {
		_, err := w.gate.Ask(context.Background(), readsql.Question{
			Text: "SELECT count() FROM numbers(1000000000000) WHERE cityHash64(number) = 0", Format: readsql.JSON, ID: "mine",
		})
		ended <- err
	}()
	deadline := time.After(20 * time.Second)
	for !w.gate.Cancel("mine") {
		select {
		case err := <-ended:
			t.Fatalf("ended by itself: %v", err)
		case <-deadline:
			t.Fatal("never began")
		case <-time.After(5 * time.Millisecond):
		}
	}
	select {
	case err := <-ended:
		if !errors.Is(err, readsql.ErrCancelled) {
			t.Errorf("got %v", err)
		}
	case <-deadline:
		t.Fatal("did not end")
	}
	if running, waiting := w.gate.Load(); running+waiting != 0 {
		t.Errorf("%d run, %d wait", running, waiting)
	}
}
