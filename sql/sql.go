// Package sql holds every statement Tidemark runs, as files.
//
// Migrations create tables and feeding views, views/ holds what readers may rely
// on, queries/ what pages and REST ask, jobs/ what runs on a schedule, detectors/
// what judges runs by the rules of another system. Values reach a statement as
// ClickHouse's own parameters, {name:Type}, never by building text, so every file
// also runs unchanged in clickhouse-client.
package sql

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/samber/lo"
)

//go:embed migrations/*.sql views/*.sql queries/*.sql jobs/*.sql detectors/*.sql
var files embed.FS

// File is one statement with what its header says.
type File struct {
	// Name is the file's name without folder and ending.
	Name string
	// Purpose is the header's one sentence.
	Purpose string
	// Params maps each parameter to its ClickHouse type.
	Params map[string]string
	// Header holds every "key: value" line of the leading comment.
	Header map[string]string
	// Text is the statement as it is sent.
	Text string
}

// Migrations is the folder of numbered migration files.
func Migrations() fs.FS { return lo.Must(fs.Sub(files, "migrations")) }

// Views are the reading views in the order in which they must be created.
func Views() ([]File, error) { return folder("views") }

// Queries are all statements of pages and REST.
func Queries() ([]File, error) { return folder("queries") }

// Jobs are all scheduled statements.
func Jobs() ([]File, error) { return folder("jobs") }

// Detectors are all statements that judge runs.
func Detectors() ([]File, error) { return folder("detectors") }

// Query is queries/<name>.sql.
func Query(name string) (File, error) { return read("queries", name) }

// Job is jobs/<name>.sql.
func Job(name string) (File, error) { return read("jobs", name) }

// Detector is detectors/<name>.sql.
func Detector(name string) (File, error) { return read("detectors", name) }

// MustQuery is [Query] for names written in the source, where a mistake is a
// mistake of the build.
func MustQuery(name string) File { return lo.Must(Query(name)) }

// MustJob is [Job] for names written in the source.
func MustJob(name string) File { return lo.Must(Job(name)) }

// MustDetector is [Detector] for names written in the source.
func MustDetector(name string) File { return lo.Must(Detector(name)) }

func folder(dir string) ([]File, error) {
	entries, err := files.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list sql/%s: %w", dir, err)
	}
	out := make([]File, 0, len(entries))
	for _, e := range entries {
		f, err := read(dir, strings.TrimSuffix(e.Name(), ".sql"))
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func read(dir, name string) (File, error) {
	data, err := files.ReadFile(path.Join(dir, name+".sql"))
	if err != nil {
		return File{}, fmt.Errorf("read sql/%s/%s.sql: %w", dir, name, err)
	}
	return parse(name, string(data)), nil
}

var parameter = regexp.MustCompile(`\{([a-z_][a-z0-9_]*):([A-Za-z0-9(), ']+)\}`)

func parse(name, text string) File {
	f := File{Name: name, Text: text, Header: map[string]string{}, Params: map[string]string{}}
	for line := range strings.Lines(text) {
		rest, comment := strings.CutPrefix(line, "--")
		if !comment {
			break
		}
		if key, value, ok := strings.Cut(rest, ":"); ok {
			f.Header[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	f.Purpose = f.Header["purpose"]
	for _, m := range parameter.FindAllStringSubmatch(text, -1) {
		f.Params[m[1]] = m[2]
	}
	return f
}

// Check reports every way in which a file breaks the rules of its folder: its
// header names it and says what it is for, declared parameters are the used
// ones, jobs and detectors take their time as a parameter, none but views reads a table.
func (f File) Check(dir string) []error {
	var problems []error
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("sql/%s/%s.sql: "+format, append([]any{dir, f.Name}, args...)...))
	}
	if want := strings.TrimLeft(f.Name, "0123456789_"); f.Header["name"] != f.Name && f.Header["name"] != want {
		problem("header names it %q", f.Header["name"])
	}
	if f.Purpose == "" {
		problem("header has no purpose")
	}
	if dir == "views" {
		return problems
	}
	if declared, used := f.declared(), f.used(); !slices.Equal(declared, used) {
		problem("declares parameters %v, uses %v", declared, used)
	}
	body := f.body()
	if dir != "queries" && clock.MatchString(body) {
		problem("reads the clock; a statement that may be repeated takes its time as {eval_at:DateTime64(3)}")
	}
	for _, m := range source.FindAllStringSubmatch(body, -1) {
		if tables[m[1]] {
			problem("reads table %s; readers use v_%s", m[1], m[1])
		}
	}
	return problems
}

var (
	clock  = regexp.MustCompile(`(?i)\b(now|now64|today|yesterday|currentTimestamp|rand|rand64|generateUUIDv[47])\s*\(`)
	source = regexp.MustCompile(`(?i)\b(?:from|join)\s+([a-z_]+)`)
	tables = lo.SliceToMap([]string{
		"ledger", "ledger_changes", "suites", "machines", "orders", "tests", "runs", "samples", "sample_texts",
		"superseded", "findings", "regressions", "job_runs",
	}, func(t string) (string, bool) { return t, true })
)

func (f File) used() []string {
	names := lo.Keys(f.Params)
	slices.Sort(names)
	return names
}

func (f File) declared() []string {
	names := []string{}
	for _, p := range strings.Split(f.Header["params"], ",") {
		if fields := strings.Fields(p); len(fields) > 0 && regexp.MustCompile(`^[a-z_]`).MatchString(fields[0]) {
			names = append(names, fields[0])
		}
	}
	slices.Sort(names)
	return names
}

func (f File) body() string {
	kept := lo.Filter(strings.Split(f.Text, "\n"), func(line string, _ int) bool {
		return !strings.HasPrefix(strings.TrimSpace(line), "--")
	})
	return strings.Join(kept, "\n")
}
