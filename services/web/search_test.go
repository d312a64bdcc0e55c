package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/auth"
	"tidemark/pkg/event"
)

func TestSearch_EveryKindOfThing_IsFoundFromOneBox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.history("default", 12, 14)
	w.steps("default", h)
	w.submit("other", "nts", "graviton4-bench-07", "777", noon.Add(-time.Hour), test{"name": "only-there", "execution_time": 1.0})
	w.refuse("default", noon.Add(-time.Minute))
	w.decide("default", "nts", event.RegressionTriaged, noon, []byte(`{"regression_id":1,"title":"Shootout is slower"}`), nil)
	w.flush()

	// One exact thing: straight there.
	for q, want := range map[string]string{
		"m2-ultra-01": "/db_default/v4/nts/machine/1", "M2-Ultra-01": "/db_default/v4/nts/machine/1",
		"CTMark/Bullet/bullet": "/db_default/v4/nts/test/4", "500014": "/db_default/v4/nts/order/2", "run 36": "/db_default/v4/nts/36",
		"run:36": "/db_default/v4/nts/36", "regression 2": "/db_default/v4/nts/regressions/2", "shootout is slower": "/db_default/v4/nts/regressions/1",
		"#36": "/db_default/v4/nts/36", "only-there": "/db_other/v4/nts/test/1", awkward[0]: "/db_default/v4/nts/test/7",
	} {
		p := w.get("/search?q=" + url.QueryEscape(q))
		if p.Status != http.StatusFound || p.Header.Get("Location") != want {
			t.Errorf("%q: %d to %q, want %q", q, p.Status, p.Header.Get("Location"), want)
		}
	}
	receipts := w.ok("/v4/nts/receipts?status=rejected")
	link := receiptLink.FindStringSubmatch(receipts)[1]
	if p := w.get("/search?q=" + link[len(link)-36:]); p.Header.Get("Location") != link {
		t.Errorf("an event's id leads to %q", p.Header.Get("Location"))
	}
	// Several, or parts of names: a list.
	mustContain(t, w.ok("/search?q=graviton4-bench-07"), "default/nts", "other/nts", `href="/db_other/v4/nts/machine/1"`)
	mustContain(t, w.ok("/search?q=bench+MATRIX"), "Tests", "Shootout/<wbr>matrix", "default/nts", "Findings", "2 changes", "findings?test=SingleSource%2FBenchmarks%2FShootout%2Fmatrix")
	mustContain(t, w.ok("/search?q=test:+shootout"), "Tests")
	mustNotContain(t, w.ok("/search?q=test:+shootout"), "Regressions</h2>")
	mustContain(t, w.ok("/search?q=%25"), "a b?c=d&amp;e#f%20g", "Tests")
	mustNotContain(t, w.ok("/search?q=%25"), "Machines</h2>", "sqlite3")
	mustContain(t, w.ok("/search?q=alert(1)"), "&lt;script&gt;")
	mustContain(t, w.ok("/search?q=nothing+at+all"), "Nothing is called so")
	mustContain(t, w.ok("/search"), "Say a part of a name")
	mustContain(t, w.ok("/search?q=m2-ultra-01&list=1"), "Machines")
	for _, path := range []string{"/search?q=" + strings.Repeat("x", 300), "/search?q=%ff"} {
		if p := w.get(path); p.Status != http.StatusBadRequest {
			t.Errorf("%s: %d", path, p.Status)
		}
	}
	// What is of the reader's suite comes first.
	var said struct {
		Things []struct{ Kind, Text, Place, Address string } `json:"things"`
	}
	if err := json.Unmarshal([]byte(w.get("/search/suggest?q=graviton4-bench-07&db=other&suite=nts", "Accept", "application/json").Body), &said); err != nil {
		t.Fatal(err)
	}
	if len(said.Things) != 2 || said.Things[0].Place != "other/nts" || said.Things[0].Kind != "machine" {
		t.Errorf("%+v", said.Things)
	}
	// The test's page leads to its charts.
	page := w.ok("/v4/nts/test/1")
	mustContain(t, page, "m2-ultra-01", `href="/db_default/v4/nts/graph?plot.0=3.1.2"`, "on all machines", "plot.0=1.1.")
	for path, status := range map[string]int{"/v4/nts/test/999": 404, "/v4/nts/test/x": 400} {
		if p := w.get(path); p.Status != status {
			t.Errorf("%s: %d, want %d", path, p.Status, status)
		}
	}
}

func TestSearch_ByAHolderOfOneDatabase_ShowsThatAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("default", "nts", "shared-name", "1", noon, test{"name": "t", "execution_time": 1.0})
	w.submit("other", "nts", "shared-name", "1", noon, test{"name": "t", "execution_time": 1.0})
	w.flush()
	token, secret, err := auth.Issue("reader", auth.Read, []string{"other", "third"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := auth.NewKeys("", []auth.Token{token})
	if err != nil {
		t.Fatal(err)
	}
	closed := auth.DefaultDoorConfig()
	closed.AnonymousReads = false
	door, err := auth.NewDoor(closed, keys, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	app := serveBehind(t, w.store, door, func(fiber.Router, *auth.Keys) {})
	for _, path := range []string{"/db_other/search?q=shared", "/db_other/search/suggest?q=shared"} {
		body := get(t, app, path, "Authorization", "Bearer "+secret).Body
		if !strings.Contains(body, "/db_other/v4/nts/machine/1") || strings.Contains(body, "/db_default/v4/nts/machine/1") {
			t.Errorf("%s shows another database: %s", path, body)
		}
	}
}

// millionNames puts names of tests straight into the engine.
func (w *world) millionNames() {
	w.t.Helper()
	if err := w.store.Exec(w.t.Context(), `INSERT INTO tests SELECT 'default', 'nts', number + 1000, concat(
		['SingleSource/Benchmarks/', 'MultiSource/Applications/', 'CTMark/', 'MicroBenchmarks/LoopVectorization/', 'External/SPEC/CINT2017rate/'][number % 5 + 1],
		lower(hex(cityHash64(intDiv(number, 200)))), '/case-', toString(number), '.test') FROM numbers(1000000)`, nil); err != nil {
		w.t.Fatal(err)
	}
}

// processTime is how long the process, the engine in it too, was on a processor: what a search costs on a machine that others use.
func processTime(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkSearch is one search over 10^6 names of tests, no word twice.
func BenchmarkSearch(b *testing.B) {
	w := newWorld(b)
	w.steps("default", w.history("default", 24, 40))
	w.flush()
	w.millionNames()
	for name, q := range map[string]func(i int) string{
		"common": func(i int) string { return fmt.Sprintf("case-%d", i%10) },
		"rare":   func(i int) string { return fmt.Sprintf("case-%d.", 3_000+i*77) },
		"none":   func(i int) string { return fmt.Sprintf("zz%dq", i) },
		"words":  func(i int) string { return fmt.Sprintf("ctmark %d", 10_000+i) },
		"number": func(i int) string { return fmt.Sprint(500_000 + i*7) },
	} {
		for _, path := range []string{"/search/suggest?q=", "/search?list=1&q="} {
			b.Run(name+lo.Ternary(strings.Contains(path, "suggest"), "/box", "/page"), func(b *testing.B) {
				var took []time.Duration
				busy := processTime(b)
				for i := 0; b.Loop(); i++ {
					began := time.Now()
					w.ok(path + url.QueryEscape(q(i)))
					took = append(took, time.Since(began))
				}
				b.ReportMetric(float64((processTime(b)-busy).Microseconds())/1000/float64(len(took)), "cpu-ms/op")
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			})
		}
	}
}

func TestSearch_MoreThanAreListed_ThoseThatEndInTheTextComeFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var tests []test
	for i := range 40 {
		tests = append(tests, test{"name": fmt.Sprintf("a/needle-%02d", i), "execution_time": 1.0})
	}
	tests = append(tests, test{"name": "z/long/way/to/Needle", "execution_time": 1.0})
	w.submit("default", "nts", "m", "1", noon.Add(-time.Hour), tests...)
	w.flush()
	var said struct {
		Things []struct{ Text string } `json:"things"`
	}
	if err := json.Unmarshal([]byte(w.get("/search/suggest?q=needle", "Accept", "application/json").Body), &said); err != nil {
		t.Fatal(err)
	}
	if len(said.Things) != 10 || said.Things[0].Text != "z/long/way/to/Needle" {
		t.Errorf("%+v", said.Things)
	}
	if got := strings.Count(w.ok("/search?q=test:needle"), "/v4/nts/test/"); got != 20 {
		t.Errorf("%d tests are listed, want 20", got)
	}
}
