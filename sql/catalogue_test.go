package sql_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tidemark/sql"
)

const catalogue = `
SELECT concat(t.name, ' ', t.engine,
    if(t.sorting_key = '', '', concat(' ORDER BY (', t.sorting_key, ')')),
    if(t.partition_key = '', '', concat(' PARTITION BY ', t.partition_key)),
    if(position(t.create_table_query, 'MATERIALIZED VIEW') > 0, concat(' TO ', extract(t.create_table_query, ' TO \\S+\\.(\\w+)')), ''),
    if(position(t.engine_full, 'SETTINGS') > 0, concat(' SETTINGS ', extract(t.engine_full, 'SETTINGS (.*)')), ''),
    if(position(t.engine_full, 'ReplacingMergeTree(') > 0, concat(' VERSION ', extract(t.engine_full, 'ReplacingMergeTree\\((\\w+)\\)')), ''),
    '\n', arrayStringConcat(c.columns, '\n'), '\n')
FROM system.tables AS t
INNER JOIN
(
    SELECT table, arrayMap(c -> c.2, arraySort(groupArray((position, concat('    ', name, ' ', type, if(compression_codec = '', '', concat(' ', compression_codec))))))) AS columns
    FROM system.columns
    WHERE database = currentDatabase()
    GROUP BY table
) AS c ON c.table = t.name
WHERE t.database = currentDatabase() AND t.name NOT LIKE '.inner%' AND t.name != 'schema_migrations'
ORDER BY t.name
FORMAT TSVRaw`

func TestMigrations_FromNothing_GiveTheCatalogueAsWritten(t *testing.T) {
	t.Parallel()
	got, err := newDatabase(t).ask(t, catalogue, nil)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/schema.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil { //nolint:gosec // test data is for everyone
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// Every statement is planned against the empty schema, so that a column that is not there is noticed here.
func TestStatements_AgainstTheEmptySchema_ArePlanned(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	for dir, list := range map[string]func() ([]sql.File, error){"queries": sql.Queries, "jobs": sql.Jobs, "detectors": sql.Detectors} {
		files, err := list()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			params := map[string]string{}
			for name, kind := range f.Params {
				value, ok := samples[kind]
				if !ok {
					t.Fatalf("sql/%s/%s.sql: no sample of %s", dir, f.Name, kind)
				}
				params[name] = value
			}
			explain := "EXPLAIN PLAN "
			if strings.Contains(f.Text, "\nINSERT ") {
				explain = "EXPLAIN PIPELINE "
			}
			text := f.Text
			if dir == "detectors" && f.JudgesSeries() {
				text = overNoPoints(t, f)
				explain = "EXPLAIN PIPELINE " // a plan spells every expression out, and theirs are built of each other
			}
			if _, err := db.ask(t, explain+text, params); err != nil {
				t.Errorf("sql/%s/%s.sql: %v", dir, f.Name, err)
			}
		}
	}
}

// overNoPoints is a detector's text over an empty relation.
func overNoPoints(t *testing.T, f sql.File) string {
	t.Helper()
	d, err := sql.ParseSeriesDetector(f)
	if err != nil {
		t.Fatalf("sql/detectors/%s.sql: %v", f.Name, err)
	}
	return d.Compose("SELECT 0::UInt64 AS series, 0::UInt32 AS place, 0. AS level, [0.] AS values, 0::UInt8 AS bigger WHERE 0").Text
}

// samples are a value of every type of parameter in use.
var samples = map[string]string{
	"String": "x", "UUID": "0197a1b2-0000-7000-8000-0123456789ab", "Float64": "0.05",
	"UInt8": "1", "UInt16": "2", "UInt32": "1", "UInt64": "1", "Int64": "1",
	"DateTime64(3)": "2026-02-03 04:05:06.789", "DateTime64(6)": "2026-02-03 04:05:06.789", "Bool": "true",
	"Array(UInt8)": "[1]", "Array(UInt32)": "[1]", "Array(UInt64)": "[1]", "Array(String)": "['x']", "Array(Float64)": "[0.5]", "Array(UUID)": "['0197a1b2-0000-7000-8000-0123456789ab']",
}

// A statement nobody asks is a statement nobody tests in earnest.
func TestStatements_AreAllNamedInTheSource(t *testing.T) {
	t.Parallel()
	source := goSource(t)
	for _, list := range []func() ([]sql.File, error){sql.Queries, sql.Jobs, sql.Detectors} {
		files, err := list()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !strings.Contains(source, `"`+f.Name+`"`) {
				t.Errorf("%s.sql is used nowhere", f.Name)
			}
		}
	}
	for _, m := range regexp.MustCompile(`sql\.(?:Must)?(Query|Job|Detector)\("(\w+)"\)`).FindAllStringSubmatch(source, -1) {
		find := map[string]func(string) (sql.File, error){"Query": sql.Query, "Job": sql.Job, "Detector": sql.Detector}[m[1]]
		if _, err := find(m[2]); err != nil {
			t.Error(err)
		}
	}
}

// goSource is all Go source, tests too: a statement may be there to prove something.
func goSource(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{"../services", "../pkg"} {
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
