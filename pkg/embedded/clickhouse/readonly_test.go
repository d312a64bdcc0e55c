package clickhouse_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tidemark/pkg/embedded/clickhouse"
)

// hostile statements; every one has to be refused before it does anything. {dir} is a folder to
// write to, {secret} a file to read, {db} a database with a table t and a view v_t.
var hostile = []string{
	// writing
	"INSERT INTO {db}.t VALUES (1)",
	"INSERT INTO {db}.t SELECT 1",
	"INSERT INTO {db}.t FORMAT TSV\n1\n",
	"INSERT INTO FUNCTION file('{dir}/out.csv', 'CSV', 'a UInt8') SELECT 1",
	"INSERT INTO FUNCTION url('http://127.0.0.1:9/', 'CSV', 'a UInt8') VALUES (1)",
	"CREATE TABLE {db}.x (a UInt8) ENGINE = Memory",
	"CREATE TEMPORARY TABLE x (a UInt8)",
	"CREATE VIEW {db}.x AS SELECT 1",
	"CREATE DATABASE x",
	"CREATE FUNCTION f AS (x) -> x",
	"CREATE USER u",
	"CREATE NAMED COLLECTION c AS a = 1",
	"DROP TABLE {db}.t",
	"TRUNCATE TABLE {db}.t",
	"ALTER TABLE {db}.t DELETE WHERE 1",
	"DELETE FROM {db}.t WHERE 1",
	"OPTIMIZE TABLE {db}.t FINAL",
	"RENAME TABLE {db}.t TO {db}.u",
	"DETACH TABLE {db}.t",
	"ATTACH TABLE {db}.t",
	"EXCHANGE TABLES {db}.t AND {db}.v_t",
	"BACKUP DATABASE {db} TO File('{dir}/backup')",
	"RESTORE DATABASE {db} FROM File('{dir}/backup')",
	// control
	"SYSTEM SHUTDOWN",
	"SYSTEM FLUSH LOGS",
	"SYSTEM STOP MERGES",
	"KILL QUERY WHERE 1",
	"SET readonly = 0",
	"SET max_memory_usage = 0",
	"SET ROLE owner",
	"SET ROLE DEFAULT",
	"USE system",
	"GRANT ALL ON *.* TO default",
	"EXECUTE AS default SELECT 1",
	"BEGIN TRANSACTION",
	"SELECT 1; DROP TABLE {db}.t",
	"SELECT 1 PARALLEL WITH DROP TABLE {db}.t",
	"EXPLAIN SELECT 1; DROP TABLE {db}.t",
	// bounds
	"SELECT 1 SETTINGS max_execution_time = 0",
	"SELECT 1 SETTINGS readonly = 0",
	"SELECT 1 SETTINGS max_result_rows = 0",
	"SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)",
	"SELECT * FROM (SELECT 1 SETTINGS max_rows_to_read = 0)",
	"SELECT 1 WHERE 1 IN (SELECT 1 SETTINGS max_rows_to_read = 0)",
	"WITH x AS (SELECT 1 SETTINGS max_rows_to_read = 0) SELECT * FROM x",
	"EXPLAIN SELECT * FROM (SELECT 1 SETTINGS max_rows_to_read = 0)",
	"SELECT sleep(1)",
	"SELECT sleepEachRow(0.1) FROM numbers(100)",
	"SELECT `sle\\x65p`(1)",
	"SELECT number FROM numbers(1001)",
	"SELECT sum(number) FROM numbers(100000001)",
	// files
	"SELECT file('{secret}')",
	"SELECT FILE('{secret}')",
	"SELECT `file`('{secret}')",
	"SELECT /* x */ file /* y */ ('{secret}')",
	"SELECT \"f\\x69le\"('{secret}')",
	"SELECT (SELECT file('{secret}'))",
	"WITH x AS (SELECT file('{secret}') AS f) SELECT f FROM x",
	"SELECT arrayMap(x -> file(x), ['{secret}'])",
	"SELECT arrayMap(file, ['{secret}'])",
	"WITH file AS f SELECT arrayMap(f, ['{secret}'])",
	"SELECT * APPLY(file) FROM (SELECT '{secret}')",
	"SELECT * APPLY(x -> file(x)) FROM (SELECT '{secret}')",
	"SELECT COLUMNS('.*') APPLY(file) FROM (SELECT '{secret}')",
	"EXPLAIN SELECT file('{secret}')",
	"EXPLAIN SYNTAX SELECT file('{secret}')",
	"SELECT * FROM file('{secret}', 'LineAsString')",
	"DESCRIBE TABLE file('{secret}')",
	"SELECT * FROM default.`{secret}`",
	"SELECT * FROM `{secret}`",
	"DESCRIBE default.`{secret}`",
	"EXISTS TABLE default.`{secret}`",
	"SHOW CREATE TABLE default.`{secret}`",
	"SELECT * FROM filesystem('{dir}')",
	"SELECT 1 INTO OUTFILE '{dir}/out.tsv'",
	"SELECT * FROM executable('id', 'TSV', 'a String')",
	"SELECT * FROM sqlite('{dir}/x.db', 't')",
	"SELECT catboostEvaluate('{secret}', 1)",
	"SELECT * FROM icebergLocal('{dir}')",
	"SELECT * FROM deltaLakeLocal('{dir}')",
	"SELECT * FROM eval('SELECT file(\\'{secret}\\')')",
	// other servers
	"SELECT * FROM url('http://127.0.0.1:9/', 'CSV', 'a String')",
	"SELECT * FROM s3('http://bucket.127.0.0.1:9/x', 'CSV', 'a String')",
	"SELECT * FROM remote('127.0.0.1:9', system.one)",
	"SELECT * FROM remoteSecure('127.0.0.1:9', system.one)",
	"SELECT * FROM cluster('default', system.one)",
	"SELECT * FROM mysql('127.0.0.1:9', 'a', 'b', 'c', 'd')",
	"SELECT * FROM postgresql('127.0.0.1:9', 'a', 'b', 'c', 'd')",
	"SELECT * FROM mongodb('127.0.0.1:9', 'a', 'b', 'c', 'd', 'e String')",
	"SELECT * FROM redis('127.0.0.1:9', 'k', 'k String, v String')",
	"SELECT * FROM hdfs('hdfs://127.0.0.1:9/x', 'CSV', 'a String')",
	"SELECT aiGenerate('x')",
	"EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:9', 'a', 'b', 'c', 'd') COLUMNS (a UInt8)",
	// what others do
	"SELECT * FROM system.processes",
	"SELECT * FROM `system`.`processes`",
	"SELECT * FROM \"sys\\x74em\".processes",
	"SHOW PROCESSLIST",
	"SELECT * FROM system.stack_trace",
	"SELECT * FROM system.users",
	"SELECT * FROM system.errors",
	"SELECT * FROM system.named_collections",
	"SELECT * FROM system.server_settings",
	"SELECT 1 IN system.processes",
	"SELECT * FROM merge('system', 'processes')",
	"SELECT * FROM merge(REGEXP('sys.*'), 'processes')",
	"SELECT * FROM loop(system.processes)",
	"SELECT * FROM (SELECT 1) AS a JOIN system.processes AS p ON 1 = 1",
	"SELECT addressToLine(1)",
	"SHOW CREATE USER default",
	"SHOW ACCESS",
}

// refusals are the codes that mean: not done because of a rule.
var refusals = map[string]bool{
	"164": true, // READONLY
	"497": true, // ACCESS_DENIED
	"62":  true, // does not parse as one statement here
	"1":   true, // INTO OUTFILE
	"396": true, // TOO_MANY_ROWS_OR_BYTES
	"158": true, // TOO_MANY_ROWS
	"307": true, // TOO_MANY_BYTES
	"452": true, // SETTING_CONSTRAINT_VIOLATION
}

func TestReadOnly_HostileStatements_AreRefused(t *testing.T) {
	t.Parallel()
	admin := own(t)
	db := database(t, admin)
	admin.mustPost("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a", "database", db)
	admin.mustPost("CREATE VIEW v_t AS SELECT a FROM t", "database", db)
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.txt")
	if err := os.WriteFile(secret, []byte("the-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := people(t, clickhouse.Limits{MaxResultRows: 1000, MaxRowsToRead: 100_000_000, MaxExecutionTime: 5 * time.Second})
	fill := strings.NewReplacer("{db}", db, "{dir}", dir, "{secret}", secret)
	for _, statement := range hostile {
		statement = fill.Replace(statement)
		for way, got := range map[string]reply{"POST": c.post(statement), "GET": c.get("query", statement)} {
			if got.err != nil || got.status == http.StatusOK || !refusals[got.code()] || strings.Contains(got.body, "the-secret") {
				t.Errorf("%s %s: %d code %s %.200q %v", way, statement, got.status, got.code(), got.body, got.err)
			}
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("files were made: %v", left)
	}
	if got := admin.mustPost("SELECT count() FROM t", "database", db); got != "0\n" {
		t.Errorf("rows were stored: %s", got)
	}
	if got := c.get("query", "SELECT 1"); got.body != "1\n" {
		t.Errorf("after all that: %d %s", got.status, got.body)
	}
}

func TestReadOnly_SecretTables_AreReadThroughTheirViewsAlone(t *testing.T) {
	t.Parallel()
	admin := own(t)
	db := database(t, admin)
	admin.mustPost("CREATE TABLE kept (a String, b String) ENGINE = MergeTree ORDER BY a", "database", db)
	admin.mustPost("INSERT INTO kept VALUES ('shown', 'the-secret')", "database", db)
	admin.mustPost("CREATE VIEW v_kept AS SELECT a FROM kept", "database", db)
	c := people(t, clickhouse.Limits{Secrets: map[string]struct{}{"kept": {}}})
	for _, statement := range []string{
		"SELECT b FROM kept", "SELECT * FROM {db}.kept", "SELECT k.b FROM `kept` AS k", `SELECT b FROM "{db}"."kept" FINAL`,
		"FROM kept SELECT b", "SELECT * FROM view(SELECT b FROM kept)", "SELECT * FROM viewIfPermitted(SELECT b FROM kept ELSE null('b String'))",
		"WITH x AS (SELECT b FROM kept) SELECT * FROM x", "SELECT (SELECT b FROM kept)", "SELECT 1 FROM v_kept WHERE ('shown', 'the-secret') IN kept",
		"SELECT 1 FROM v_kept WHERE ('shown', 'the-secret') IN ({db}.kept)", "SELECT ('shown', 'the-secret') GLOBAL NOT IN {db}.kept", "SELECT in(('shown', 'the-secret'), kept)",
		"SELECT v.a, k.b FROM v_kept AS v ANY LEFT JOIN kept AS k USING (a)", "SELECT a FROM v_kept UNION ALL SELECT b FROM kept", "EXPLAIN SELECT b FROM kept",
		"SELECT * FROM v_kept WHERE EXISTS (SELECT 1 FROM kept WHERE b LIKE 'the%')", "SELECT b FROM {t:Identifier}", "SELECT b FROM {d:Identifier}.{t:Identifier}",
		"SELECT * FROM merge('{db}', 'kept')", "SELECT * FROM loop({db}.kept)", "SELECT * FROM mergeTreeIndex('{db}', 'kept')", "DESCRIBE TABLE kept",
		"SELECT columns_to_sum.b FROM kept AS columns_to_sum", "SELECT arrayMap(x -> (x IN kept), [('shown', 'the-secret')])",
	} {
		statement = strings.NewReplacer("{db}", db).Replace(statement)
		got := c.get("query", statement, "database", db, "param_t", "kept", "param_d", db)
		if got.err != nil || got.code() != "497" || strings.Contains(strings.ReplaceAll(got.body, statement, ""), "the-secret") {
			t.Errorf("%s: %d code %s %.200q %v", statement, got.status, got.code(), got.body, got.err)
		}
	}
	filter := "{'" + db + ".v_kept': '(\\'shown\\', \\'the-secret\\') IN kept'}"
	if got := c.get("query", "SELECT a FROM v_kept", "database", db, "additional_table_filters", filter); got.code() != "452" {
		t.Errorf("a filter asks: %d code %s %.200q", got.status, got.code(), got.body)
	}
	if got := c.get("query", "SELECT a, a AS kept FROM v_kept", "database", db); got.body != "shown\tshown\n" {
		t.Errorf("the view is read: %d %s", got.status, got.body)
	}
}

func TestReadOnly_ParametersAsIdentifiers_AreChecked(t *testing.T) {
	t.Parallel()
	c := people(t, clickhouse.Limits{})
	for _, pairs := range [][]string{
		{"query", "SELECT * FROM {d:Identifier}.{t:Identifier}", "param_d", "system", "param_t", "processes"},
		{"query", "SELECT * FROM {t:Identifier}", "param_t", "/etc/hostname"},
		{"query", "SELECT * FROM {t:Identifier}", "param_t", "system.processes"},
		{"query", "SELECT 1", "database", "system"},
		{"query", "SELECT * FROM processes", "database", "system"},
	} {
		if got := c.get(pairs...); got.code() != "497" {
			t.Errorf("%v: %d %s", pairs, got.status, got.body)
		}
	}
}

func TestReadOnly_Questions_AreAnswered(t *testing.T) {
	t.Parallel()
	admin := own(t)
	db := database(t, admin)
	admin.mustPost("CREATE TABLE samples (a UInt32, name String) ENGINE = ReplacingMergeTree ORDER BY a", "database", db)
	admin.mustPost("INSERT INTO samples SELECT number, 'system.processes file(' FROM numbers(10)", "database", db)
	admin.mustPost("CREATE VIEW v_samples AS SELECT a, name FROM samples FINAL", "database", db)
	c := people(t, clickhouse.Limits{})
	for statement, want := range map[string]string{
		"SELECT count() FROM {db}.v_samples":                                                                  "10\n",
		"SELECT count() FROM {db}.v_samples;":                                                                 "10\n",
		"-- a comment with file('x')\nSELECT 'file(1)', 1":                                                    "file(1)\t1\n",
		"WITH x AS (SELECT a FROM {db}.samples) SELECT max(a) FROM x":                                         "9\n",
		"SELECT sum(number) FROM numbers(10)":                                                                 "45\n",
		"SELECT format('{}-{}', 'a', 'b')":                                                                    "a-b\n",
		"SELECT count() > 0 FROM system.tables":                                                               "1\n",
		"SELECT name FROM system.columns WHERE database = '{db}' AND table = 'samples' ORDER BY name LIMIT 1": "a\n",
		"SHOW TABLES FROM {db}":                                                                               "samples\nv_samples\n",
		"EXISTS TABLE {db}.samples":                                                                           "1\n",
		"DESCRIBE TABLE {db}.v_samples FORMAT JSONCompactEachRow":                                             "[\"a\", \"UInt32\", \"\", \"\", \"\", \"\", \"\"]\n[\"name\", \"String\", \"\", \"\", \"\", \"\", \"\"]\n",
		"SELECT table_name FROM information_schema.tables WHERE table_schema = '{db}' ORDER BY 1":             "samples\nv_samples\n",
		"SELECT * FROM view(SELECT 1)":                                                                        "1\n",
		"(SELECT 1) UNION ALL (SELECT 1)":                                                                     "1\n1\n",
		"SELECT a FROM {db}.samples ORDER BY a LIMIT 1 WITH TIES":                                             "0\n",
		"SELECT quantileExact(0.5)(a) FROM {db}.samples":                                                      "5\n",
	} {
		statement = strings.ReplaceAll(statement, "{db}", db)
		for way, got := range map[string]reply{"GET": c.get("query", statement), "POST": c.post(statement)} {
			if got.body != strings.ReplaceAll(want, "{db}", db) {
				t.Errorf("%s %s: %d %q, want %q", way, statement, got.status, got.body, want)
			}
		}
	}
	for _, statement := range []string{"EXPLAIN SELECT 1", "EXPLAIN indexes = 1 SELECT * FROM {db}.samples WHERE a = 1", "EXPLAIN AST SELECT 1", "SHOW CREATE TABLE {db}.v_samples"} {
		if got := c.get("query", strings.ReplaceAll(statement, "{db}", db)); got.status != http.StatusOK {
			t.Errorf("%s: %s", statement, got.body)
		}
	}
	if got := c.get("query", "SELECT count() FROM v_samples", "database", db); got.body != "10\n" {
		t.Errorf("database=: %s", got.body)
	}
}

func TestReadOnly_Settings_OnlyTighten(t *testing.T) {
	t.Parallel()
	c := people(t, clickhouse.Limits{MaxResultRows: 100})
	for _, tt := range []struct {
		name, value, read, want string
	}{
		{"max_result_rows", "50", "max_result_rows", "50\n"},
		{"max_result_rows", "101", "", "452"},
		{"max_result_rows", "0", "", "452"},
		{"max_result_rows", "-1", "", "36"},
		{"max_result_rows", "NaN", "", "36"},
		{"max_execution_time", "3600", "max_execution_time", "30\n"}, // what clients derive from their deadlines
		{"max_execution_time", "0", "max_execution_time", "30\n"},
		{"max_execution_time", "1.5", "max_execution_time", "1.5\n"},
		{"max_memory_usage", "99999999999", "", "452"},
		{"max_threads", "64", "", "452"},
		{"readonly", "0", "", "452"},
		{"readonly", "2", "readonly", "1\n"},
		{"allow_ddl", "1", "", "452"},
		{"allow_introspection_functions", "1", "", "452"},
		{"timeout_overflow_mode", "break", "", "452"},
		{"max_block_size", "10", "max_block_size", "65409\n"},
		{"session_timezone", "Asia/Tokyo", "session_timezone", "Asia/Tokyo\n"},
		{"output_format_json_quote_64bit_integers", "1", "output_format_json_quote_64bit_integers", "true\n"},
		{"no_such_setting", "1", "", "115"},
		{"log_comment", "mine", "readonly", "1\n"},
	} {
		statement := "SELECT 1"
		if tt.read != "" {
			statement = "SELECT toString(getSetting('" + tt.read + "'))"
		}
		got := c.get("query", statement, tt.name, tt.value)
		if answer := map[bool]string{true: got.body, false: got.code()}[got.status == http.StatusOK]; answer != tt.want {
			t.Errorf("%s=%s: %q, want %q (%s)", tt.name, tt.value, answer, tt.want, got.body)
		}
	}
}

func TestReadOnly_ForeignHostOrOrigin_IsRefused(t *testing.T) {
	t.Parallel()
	c := people(t, clickhouse.Limits{Hosts: []string{"perf.example.org"}})
	ask := func(host, header, value string) int {
		r, _ := http.NewRequest(http.MethodGet, c.base+"/?query=SELECT+1", nil)
		if host != "" {
			r.Host = host
		}
		if header != "" {
			r.Header.Set(header, value)
		}
		got := c.do(r)
		if got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s: cross-origin reading is allowed", host, value)
		}
		return got.status
	}
	for _, tt := range []struct {
		host, header, value string
		want                int
	}{
		{"", "", "", 200},
		{"localhost:8123", "", "", 200},
		{"[::1]:8123", "", "", 200},
		{"perf.example.org", "", "", 200},
		{"attacker.example", "", "", 403},
		{"127.0.0.1.attacker.example:8123", "", "", 403},
		{"10.0.0.1", "", "", 403},
		{"", "Origin", "http://attacker.example", 403},
		{"", "Origin", "null", 403},
		{"", "Origin", c.base, 200},
		{"", "Sec-Fetch-Site", "cross-site", 403},
		{"", "Sec-Fetch-Site", "same-origin", 200},
	} {
		if got := ask(tt.host, tt.header, tt.value); got != tt.want {
			t.Errorf("host %q, %s %q: %d, want %d", tt.host, tt.header, tt.value, got, tt.want)
		}
	}
}

func TestReadOnly_SlowOrHungryStatement_IsStopped(t *testing.T) {
	t.Parallel()
	c := people(t, clickhouse.Limits{MaxExecutionTime: time.Second, MaxMemory: 50 << 20, MaxRowsToRead: 1 << 40})
	for statement, want := range map[string]string{
		"SELECT count() FROM system.numbers WHERE cityHash64(number) = 0":                   "159",
		"SELECT groupArray(toString(number)) FROM numbers(100000000) GROUP BY number % 100": "241",
	} {
		started := time.Now()
		got := c.post(statement, "wait_end_of_query", "1")
		if got.code() != want {
			t.Errorf("%s: %d code %s %.200s, want code %s", statement, got.status, got.code(), got.body, want)
		}
		if took := time.Since(started); took > 8*time.Second {
			t.Errorf("%s: took %v", statement, took)
		}
	}
}

func TestReadOnly_ClickHouseGoOverTCP_Works(t *testing.T) {
	t.Parallel()
	c := people(t, clickhouse.Limits{})
	for _, compression := range []driver.CompressionMethod{driver.CompressionNone, driver.CompressionLZ4, driver.CompressionGZIP} {
		t.Run(compression.String(), func(t *testing.T) {
			conn, err := driver.Open(&driver.Options{
				Protocol: driver.HTTP, Addr: []string{strings.TrimPrefix(c.base, "http://")},
				Compression: &driver.Compression{Method: compression},
				Settings:    driver.Settings{"max_execution_time": 60},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			var sum, count uint64
			if err := conn.QueryRow(t.Context(), "SELECT sum(n), count() FROM (SELECT number AS n FROM numbers({rows:UInt64}))", driver.Named("rows", 100000)).Scan(&sum, &count); err != nil || sum != 4999950000 {
				t.Errorf("%d of %d: %v", sum, count, err)
			}
			var numbers []uint64
			rows, err := conn.Query(t.Context(), "SELECT number FROM numbers(200000)")
			if err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
				var n uint64
				if err := rows.Scan(&n); err != nil {
					t.Fatal(err)
				}
				numbers = append(numbers, n)
			}
			if rows.Err() != nil || len(numbers) != 200000 {
				t.Errorf("%d rows: %v", len(numbers), rows.Err())
			}
			var refused *driver.Exception
			if err := conn.Exec(t.Context(), "DROP DATABASE default"); !errors.As(err, &refused) || refused.Code != 164 {
				t.Errorf("DROP: %v", err)
			}
		})
	}
}

func TestReadOnly_LongStatement_IsRefused(t *testing.T) {
	t.Parallel()
	got := people(t, clickhouse.Limits{MaxStatement: 1000}).post("SELECT '" + strings.Repeat("x", 1000) + "'")
	if got.code() != "62" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
