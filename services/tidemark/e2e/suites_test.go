package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const librarySuite = `format_version: '2'
name: lib
metrics:
- {name: run_time, type: Real, unit: seconds}
- {name: run_status, type: Status}
run_fields:
- {name: revision, order: true}
- {name: part, order: true}
machine_fields: [{name: os}]
`

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// definitions are the events that define suites, in the order of the log.
func (s *server) definitions(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, row := range s.query(t, "SELECT database, suite, status, actor FROM v_receipts WHERE event_type = 'suite.defined' ORDER BY offset") {
		out = append(out, strings.Join(row, " "))
	}
	return out
}

func TestSuites_FilesOfAFolder_AreDefinedWhenTheyDiffer(t *testing.T) {
	t.Parallel()
	data, files := filepath.Join(t.TempDir(), "data"), t.TempDir()
	path := filepath.Join(files, "lib.yaml")
	write(t, path, librarySuite)
	write(t, filepath.Join(files, "README"), "not a schema")
	args := []string{"--suites", files, "--databases", "default,perf", "--new-databases"}

	first := start(t, data, args...)
	// What the server shows as ready can be submitted to; both of its order fields count.
	report := `{"format_version": "2", "machine": {"name": "m"}, "run": {"revision": "1", "part": "2"}, "tests": [{"name": "a", "run_time": 1}]}`
	for _, database := range []string{"default", "perf"} {
		if a := mustAsk(t, http.MethodPost, first.url+"/db_"+database+"/v4/lib/submitRun", []byte(report)); a.code != http.StatusOK {
			t.Errorf("%s: %d %s", database, a.code, a.text)
		}
	}
	want := "default lib accepted suites, perf lib accepted suites"
	if got := strings.Join(first.definitions(t), ", "); got != want {
		t.Errorf("first start: %s, want %s", got, want)
	}
	// A database is there once somebody submitted to it, and not before.
	machines := first.url + "/api/db_fresh/v4/nts/machines"
	if a := mustAsk(t, http.MethodGet, machines, nil); a.code != http.StatusNotFound || !strings.Contains(a.text, `"Unknown database."`) {
		t.Errorf("a database nobody made: %d %s", a.code, a.text)
	}
	if a := mustAsk(t, http.MethodPost, first.url+"/db_fresh/v4/nts/submitRun", reportOf("m", "1")); a.code != http.StatusOK {
		t.Errorf("its first submission: %d %s", a.code, a.text)
	}
	if a := mustAsk(t, http.MethodGet, machines, nil); a.code != http.StatusOK || !strings.Contains(a.text, `"name":"m"`) {
		t.Errorf("after it: %d %s", a.code, a.text)
	}
	want += ", fresh lib accepted suites"
	// It has the suites of the files before its first run, whichever suite that is of.
	if a := mustAsk(t, http.MethodPost, first.url+"/db_fresher/v4/lib/submitRun", []byte(report)); a.code != http.StatusOK {
		t.Errorf("its first submission, to a suite of a file: %d %s", a.code, a.text)
	}
	want += ", fresher lib accepted suites"
	if got := strings.Join(first.definitions(t), ", "); got != want {
		t.Errorf("with new databases: %s, want %s", got, want)
	}
	if err := first.end(); err != nil {
		t.Fatal(err)
	}

	// Again: nothing to do.
	second := start(t, data, args...)
	if got := strings.Join(second.definitions(t), ", "); got != want {
		t.Errorf("second start: %s, want %s", got, want)
	}
	if err := second.end(); err != nil {
		t.Fatal(err)
	}

	// With one more metric and linked: once more in each.
	write(t, path, strings.Replace(librarySuite, "run_fields", "- {name: size}\nrun_fields", 1))
	third := start(t, data, append(args, "--link-status")...)
	if got := third.definitions(t); len(got) != 8 {
		t.Errorf("third start: %q", got)
	}
	if got := third.scalar(t, "SELECT count() FROM v_suites WHERE suite = 'lib' AND position(schema, '\"status\":\"run_status\"') > 0"); got != "4" {
		t.Errorf("%s suites are linked, want 4", got)
	}
	if err := third.end(); err != nil {
		t.Fatal(err)
	}

	// What cannot be applied ends the start.
	write(t, path, strings.Replace(librarySuite, "- {name: run_time, type: Real, unit: seconds}\n", "", 1))
	address := []string{"up", "--data", data, "--listen", "127.0.0.1:0", "--sql-listen=", "--admin-listen="}
	run(t, nil, nil, append(address, args...)...).want(t, 1, path+": database default: Cannot automatically migrate database: Metrics removed: run_time, size")
}

func TestSuites_BadFiles_AreAllNamedBeforeAnythingIsOpened(t *testing.T) {
	t.Parallel()
	files := folder(t, map[string][]byte{
		"a.yaml":  []byte(librarySuite),
		"b.yml":   []byte(strings.Replace(librarySuite, "type: Status", "type: Integer", 1)),
		"c.yaml":  []byte(strings.Replace(librarySuite, "{name: os}", "{name: id}, {name: name}", 1)),
		"d.yaml":  []byte("- ["),
		"e.yaml":  []byte(librarySuite),
		"f.yaml":  []byte(strings.ReplaceAll(librarySuite, ", order: true", "")),
		"g.ignod": []byte("- ["),
	})
	words := []string{
		files + "/b.yml:5: Unknown metric type 'Integer'",
		files + `/c.yaml:9: machine_fields[0].name: "id" is reserved`,
		files + `/c.yaml:9: machine_fields[1].name: "name" is reserved`,
		files + "/d.yaml:1: Invalid YAML schema payload",
		files + "/e.yaml: suite lib is defined by " + files + "/a.yaml, too",
		files + "/f.yaml:1: run_fields: at least one needs order: true",
	}
	data := filepath.Join(t.TempDir(), "data")
	run(t, nil, nil, "up", "--data", data, "--suites", files).want(t, 1, words...)
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data folder was made: %v", err)
	}
	run(t, nil, nil, "check", "--suites", files+"/none").want(t, 1, files+"/none")

	checked := run(t, nil, nil, "suite", "check", "--link-status", files+"/a.yaml", files+"/b.yml")
	checked.want(t, 1, words[0])
	if want := "suite lib\n  order: revision, part\n  run fields: none\n  machine fields: os\n  metric run_time: Real, trusted by run_status\n"; !strings.Contains(checked.stdout, want) {
		t.Errorf("suite check says\n%s", checked.stdout)
	}
}
