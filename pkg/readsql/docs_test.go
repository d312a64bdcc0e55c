package readsql_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark/pkg/event"
	"tidemark/pkg/readsql"
	"tidemark/pkg/store"
	"tidemark/pkg/synth"
	"tidemark/pkg/testkit"
	"tidemark/sql"
)

var update = flag.Bool("update", false, "write the generated part of docs/sql.md and the shapes of the questions")

const (
	docs      = "../../docs/sql.md"
	questions = "../../sql/testdata/questions"
	generated = "<!-- What follows is generated: go test ./pkg/readsql -run Documented -update -->\n"
)

// question is a worked question of the docs.
type question struct{ name, asks, note, text string }

func readQuestions(t *testing.T) []question {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(questions, "*.sql"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d questions, %v", len(files), err)
	}
	var all []question
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		q := question{name: strings.TrimSuffix(filepath.Base(file), ".sql"), text: string(data)}
		for rest, is := strings.CutPrefix(q.text, "-- "); is; rest, is = strings.CutPrefix(q.text, "-- ") {
			line, after, _ := strings.Cut(rest, "\n")
			if asks, first := strings.CutPrefix(line, "question: "); first {
				q.asks = asks
			} else {
				q.note += line + "\n"
			}
			q.text = after
		}
		if q.asks == "" {
			t.Fatalf("%s does not begin with -- question:", file)
		}
		all = append(all, q)
	}
	return all
}

// demo stores a small history with one finding, as the product would.
func (w world) demo(database string) {
	t := w.t
	t.Helper()
	cfg := synth.DefaultConfig()
	cfg.Tests, cfg.Orders, cfg.Machines, cfg.FailureRate = 6, 24, 2, 0.02
	g, err := synth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	decider := testkit.NewDecider()
	now := time.Now().UTC().Truncate(time.Millisecond)
	var rows []store.LedgerRow
	add := func(e event.Envelope) {
		e.Version, e.Database, e.Suite, e.ReceivedAt, e.Actor = 1, database, "nts", now, "demo"
		e.ID = event.IDFromKey(database, "nts", fmt.Sprint(len(rows)))
		at := store.LogPosition{Topic: event.TopicEvents, Offset: int64(len(rows))}
		row, _ := decider.Decide(t, at, now.Add(20*time.Millisecond), e)
		rows = append(rows, row)
	}
	for run := range g.Runs() {
		add(event.Envelope{Type: event.RunSubmitted, ContentType: "application/json", Params: map[string]string{event.ParamMerge: "append"}, Body: run.Body})
	}
	f := event.Finding{
		MachineID: 1, TestID: 1, Metric: "execution_time", OrderID: 12, PreviousOrderID: 11, Direction: "up", Kind: "regression",
		Before: 1, After: 1.1, Effect: 0.1, PValue: 1e-9, Active: true,
	}
	f.ID = f.IDOf(database, "nts", "steps")
	body, err := event.Changes{Detector: "steps", Version: 2, DataSeq: 1, Findings: []event.Finding{f}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	add(event.Envelope{Type: event.ChangeFound, Body: body})
	add(event.Envelope{Type: event.RunSubmitted, ContentType: "application/json", Body: []byte(`{"format_version": "2"}`)})
	if err := w.store.InsertLedger(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}

// Questions of which the demo has no answer.
var unanswered = map[string]bool{"17_job_runs": true}

func TestQuestions_Documented_AreAnsweredInTheirShape(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.demo("demo")
	first := strings.Split(w.must(readsql.Question{Text: "SELECT groupUniqArray(machine)[1], groupUniqArray(machine)[2], any(test), (SELECT name FROM v_orders ORDER BY sort_key LIMIT 1 OFFSET 12) FROM v_results"}), "\n")[1]
	names := strings.Split(first, "\t")
	params := map[string]string{
		"database": "demo", "suite": "nts", "metric": "execution_time", "machine": names[0], "other": names[1], "test": names[2], "order": names[3],
	}
	var shapes bytes.Buffer
	for _, q := range readQuestions(t) {
		var got struct {
			Columns []readsql.Column
			Rows    int
		}
		text := w.must(readsql.Question{Text: q.text, Params: params, Format: readsql.JSON, Limit: 1})
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%s: %v", q.name, err)
		}
		if got.Rows == 0 && !unanswered[q.name] {
			t.Errorf("%s: the demo has no answer", q.name)
		}
		fmt.Fprintln(&shapes, q.name)
		for _, c := range got.Columns {
			fmt.Fprintf(&shapes, "\t%s %s\n", c.Name, c.Type)
		}
	}
	golden(t, filepath.Join(questions, "shapes.txt"), shapes.Bytes())
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil { //nolint:gosec // for everyone
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what would be generated (%v): run with -update", file, err)
	}
}

func TestViews_Documented_EveryColumnIsDescribed(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	views, err := w.gate.Views(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	written, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	intro, _, found := strings.Cut(string(written), generated)
	if !found {
		t.Fatalf("%s has no line %s", docs, generated)
	}
	b.WriteString(intro + generated + "\n## Twenty questions\n")
	for _, q := range readQuestions(t) {
		fmt.Fprintf(&b, "\n### %s\n\n", q.asks)
		if q.note != "" {
			fmt.Fprintf(&b, "%s\n", q.note)
		}
		fmt.Fprintf(&b, "```sql\n%s```\n", q.text)
	}
	b.WriteString("\n## The views\n")
	used := map[string]bool{}
	helps, err := sql.Columns()
	if err != nil {
		t.Fatal(err)
	}
	escape := strings.NewReplacer("|", `\|`, "<", "&lt;")
	for _, v := range views {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| column | type | unit | what it holds |\n| --- | --- | --- | --- |\n", v.Name, v.Purpose)
		for _, c := range v.Columns {
			if c.Help == "" {
				t.Errorf("sql/views/columns.txt does not describe %s.%s (%s)", v.Name, c.Name, c.Type)
			}
			used[c.Name], used[v.Name+"."+c.Name] = true, true
			fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", c.Name, escape.Replace(c.Type), c.Unit, escape.Replace(c.Help))
		}
	}
	for name := range helps {
		if !used[name] {
			t.Errorf("sql/views/columns.txt describes %s, which no view has", name)
		}
	}
	golden(t, docs, b.Bytes())
}
