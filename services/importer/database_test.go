package importer

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

// lntFile makes a database as LNT makes it and gives its path.
func lntFile(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile("testdata/lnt.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lnt.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), string(script)); err != nil {
		t.Fatal(err)
	}
	return path
}

func openOdd(t *testing.T, cfg Config) Suite {
	t.Helper()
	source, err := openDatabase(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	names, err := source.Suites(t.Context(), "")
	if err != nil || len(names) != 1 || names[0] != "odd" {
		t.Fatalf("suites %q, error %v; want odd", names, err)
	}
	opened, err := source.Open(t.Context(), "", "odd")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opened.Machines(t.Context()); err != nil {
		t.Fatal(err)
	}
	return opened
}

func databaseConfig(path string) Config {
	cfg := DefaultConfig()
	cfg.DSN = path
	return cfg
}

func TestDatabase_Schema_OrderAndWordsOfTheUploadedOneLinksOfTheTables(t *testing.T) {
	t.Parallel()
	opened := openOdd(t, databaseConfig(lntFile(t)))
	want := suite.Schema{
		Name: "odd",
		Metrics: []suite.Metric{
			{Name: "select", Type: suite.Real, DisplayName: "Selected", Unit: "things", UnitAbbrev: "th", BiggerIsBetter: true, IgnoreSameHash: true, Status: "passed"},
			{Name: "passed", Type: suite.Status},
			{Name: "checksum", Type: suite.Hash},
		},
		RunFields:     []suite.Field{{Name: "llvm_project_revision", Order: true}, {Name: "git_sha"}},
		MachineFields: []suite.Field{{Name: "order"}},
	}
	if diff := cmp.Diff(opened.Schema(), want); diff != "" {
		t.Errorf("schema (-got +want):\n%s", diff)
	}
	if err := opened.Schema().Validate(); err != nil {
		t.Error(err)
	}
}

func TestDatabase_Run_BecomesAReportWithTheSameRows(t *testing.T) {
	t.Parallel()
	cfg := databaseConfig("sqlite:///" + lntFile(t))
	cfg.Profiles = t.TempDir()
	if err := os.WriteFile(filepath.Join(cfg.Profiles, "t-a-s-x.lntprof"), []byte("\x02profile"), 0o600); err != nil {
		t.Fatal(err)
	}
	opened := openOdd(t, cfg)
	run, err := opened.Run(t.Context(), 9)
	if err != nil {
		t.Fatal(err)
	}
	notes := tidy(run, opened.Schema())
	if want := (Notes{NotFinite: 1, OddStatus: 1, NoProfile: 1}); notes != want {
		t.Errorf("notes %+v, want %+v", notes, want)
	}
	got := string(submission(run, opened.Schema()))
	want := `{"format_version":"2","machine":{"name":"m","cores":8,"digits":12345678901234567890,"limit":null,"none":null,"order":"first"},` +
		`"run":{"start_time":"2026-01-02T03:04:05.000678","end_time":"2026-01-02T03:00:00","llvm_project_revision":"10","git_sha":"abc","list":[1, "x"],"ok":true},` +
		`"tests":[{"name":"a","select":[1,null,0.1],"passed":[0,null,null],"checksum":["h",null,null],"profile":"AnByb2ZpbGU="},` +
		`{"name":"b","passed":1},{"name":"a","select":null},{"name":"b","select":null}]}`
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("report (-got +want):\n%s", diff)
	}
	if !json.Valid([]byte(got)) {
		t.Error("the report is not JSON")
	}
}

func TestDatabase_RunWithoutTimes_IsDatedAndCounted(t *testing.T) {
	t.Parallel()
	opened := openOdd(t, databaseConfig(lntFile(t)))
	run, err := opened.Run(t.Context(), 12)
	if err != nil {
		t.Fatal(err)
	}
	if notes := tidy(run, opened.Schema()); notes.NoTime != 1 || run.Began != unknownTime || run.End != unknownTime {
		t.Errorf("begins %q, ends %q, notes %+v; want %q and one without a time", run.Began, run.End, notes, unknownTime)
	}
}

func TestDatabase_RunThatIsNotThere_IsGone(t *testing.T) {
	t.Parallel()
	opened := openOdd(t, databaseConfig(lntFile(t)))
	if _, err := opened.Run(t.Context(), 10); err != errGone { //nolint:errorlint // the sentinel itself
		t.Errorf("error %v, want %v", err, errGone)
	}
}

func TestDatabase_Judgements_AreReadWhole(t *testing.T) {
	t.Parallel()
	opened := openOdd(t, databaseConfig(lntFile(t)))
	got, err := opened.Judgements(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before, after := 1.5, 3.0
	want := &Judgements{
		FieldChanges: 2, Ignored: 1, Profiles: 2,
		Regressions: []Regression{{
			ID: 4, Title: "Regression of 1 benchmarks", Bug: "https://bugs.example.org/1", State: 10,
			Changes: []Change{{MachineID: 3, Machine: "m", TestID: 1, Test: "a", Metric: "select", From: []string{"10"}, To: []string{"11"}, Old: &before, New: &after, RunID: 12}},
		}},
		Baselines: []BaselineMark{{"release", "as shipped", 4, []string{"11"}}},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("judgements (-got +want):\n%s", diff)
	}
}

func TestDatabase_IsOnlyRead(t *testing.T) {
	t.Parallel()
	source, err := openDatabase(t.Context(), databaseConfig(lntFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if _, err := source.db.ExecContext(t.Context(), `DELETE FROM "odd_Run"`); err == nil {
		t.Error("the source could be written to")
	}
}

func TestDatabase_OtherLayout_IsRefusedWithItsVersion(t *testing.T) {
	t.Parallel()
	path := lntFile(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `UPDATE "SchemaVersion" SET "Version" = 7`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openDatabase(t.Context(), databaseConfig(path)); err == nil || !strings.Contains(err.Error(), "version 7") {
		t.Errorf("error %v, want one about version 7", err)
	}
}

func TestImport_FromDatabase_IsComparedAndReported(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	path := lntFile(t)
	var state string
	out, err := into(context.Background(), t, s, func(c *Config) { c.DSN, state = path, c.State })
	if err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	mustSay(t, out,
		"3 runs of 3 imported now", "the same",
		"1 runs without a start time", "1 values were not finite", "1 statuses were none",
		"1 machines without runs are not imported",
		"LNT has 1 regressions over 2 field changes, 1 ignored changes, 1 baselines", "regressions, which --keep-ids brings, and ignored changes are not imported", "2 profiles are not imported")
	files, err := filepath.Glob(filepath.Join(state, "default-odd-*.judgements.json"))
	if err != nil || len(files) != 1 {
		t.Errorf("files %q, error %v; want one with the judgements", files, err)
	}
}

func TestImport_EqualOrders_AreSeededOnce(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	path := lntFile(t)
	out, _ := into(t.Context(), t, s, func(c *Config) { c.DSN, c.KeepIDs = path, true }) // the stand-in's ids are its own
	mustSay(t, out, "1 orders have the values of another and become one with it")
	if text := string(s.seeds[0]); !strings.Contains(text, `"orders":[{"id":2,"values":["10"]},{"id":4,"values":["11"]}]`) || !strings.Contains(text, `{"id":8,"name":"without samples"}`) {
		t.Errorf("seed %s", text)
	}
}

func TestImport_KeepIDs_RegressionsComeWithTheirNumbers(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	path := lntFile(t)
	out, _ := into(t.Context(), t, s, func(c *Config) { c.DSN, c.KeepIDs = path, true }) // the stand-in's ids are its own
	mustSay(t, out, "1 regressions imported under their numbers", "ignored changes are not imported")
	if len(s.regressions) != 1 {
		t.Fatalf("%d events of regressions, want one\n%s", len(s.regressions), out)
	}
	got, err := event.DecodeRegressionImport(s.regressions[0])
	if err != nil {
		t.Fatal(err)
	}
	want := event.RegressionImport{Regressions: []event.ImportedRegression{{
		ID: 4, Title: "Regression of 1 benchmarks", Bug: "https://bugs.example.org/1", State: event.StateActive,
		Findings: []event.Finding{{
			MachineID: 3, TestID: 1, Metric: "select", PreviousOrderID: 2, OrderID: 4, Direction: event.Up, Kind: event.Improvement,
			Before: 1.5, After: 3, Effect: 1, EffectLow: 1, EffectHigh: 1, PValue: 1, Active: true,
			ID: event.SpanID("default", "odd", 3, 1, "select", 2, 4),
		}},
	}}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("regressions (-got +want):\n%s", diff)
	}
}

func TestImport_Baselines_ComeOnceAndSayWhatStaysOut(t *testing.T) {
	t.Parallel()
	path := lntFile(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	// Orders 7 and 8 have no run; there is an order whose number is 11 where nobody has that name.
	for _, statement := range []string{
		`INSERT INTO "odd_Order" VALUES (7, NULL, NULL, '12'), (8, NULL, NULL, '13')`,
		`INSERT INTO "odd_Baseline" VALUES (2, 'branch/19', NULL, 4), (3, 'old', '', 7), (4, 'lost', '', 99)`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	named := func(s *standIn) []string { return slices.Sorted(maps.Values(s.baselines)) }
	release, old := `{"name":"release","order":"11","comment":"as shipped"}`, `{"name":"old","order":"12"}`

	s := newStandIn(t)
	s.untrusted = true
	state := t.TempDir()
	bring := func(c *Config) { c.DSN, c.State = path, state }
	out, _ := into(t.Context(), t, s, bring)
	mustSay(t, out, "4 baselines are not imported, which needs a token of scope triage", "3 runs of 3 imported now")
	s.untrusted = false
	for range 2 { // again with the same state: what was said is said under its key
		out, _ = into(t.Context(), t, s, bring)
		mustSay(t, out, `baseline "branch/19" is left out`, "2 baselines are of orders that were not imported", "1 baselines imported")
	}
	if diff := cmp.Diff(named(s), []string{release}); diff != "" {
		t.Errorf("baselines (-got +want):\n%s", diff)
	}

	s = newStandIn(t)
	out, _ = into(t.Context(), t, s, func(c *Config) { c.DSN, c.KeepIDs = path, true }) // orders come without runs
	mustSay(t, out, "1 baselines are of orders that were not imported", "2 baselines imported")
	if diff := cmp.Diff(named(s), []string{old, release}); diff != "" {
		t.Errorf("baselines with ids (-got +want):\n%s", diff)
	}
}

func TestChunks_ManyRegressions_AllAreThereInOrderAndNoEventIsTooLarge(t *testing.T) {
	t.Parallel()
	var all []event.ImportedRegression
	for n := range 1000 {
		all = append(all, event.ImportedRegression{ID: uint32(n + 1), Findings: make([]event.Finding, n%30*50)})
	}
	var again []event.ImportedRegression
	for _, some := range chunks(all) {
		findings := 0
		for _, r := range some {
			findings += len(r.Findings)
		}
		if len(some) > regressionChunk || findings > findingChunk && len(some) > 1 {
			t.Errorf("%d regressions with %d findings in one event", len(some), findings)
		}
		again = append(again, some...)
	}
	if diff := cmp.Diff(again, all); diff != "" {
		t.Error(diff)
	}
}

func TestLocate_AddressesAsLNTWritesThem(t *testing.T) {
	t.Parallel()
	s := &databaseSource{}
	driver, dsn, err := s.locate("postgresql+psycopg2://lnt:secret@db.example.org:5433/lnt?sslmode=require")
	if err != nil || driver != "pgx" || dsn != "postgres://lnt:secret@db.example.org:5433/lnt?sslmode=require" {
		t.Errorf("driver %s, address %s, error %v", driver, dsn, err)
	}
	if strings.Contains(s.Name(), "secret") {
		t.Errorf("the password is in the name %s", s.Name())
	}
}

func FuzzWithoutNonFinite(f *testing.F) {
	for _, seed := range []string{`{"a": NaN, "b": [Infinity, -Infinity, 1]}`, `"NaN"`, `{"NaN": "\"Infinity"}`, `"`, `"\`, `-`, `[1e5]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := withoutNonFinite(text)
		if json.Valid(text) && string(got) != string(text) {
			t.Errorf("valid JSON %q became %q", text, got)
		}
	})
}

func TestDecode_NotFinite_IsNullOutsideStrings(t *testing.T) {
	t.Parallel()
	var got map[string]any
	if err := decode([]byte(`{"a": NaN, "b": [Infinity, -Infinity, 1], "NaN": "Infinity"}`), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"a": nil, "b": []any{nil, nil, 1.0}, "NaN": "Infinity"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("decoded (-got +want):\n%s", diff)
	}
}
