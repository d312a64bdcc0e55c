package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"

	"tidemark/pkg/auth"
	"tidemark/pkg/event"
	"tidemark/pkg/httpx"
	"tidemark/pkg/registry"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/pkg/turns"
	"tidemark/services/web"
	"tidemark/sql"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// noon is the world's present.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// world is a server with data that went through the same decisions as in production.
type world struct {
	t       testing.TB
	store   *store.Store
	app     *fiber.App
	decider *testkit.Decider
	rows    []store.LedgerRow
	// actor is who does what comes next, a bot when "".
	actor string
	// regressions are all rows of them, in their order.
	regressions []event.RegressionRow
	offset      uint64
	// secrets are the tokens' by their scope.
	secrets map[string]string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, store: testkit.Store(t), decider: testkit.NewDecider()}
	w.app = serve(t, w.store)
	return w
}

// newGuardedWorld is a world whose server has tokens, a door, and the writes of the REST side that pages use.
func newGuardedWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, store: testkit.Store(t), decider: testkit.NewDecider(), secrets: map[string]string{}}
	var tokens []auth.Token
	for scope := auth.Read; scope <= auth.Admin; scope++ {
		token, secret, err := auth.Issue(scope.String()+"er", scope, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
		w.secrets[scope.String()] = secret
	}
	keys, err := auth.NewKeys("", tokens)
	if err != nil {
		t.Fatal(err)
	}
	door, err := auth.NewDoor(auth.DefaultDoorConfig(), keys, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	w.app = serveBehind(t, w.store, door, w.writes)
	return w
}

func serve(t testing.TB, s *store.Store) *fiber.App {
	t.Helper()
	return serveBehind(t, s, nil, nil)
}

func serveBehind(t testing.TB, s *store.Store, door *auth.Door, more func(fiber.Router, *auth.Keys)) *fiber.App {
	t.Helper()
	clock := func() time.Time { return noon }
	app := httpx.New(httpx.DefaultConfig(), testkit.Logger(), httpx.NewMetrics(prometheus.NewRegistry()), clock)
	if door != nil {
		app.Use(door.Handle)
		more(app, door.Keys())
	}
	pages, err := web.New(web.DefaultConfig(), web.Deps{Store: s, Log: testkit.Logger(), Now: clock, Version: "test", Door: door})
	if err != nil {
		t.Fatal(err)
	}
	share := s.Share("pages", 16) // as in production: a page that had a place is not refused the next one
	app.Use(func(c *fiber.Ctx) error {
		c.SetUserContext(turns.With(c.UserContext(), share))
		return c.Next()
	})
	pages.Routes(app)
	app.Use(httpx.NotFound)
	return app
}

// decide puts an event through the registry; flush stores what came of it.
func (w *world) decide(database, suiteName string, kind event.Type, at time.Time, body []byte, params map[string]string) registry.Decision {
	w.t.Helper()
	w.offset++
	e := event.Envelope{
		ID: event.NewID(at, nil), Type: kind, Version: 1, Database: database, Suite: suiteName,
		ContentType: "application/json", ReceivedAt: at, Actor: lo.CoalesceOrEmpty(w.actor, "bot"), RequestID: "r" + fmt.Sprint(w.offset),
		Params: params, Body: body,
	}
	row, d := w.decider.Decide(w.t, store.LogPosition{Topic: event.TopicEvents, Partition: 3, Offset: int64(w.offset)}, at.Add(20*time.Millisecond), e)
	w.rows = append(w.rows, row)
	w.regressions = append(w.regressions, d.Rows.Regressions...)
	return d
}

func (w *world) flush() {
	w.t.Helper()
	for chunk := range chunks(w.rows, 100) {
		if err := w.store.InsertLedger(w.t.Context(), chunk); err != nil {
			w.t.Fatal(err)
		}
	}
	w.rows = nil
}

func chunks(rows []store.LedgerRow, n int) func(yield func([]store.LedgerRow) bool) {
	return func(yield func([]store.LedgerRow) bool) {
		for len(rows) > 0 {
			k := min(n, len(rows))
			if !yield(rows[:k]) {
				return
			}
			rows = rows[k:]
		}
	}
}

func object(t testing.TB, v any) string {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// test is one entry of a report.
type test map[string]any

// submit sends a report of one machine at one order.
func (w *world) submit(database, suiteName, machine, order string, at time.Time, tests ...test) registry.Decision {
	w.t.Helper()
	return w.submitWith(nil, database, suiteName, machine, order, at, tests...)
}

// submitWith is submit with parameters such as the merge policy.
func (w *world) submitWith(params map[string]string, database, suiteName, machine, order string, at time.Time, tests ...test) registry.Decision {
	w.t.Helper()
	report := map[string]any{
		"format_version": "2",
		"machine":        map[string]any{"name": machine, "hardware": "aarch64", "os": "linux", "cores": 8, "governor": "performance"},
		"run": map[string]any{
			"llvm_project_revision": order, "start_time": at.Add(-30 * time.Minute).Format("2006-01-02T15:04:05"),
			"end_time": at.Add(-time.Minute).Format("2006-01-02T15:04:05"),
			"git_sha":  fmt.Sprintf("%040x", len(order)*7919), "bot": "https://ci.example.org/builders/clang/builds/7",
		},
		"tests": lo.Map(tests, func(v test, _ int) any { return v }),
	}
	d := w.decide(database, suiteName, event.RunSubmitted, at, []byte(object(w.t, report)), params)
	if d.Status != event.Accepted {
		w.t.Fatalf("submission of %s at %s: %s %s", machine, order, d.Error, d.Message)
	}
	return d
}

// found records findings, as a detector does.
func (w *world) found(database, suiteName string, at time.Time, found ...event.Finding) {
	w.t.Helper()
	for i := range found {
		f := &found[i]
		f.Active = true
		f.ID = event.FindingID(database, suiteName, f.MachineID, f.TestID, f.Metric, f.OrderID, f.Direction, "step")
		f.Effect = (f.After - f.Before) / f.Before
	}
	body, err := event.Changes{Detector: "step", Version: 1, Params: json.RawMessage(`{}`), DataSeq: w.offset, Findings: found}.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	if d := w.decide(database, suiteName, event.ChangeFound, at, body, nil); d.Status != event.Accepted {
		w.t.Fatalf("findings: %s %s", d.Error, d.Message)
	}
}

// page is an answer.
type page struct {
	Status int
	Body   string
	Header http.Header
}

func (w *world) get(path string, header ...string) page {
	w.t.Helper()
	return get(w.t, w.app, path, header...)
}

func get(t testing.TB, app *fiber.App, path string, header ...string) page {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Header.Set("Accept", "text/html")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := app.Test(req, 60_000)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end below
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{res.StatusCode, string(body), res.Header}
}

// ok is get for a page that must be there.
func (w *world) ok(path string) string {
	w.t.Helper()
	p := w.get(path)
	if p.Status != http.StatusOK {
		w.t.Fatalf("GET %s: %d\n%s", path, p.Status, p.Body)
	}
	return p.Body
}

// mustContain finds parts as markup or as the text a reader sees.
func mustContain(t testing.TB, body string, parts ...string) {
	t.Helper()
	shown := html.UnescapeString(body)
	for _, part := range parts {
		if !strings.Contains(body, part) && !strings.Contains(shown, part) {
			t.Errorf("%q is not in the page", part)
			keep(t, body)
		}
	}
}

func mustNotContain(t testing.TB, body string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(body, part) {
			t.Errorf("%q is in the page", part)
			keep(t, body)
		}
	}
}

// keep leaves a failing page where it can be looked at.
func keep(t testing.TB, body string) {
	t.Helper()
	f, err := os.CreateTemp("", "tidemark-page-*.html")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // a help for people only
	_, _ = f.WriteString(body)
	t.Logf("the page is in %s", f.Name())
}

// awkward are test names that break what is not escaped.
var awkward = []string{
	`suite/<script>alert(1)</script>`,
	`suite/"quoted" & 'single'`,
	`suite/a b?c=d&e#f%20g`,
	"suite/näive/日本語/𝔘",
	`{{.Body}}/${x}/</title>`,
	`suite/` + strings.Repeat("long", 60),
}

// history fills a suite: three machines, many orders, a known step.
type history struct {
	Orders  int
	Tests   []string
	Machine map[string]uint32
	// Step is the order at which the first test gets slower on the first machine.
	Step int
}

func (w *world) history(database string, orders, tests int) history {
	w.t.Helper()
	h := history{Orders: orders, Step: orders * 2 / 3, Machine: map[string]uint32{}}
	names := []string{
		"SingleSource/Benchmarks/Shootout/matrix", "MultiSource/Applications/sqlite3/sqlite3", "CTMark/7zip/7zip-benchmark",
		"CTMark/Bullet/bullet", "MicroBenchmarks/LoopVectorization/LoopInterleaving", "External/SPEC/CINT2017rate/505.mcf_r",
	}
	h.Tests = append(append(h.Tests, names...), awkward...)
	for i := len(h.Tests); i < tests; i++ {
		h.Tests = append(h.Tests, fmt.Sprintf("SingleSource/UnitTests/Vector/case-%04d", i))
	}
	h.Tests = h.Tests[:max(tests, len(names))]
	noise := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same numbers every time are wanted
	machines := []string{"m2-ultra-01", "graviton4-bench-07", "x86-zen5 <lab>"}
	for order := 1; order <= orders; order++ {
		for m, machine := range machines {
			at := noon.Add(-time.Duration(orders-order)*6*time.Hour - time.Duration(3-m)*7*time.Minute)
			d := w.submit(database, "nts", machine, fmt.Sprint(500000+order*7), at, w.results(noise, h, order, m)...)
			h.Machine[machine] = d.MachineID
		}
	}
	return h
}

func (w *world) results(noise *rand.Rand, h history, order, machine int) []test {
	var out []test
	for i, name := range h.Tests {
		base := 0.8 + float64(i%7)*0.37
		if machine == 0 && i == 0 && order >= h.Step {
			base *= 1.182
		}
		if machine == 1 && i == 1 && order >= h.Orders/2 {
			base *= 0.93
		}
		if machine == 2 && i == 2 && order == h.Orders {
			base *= 1.4
		}
		times := lo.Times(3, func(int) float64 { return round(base * (1 + 0.006*math.Abs(noise.NormFloat64()))) })
		entry := test{
			"name": name, "execution_time": times, "compile_time": round(base / 3 * (1 + 0.01*noise.Float64())),
			"code_size": 40_000 + i*1310 + lo.Ternary(order >= h.Orders/2, 160, 0), "execution_status": 0,
			"score": round(1000 / base),
		}
		if i == 3 && machine == 0 && order == h.Step-5 {
			entry["execution_status"] = 1
		}
		if i == 4 && machine == 0 && order == h.Orders {
			entry = test{"name": name, "execution_status": 1}
		}
		out = append(out, entry)
	}
	return out
}

func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// orderID is the id of the n-th order of a history, which are dense from 1.
func orderID(n int) uint32 { return uint32(n) }

// steps are the findings of a history.
func (w *world) steps(database string, h history) {
	step, half := orderID(h.Step), orderID(h.Orders/2)
	w.found(database, "nts", noon.Add(-40*time.Minute),
		event.Finding{
			MachineID: 1, TestID: 1, Metric: "execution_time", OrderID: step, PreviousOrderID: step - 1,
			Direction: event.Up, Kind: event.Regression, Before: 0.8021, After: 0.9477, Spread: 0.003, Statistic: 41, PValue: 1e-12,
		},
		event.Finding{
			MachineID: 2, TestID: 2, Metric: "execution_time", OrderID: half, PreviousOrderID: half - 1,
			Direction: event.Down, Kind: event.Improvement, Before: 1.1713, After: 1.0893, Spread: 0.004, Statistic: 29, PValue: 1e-9,
		},
	)
	var more []event.Finding
	for i := range min(len(h.Tests), 12) {
		before := float64(40_000 + i*1310)
		more = append(more, event.Finding{
			MachineID: 3, TestID: uint32(i + 1), Metric: "code_size", OrderID: half, PreviousOrderID: half - 1,
			Direction: event.Up, Kind: event.Regression, Before: before, After: before + 160, Statistic: 99, PValue: 1e-12,
		})
		if i%4 == 3 {
			more = append(more, event.Finding{
				MachineID: 1, TestID: uint32(i + 1), Metric: "score", OrderID: half, PreviousOrderID: half - 1,
				Direction: event.Up, Kind: event.Improvement, Before: 500, After: 541, Statistic: 12, PValue: 1e-4,
			})
		}
	}
	w.found(database, "nts", noon.Add(-3*time.Hour), more...)
}

// refuse sends a report that is refused.
func (w *world) refuse(database string, at time.Time) registry.Decision {
	w.t.Helper()
	d := w.decide(database, "nts", event.RunSubmitted, at,
		[]byte(`{"format_version":"2","machine":{"name":"m2-ultra-01"},"run":{"llvm_project_revision":"9"},"tests":[{"name":"<b>x</b>","cycles":1}]}`), nil)
	if d.Status != event.Rejected {
		w.t.Fatalf("want a refusal, got %s", d.Status)
	}
	return d
}

func mustQuery(t testing.TB, name string) sql.File {
	t.Helper()
	q, err := sql.Query(name)
	if err != nil {
		t.Fatal(err)
	}
	return q
}
