package sql_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/samber/lo"
	"golang.org/x/tools/txtar"

	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

var update = flag.Bool("update", false, "write the answers into the golden files")

func TestMain(m *testing.M) { testkit.Main(m) }

// TestCases_HoweverRowsAreDelivered_AnswersStay runs every file of testdata. A file says why it is there,
// lists its events and asks: a statement in NAME.sql, a query, job or detector by its name in NAME.query, NAME.job or NAME.detector, with
// parameters line by line. NAME.tsv is the answer. It must be the same when the ledger's rows are stored once, when
// they are stored twice in other batches, and when they come in any order and repeatedly.
func TestCases_HoweverRowsAreDelivered_AnswersStay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	engines := map[string]*database{}
	for _, d := range deliveries {
		engines[d.name] = newDatabase(t)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(archive.Comment), "why: ") {
				t.Error("the case does not begin with its why")
			}
			parts := lo.SliceToMap(archive.Files, func(f txtar.File) (string, []byte) { return f.Name, f.Data })
			rows := decided(t, parts["events.jsonl"])
			answers := make([]map[string][]byte, len(deliveries))
			digests := make([]string, len(deliveries))
			t.Run("delivered", func(t *testing.T) {
				for i, d := range deliveries {
					t.Run(d.name, func(t *testing.T) {
						t.Parallel()
						db := engines[d.name]
						db.empty(t)
						d.deliver(t, db.store, rows)
						answers[i] = db.answers(t, archive)
						if !strings.Contains(file, "/step_") && !strings.Contains(file, "/silent_") { // those are about numbers
							digests[i] = db.digest(t)
						}
					})
				}
			})
			for i, d := range deliveries {
				if digests[i] != digests[0] {
					t.Errorf("everything readers see, delivered %s\ngot:\n%s\nbut once:\n%s", d.name, digests[i], digests[0])
				}
			}
			for name, got := range answers[0] {
				if *update {
					setFile(archive, name, got)
					parts[name] = got
				}
				if want, ok := parts[name]; !ok || !bytes.Equal(got, want) {
					t.Errorf("%s\ngot:\n%s\nwant:\n%s", name, got, want)
				}
				for i, d := range deliveries[1:] {
					if other := answers[i+1][name]; !bytes.Equal(other, got) {
						t.Errorf("%s, delivered %s\ngot:\n%s\nbut once:\n%s", name, d.name, other, got)
					}
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil { //nolint:gosec // test data is for everyone
					t.Fatal(err)
				}
			}
		})
	}
}

// deliveries are the ways in which rows may reach the ledger.
var deliveries = []struct {
	name    string
	deliver func(*testing.T, *store.Store, []store.LedgerRow)
}{
	{"once", func(t *testing.T, s *store.Store, rows []store.LedgerRow) {
		t.Helper()
		insert(t, s, rows)
	}},
	{"twice", func(t *testing.T, s *store.Store, rows []store.LedgerRow) {
		t.Helper()
		insert(t, s, rows)
		insert(t, s, rows[:len(rows)*2/5])
		insert(t, s, rows[len(rows)*2/5:])
	}},
	{"shuffled", func(t *testing.T, s *store.Store, rows []store.LedgerRow) {
		t.Helper()
		r := rand.New(rand.NewPCG(uint64(len(rows)), 1)) //nolint:gosec // reproducible by design
		again := lo.Map(rows, func(row store.LedgerRow, _ int) store.LedgerRow {
			row.StoredAt = row.StoredAt.Add(time.Second) // a second owner stores the same a moment later
			return row
		})
		all := append(slices.Clone(rows), again...)
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, batch := range lo.Chunk(all, max(2, len(all)/3)) {
			slices.SortStableFunc(batch, func(a, b store.LedgerRow) int { return int(a.Offset) - int(b.Offset) })
			insert(t, s, lo.UniqBy(batch, func(row store.LedgerRow) uint64 { return row.Offset }))
		}
		insert(t, s, rows) // whatever one batch held twice
	}},
}

func insert(t *testing.T, s *store.Store, rows []store.LedgerRow) {
	t.Helper()
	if err := s.InsertLedger(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}

// database is a migrated database with a plain HTTP client, so that statements run as they stand.
type database struct {
	store  *store.Store
	client http.Client
	tables []string
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	cfg := testkit.Migrated(t)
	d := &database{store: testkit.Open(t, cfg), client: http.Client{Transport: &http.Transport{DialContext: cfg.Dial}}}
	t.Cleanup(d.client.CloseIdleConnections)
	list, err := d.ask(t, "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'schema_migrations' ORDER BY name", nil)
	if err != nil {
		t.Fatal(err)
	}
	d.tables = strings.Fields(list)[1:]
	// A merge would fold repeated rows before a view is asked to.
	if err := d.store.Exec(t.Context(), "SYSTEM STOP MERGES", nil); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *database) empty(t *testing.T) {
	t.Helper()
	for _, table := range d.tables {
		if err := d.store.Exec(t.Context(), "TRUNCATE TABLE "+table, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// ask sends a statement and returns its rows as text, with the names of the columns.
func (d *database) ask(t *testing.T, text string, params map[string]string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	query := url.Values{"database": {d.store.Database()}, "default_format": {"TabSeparatedWithNames"}}
	for name, value := range params {
		query.Set("param_"+name, value)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://embedded/?"+query.Encode(), strings.NewReader(text))
	if err != nil {
		return "", err
	}
	response, err := d.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d: %s", response.StatusCode, answer)
	}
	return string(answer), err
}

// answers gives NAME.tsv for every question of a case.
func (d *database) answers(t *testing.T, archive *txtar.Archive) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, f := range archive.Files {
		name, kind, _ := strings.Cut(f.Name, ".")
		text, params := string(f.Data), map[string]string{}
		switch kind {
		case "jsonl", "tsv":
			continue
		case "sql":
		case "query", "job", "detector":
			text, params = named(t, kind, f.Data)
		default:
			t.Fatalf("%s: what is that?", f.Name)
		}
		answer, err := d.ask(t, text, params)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		out[name+".tsv"] = []byte(answer)
	}
	if len(out) == 0 {
		t.Fatal("the case asks nothing")
	}
	return out
}

// digest is about everything readers see, asked for or not.
func (d *database) digest(t *testing.T) string {
	t.Helper()
	answer, err := d.ask(t, sql.MustQuery("state_digest").Text, map[string]string{"database": "", "suite": ""})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// named reads "name, then parameter=value line by line". 1..4 is short for [1,2,3,4], 1*3 for [1,1,1]. A line within=SELECT … FROM {} asks
// of what is named: where that has bytes, or rows that may be there several times.
func named(t *testing.T, kind string, data []byte) (text string, params map[string]string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	find := map[string]func(string) (sql.File, error){"query": sql.Query, "job": sql.Job, "detector": sql.Detector}[kind]
	file, err := find(lines[0])
	if err != nil {
		t.Fatal(err)
	}
	params, text = map[string]string{}, file.Text
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, "=")
		if name == "within" {
			text = strings.Replace(value, "{}", "("+text+")", 1)
			continue
		}
		params[name] = expanded(value)
	}
	for name := range file.Params {
		if _, ok := params[name]; !ok {
			t.Fatalf("%s needs parameter %s", file.Name, name)
		}
	}
	return text, params
}

var (
	span   = regexp.MustCompile(`^(\d+)\.\.(\d+)$`)
	times  = regexp.MustCompile(`^(\d+)\*(\d+)$`)
	keyRef = regexp.MustCompile(`^\{id:(.+)\}$`)
)

func expanded(value string) string {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	list := func(n int, at func(int) int) string {
		return "[" + strings.Join(lo.Times(n, func(i int) string { return strconv.Itoa(at(i)) }), ",") + "]"
	}
	if m := span.FindStringSubmatch(value); m != nil {
		first := number(m[1])
		return list(number(m[2])-first+1, func(i int) int { return first + i })
	}
	if m := times.FindStringSubmatch(value); m != nil {
		return list(number(m[2]), func(int) int { return number(m[1]) })
	}
	if m := keyRef.FindStringSubmatch(value); m != nil {
		return eventID(m[1]).String()
	}
	return value
}

// setFile puts an answer after its question.
func setFile(archive *txtar.Archive, name string, data []byte) {
	if i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == name }); i >= 0 {
		archive.Files[i].Data = data
		return
	}
	base := strings.TrimSuffix(name, "tsv")
	i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, base) })
	archive.Files = slices.Insert(archive.Files, i+1, txtar.File{Name: name, Data: data})
}
