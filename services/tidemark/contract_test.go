package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/tools/txtar"

	"tidemark/pkg/eventlog"
	"tidemark/pkg/store"
	"tidemark/services/api"
	"tidemark/services/intake"
)

// pair is a golden request and its answer.
type pair struct {
	method, path string
	status       string
	body         string
}

// goldenPairs are those of the whole product and those of reading alone.
func goldenPairs(t *testing.T) []pair {
	t.Helper()
	var pairs []pair
	for _, pattern := range []string{"e2e/testdata/contract/*.txtar", "../api/testdata/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files, %v", pattern, err)
		}
		for _, file := range files {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			pairs = append(pairs, pairsOf(archive)...)
		}
	}
	return pairs
}

func pairsOf(archive *txtar.Archive) []pair {
	var pairs []pair
	request := ""
	for _, f := range archive.Files {
		switch {
		case f.Name == "events.jsonl", strings.HasSuffix(f.Name, ".feed"), strings.HasSuffix(f.Name, ".wait"):
			continue
		case strings.HasSuffix(f.Name, ".request"):
			request = string(f.Data)
			continue
		case !strings.HasSuffix(f.Name, ".response"):
			request = f.Name
		}
		line, _, _ := strings.Cut(request, "\n")
		parts := strings.SplitN(line, " ", 3)
		path, _, _ := strings.Cut(parts[1], "?")
		status, body, _ := strings.Cut(string(f.Data), "\n")
		pairs = append(pairs, pair{parts[0], path, status, body})
	}
	return pairs
}

// noLog takes nothing and tells nothing: nobody sends requests.
type noLog struct{}

func (noLog) Append(context.Context, string, ...eventlog.Record) ([]eventlog.Position, error) {
	return nil, errors.New("not a log")
}

func (noLog) Tail(context.Context, string, func(), func(eventlog.Record)) error {
	return errors.New("not a log")
}

// served are the addresses of a service: the methods of each, and whether the others are refused.
func served(r router) map[string][]string {
	app := fiber.New()
	r.Routes(app)
	registered := map[string]map[string]int{}
	for _, route := range app.GetRoutes(true) {
		if registered[route.Path] == nil {
			registered[route.Path] = map[string]int{}
		}
		registered[route.Path][route.Method] += len(route.Handlers) // the same address twice is one route of two handlers
	}
	out := map[string][]string{}
	for path, methods := range registered {
		rest := methods[http.MethodTrace] // what takes every method takes this one
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if methods[method] > rest {
				out[path] = append(out[path], method)
			}
		}
		if rest > 0 {
			out[path] = append(out[path], "another")
		}
	}
	return out
}

var parameter = regexp.MustCompile(`:[a-z]+`)

// services are those that answer LNT's programs, with nothing behind them.
func services(t *testing.T) []router {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	at := store.DefaultConfig()
	at.DSN = "clickhouse://127.0.0.1:1/none"
	data, err := store.New(at)
	if err != nil {
		t.Fatal(err)
	}
	reads, err := api.New(api.DefaultConfig(), api.Deps{Store: data, Log: log, Writes: v5Writes()})
	if err != nil {
		t.Fatal(err)
	}
	writes, err := intake.New(intake.DefaultConfig(), intake.Deps{Log: noLog{}, Tail: noLog{}, Logger: log, Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return []router{reads, writes}
}

// eachAddress calls f with every address, as a pattern and as what fits it, and every method of it.
func eachAddress(t *testing.T, f func(path, method string, address *regexp.Regexp)) {
	t.Helper()
	checked := 0
	for _, service := range services(t) {
		for path, methods := range served(service) {
			address := regexp.MustCompile("^" + parameter.ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`) + "/?$")
			if below := inV5.FindStringSubmatch(path); below != nil {
				// With and without a database it is one operation, mounted twice.
				address = regexp.MustCompile("^/api/(db_[^/]+/)?v5" + parameter.ReplaceAllString(regexp.QuoteMeta(below[1]), `[^/]+`) + "/?$")
			}
			for _, method := range methods {
				f(path, method, address)
				checked++
			}
		}
	}
	if checked < 60 {
		t.Errorf("only %d addresses and methods were looked at", checked)
	}
}

func TestContract_EveryAddressAndMethod_HasAGoldenPair(t *testing.T) {
	t.Parallel()
	pairs := goldenPairs(t)
	eachAddress(t, func(path, method string, address *regexp.Regexp) {
		if !slices.ContainsFunc(pairs, func(p pair) bool { return address.MatchString(p.path) && p.answers(method) }) {
			t.Errorf("%s %s has no golden pair", method, path)
		}
	})
}

// TestContract_EveryAddress_HasTheRefusalsThatAllShare: a database and a suite that are not there and, for what writes, no token.
func TestContract_EveryAddress_HasTheRefusalsThatAllShare(t *testing.T) {
	t.Parallel()
	pairs := goldenPairs(t)
	eachAddress(t, func(path, method string, address *regexp.Regexp) {
		if !strings.HasPrefix(path, "/api/db_:db/v4/") || method == "another" {
			return
		}
		refusals := [][2]string{{"404", `"Unknown database."`}, {"404", `"The requested URL was not found on the server.`}}
		switch path {
		case "/api/db_:db/v4/:suite/runs": // a submission
			refusals[1] = [2]string{"400", `"Unknown test suite 'badsuite'!"`}
		case "/api/db_:db/v4/:suite/schema": // makes the suite
			refusals = refusals[:1]
		}
		if method != http.MethodGet {
			refusals = append(refusals, [2]string{"401", `"Auth Token must be passed in AuthToken header`})
		}
		for _, r := range refusals {
			if !slices.ContainsFunc(pairs, func(p pair) bool {
				return p.method == method && address.MatchString(p.path) && p.status == r[0] && strings.Contains(p.body, r[1])
			}) {
				t.Errorf("%s %s has no golden pair with %s %s", method, path, r[0], r[1])
			}
		}
	})
}

// answers says whether the pair shows what a method does, or what happens to another method.
func (p pair) answers(method string) bool {
	if method == "another" {
		return p.status == "405"
	}
	return p.method == method && p.status < "400"
}

// errorsOfLNT are what LNT says when it refuses: the status and the words of its answer.
var errorsOfLNT = [][2]string{
	// Submitting.
	{"400", `"error": "Unknown test suite 'badsuite'!"`},
	{"400", `"error": "could not parse input format"`},
	{"400", `ValueError: unable to guess input format for '`},
	{"400", `"error": "Invalid input format: No 'run' section in submission"`},
	{"400", `"error": "Invalid input format: No 'machine' section in submission"`},
	{"400", `"error": "Invalid input format: No 'tests' section in submission"`},
	{"400", `"error": "Invalid input format: Unknown format version"`},
	{"400", `"error": "Invalid input format: invalid literal for int() with base 10: 'abc'"`},
	{"400", `"error": "Invalid input format: Name clash for machine info 'name'"`},
	{"400", `: test name does not start with 'nts.'"`},
	{"400", `: name does not end in .metric"`},
	{"400", `"error": "Invalid input format: v1 report has no 'tag' field"`},
	{"400", `: cannot convert non-empty Info record"`},
	{"400", `"error": "import failure: Duplicate submission for '1'"`},
	{"400", `"error": "import failure: Invalid Run mergeStrategy 'x'"`},
	{"400", `"error": "import failure: 'hardware' on machine 'bench-07' changed."`},
	{"400", `"error": "import failure: 'hardware, os, cores' on machine 'bench-07' changed."`},
	{"400", `"message": "MachineInfoChanged: 'hardware' on machine 'bench-07' changed.`},
	{"400", `Note: Use --select-machine=update to update the existing machine information."`},
	{"400", `"error": "import failure: Supplied run is missing parameter: 'llvm_project_revision'"`},
	{"400", `"error": "import failure: test t: Metric 'speed' unknown in suite "`},
	{"400", `"error": "Importing 'compile' data into test suite 'nts'"`},
	{"400", `"error": "select_machine must be 'match', 'update' or 'split'"`},
	{"400", `"error": "must provide input file or data"`},
	{"400", `"error": "cannot provide input file *and* data"`},
	{"404", `"error": "The page you are looking for does not exist."`},
	// REST.
	{"401", `"msg": "Auth Token must be passed in AuthToken header, and included in LNT config."`},
	{"404", `"message": "Unknown database."`},
	{"404", `"message": "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again."`},
	{"404", `"message": "Invalid order."`},
	{"405", `"message": "The method is not allowed for the requested URL."`},
	{"404", `"msg": "Did not find machine 'nobody'"`},
	{"404", `"msg": "Did not find machine '99'"`},
	{"404", `"msg": "Name 'twin' is ambiguous; specify machine id"`},
	{"404", `"msg": "Did not find run 99"`},
	{"400", `"msg": "No runids found in args. Should be \"samples?runid=1&runid=2\" etc."`},
	{"400", `"msg": "No 'action' specified"`},
	{"400", `"msg": "Expected 'name' for rename request"`},
	{"400", `"msg": "Machine with name 'many' already exists"`},
	{"400", `"msg": "Expected 'into' for merge request"`},
	{"400", `"msg": "Unknown action 'paint'"`},
	// Suites.
	{"415", `"msg": "Unsupported Content-Type 'application/json'. Use application/x-yaml."`},
	{"400", `"msg": "No schema data provided."`},
	{"400", `"msg": "Invalid YAML schema payload: `},
	{"400", `"msg": "Schema payload must be a YAML object."`},
	{"400", `"msg": "Schema payload missing 'name'."`},
	{"400", `"msg": "Invalid test suite name. Use letters, numbers, and underscores, starting with a letter."`},
	{"400", `"msg": "Schema name 'other' does not match URL testsuite 'lib'."`},
	{"400", `"msg": "Expected \"format_version\": \"2\" in schema"`},
	{"400", `"msg": "Unknown metric type 'Integer'"`},
	{"400", `"msg": ""`},
	{"400", `"msg": "Cannot automatically migrate database: Metrics removed: extra"`},
	{"400", `"msg": "Cannot automatically migrate database: Type mismatch in metric 'extra'"`},
	{"400", `"msg": "Cannot automatically migrate database: Run fields removed: author"`},
	{"400", `"msg": "Cannot automatically migrate database: Machine fields removed: cpu"`},
	{"400", `"msg": "Cannot automatically migrate database: Order fields removed: part"`},
	{"400", `"msg": "Cannot automatically migrate database: Cannot add order field 'third'"`},
}

func TestContract_EveryErrorOfLNT_HasAGoldenPair(t *testing.T) {
	t.Parallel()
	pairs := goldenPairs(t)
	for _, e := range errorsOfLNT {
		if !slices.ContainsFunc(pairs, func(p pair) bool { return p.status == e[0] && strings.Contains(p.body, e[1]) }) {
			t.Errorf("no golden pair has %s %s", e[0], e[1])
		}
	}
}
