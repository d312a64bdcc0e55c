package web_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// newReportedWorld has a machine with a run an hour apart from its like on each of four days, and one that stopped early.
func newReportedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	for day := range 4 {
		// Runs begin half an hour before they are received: at 11:30 on the 11th to the 14th of March.
		at := noon.AddDate(0, 0, day-3)
		slower, score := 2.0, 100.0
		if day == 3 {
			slower, score = 2.5, 50
		}
		w.submit("default", "nts", "steady <b>", fmt.Sprint(100+day), at,
			test{"name": "slower", "execution_time": slower, "score": score}, test{"name": "same", "execution_time": 1.0, "execution_status": 0})
		if day < 2 {
			w.submit("default", "nts", "stopped", fmt.Sprint(100+day), at, test{"name": "slower", "execution_time": 3 + float64(day)/10})
		}
	}
	w.submit("default", "nts", "broken", "102", noon.Add(-25*time.Hour), test{"name": "same", "execution_time": 1.0, "execution_status": 0})
	w.submit("default", "nts", "broken", "103", noon, test{"name": "same", "execution_status": 1})
	w.flush()
	return w
}

func TestDailyReport_ComparesTheDayWithTheNearestBefore(t *testing.T) {
	t.Parallel()
	w := newReportedWorld(t)
	for from, want := range map[string]string{
		"/v4/nts/daily_report":              "/db_default/v4/nts/daily_report/2026/3/14",
		"/v4/nts/daily_report?num_days=5":   "/db_default/v4/nts/daily_report/2026/3/14?num_days=5",
		"/v4/nts/daily_report?day_start=11": "/db_default/v4/nts/daily_report/2026/3/15?day_start=11",
	} {
		if got := w.get(from); got.Status != http.StatusFound || got.Header.Get("Location") != want {
			t.Errorf("%s leads to %d %s, want %s", from, got.Status, got.Header.Get("Location"), want)
		}
	}
	body := w.ok("/v4/nts/daily_report/2026/3/14")
	mustContain(t, body, "steady <b>", "+25.0%", "2.500\u00a0s", "New failure", "against 2026-03-13", "/compare?before.runs=", "2026-03-12")
	mustNotContain(t, body, "<b>", "stopped against", "ZgotmplZ")
	// the machine that stopped on the 12th is only known where the days reach that far
	mustNotContain(t, w.ok("/v4/nts/daily_report/2026/3/14?num_days=2"), "stopped")
	twelfth := w.ok("/v4/nts/daily_report/2026/03/12")
	mustContain(t, twelfth, "stopped", "+3.33%", "3.100\u00a0s")
	mustContain(t, w.ok("/v4/nts/daily_report/2026/3/14?filter-machine-regex=%5Esteady"), "steady", `value="^steady"`)
	mustNotContain(t, w.ok("/v4/nts/daily_report/2026/3/14?filter-machine-regex=%5Esteady"), "broken")
	mustContain(t, w.ok("/v4/nts/daily_report/2019/1/1"), "No machine reported in these days")
	for path, want := range map[string]string{
		"daily_report/2026/2/30": "daily_report=2026/2/30", "daily_report/x/y/z": "date that exists", "daily_report/2026/3/14?num_days=99": "from 1 to 14",
		"daily_report/2026/3/14?day_start=24": "day_start=24", "daily_report/2026/3/14?filter-machine-regex=%5B": "regular expression", "daily_report?num_days=x": "num_days=x",
	} {
		if p := w.get("/v4/nts/" + path); p.Status != http.StatusBadRequest || !strings.Contains(html.UnescapeString(p.Body), want) {
			t.Errorf("%s: %d without %q", path, p.Status, want)
		}
	}
}

func TestLatestRuns_ShowsWhatMovedSinceTheOldestOfThem(t *testing.T) {
	t.Parallel()
	w := newReportedWorld(t)
	body := w.ok("/v4/nts/latest_runs_report")
	mustContain(t, body, "steady <b>", "+25.0%", "2.000\u00a0s", "+3.33%", "oldest against newest", "<polyline", "heatmap?machine=")
	if score := w.ok("/v4/nts/latest_runs_report?metric=score&num_runs=2"); !strings.Contains(score, "50.0%") || !strings.Contains(score, "2 runs") {
		t.Error("the score's fall is not shown")
	}
	mustContain(t, w.ok("/v4/compile/latest_runs_report"), "No machine has reported yet")
	for query, want := range map[string]string{"num_runs=1": "from 2 to 60", "num_runs=x": "num_runs=x", "metric=x": "metric=x"} {
		if p := w.get("/v4/nts/latest_runs_report?" + query); p.Status != http.StatusBadRequest || !strings.Contains(p.Body, want) {
			t.Errorf("%s: %d without %q", query, p.Status, want)
		}
	}
}

func TestGlobalStatus_PutsTheWorstTestFirstOnTheMachinesThatReport(t *testing.T) {
	t.Parallel()
	w := newReportedWorld(t)
	body := w.ok("/v4/nts/global_status")
	mustContain(t, body, "steady <b>", "broken", "102 → 103", "+25.0%", "failed")
	mustNotContain(t, body, "stopped")
	if tests := regexp.MustCompile(`class="wrap">(\w+)`).FindAllStringSubmatch(body, -1); len(tests) != 2 || tests[0][1] != "same" {
		t.Errorf("what fails is not first: %v", tests)
	}
	mustContain(t, w.ok("/v4/nts/global_status?field=score&revision=100"), "100 → 103", "50.0%", `value="100"`)
	mustContain(t, w.ok("/v4/nts/global_status?revision=5"), "100 → 103")
	mustContain(t, w.ok("/v4/nts/global_status?test=zzz"), "No test matches")
	// The engine compiles an expression once it has seen it a few times.
	for _, part := range []string{"s", "a", "m", "sa", "sam", "same"} {
		mustContain(t, w.ok("/v4/nts/global_status?test="+part), `class="wrap">same`)
	}
	if p := w.get("/v4/nts/global_status?field=x"); p.Status != http.StatusBadRequest || !strings.Contains(p.Body, "field=x") {
		t.Errorf("an unknown field: %d", p.Status)
	}
	if p := w.get("/v4/compile/global_status"); p.Status != http.StatusNotFound || !strings.Contains(p.Body, "no runs yet") {
		t.Errorf("a suite without runs: %d", p.Status)
	}
}

func TestMatrix_ShowsLevelsByOrderAndTheirChange(t *testing.T) {
	t.Parallel()
	w := newReportedWorld(t)
	body := w.ok("/v4/nts/matrix?plot.0=1.1.2&plot.1=1.1.4&plot.2=2.1.2")
	mustContain(t, body, "2.500\u00a0s", "+25.0%", "50.0%", "against 100", "steady <b>", "stopped", `href="/db_default/v4/nts/graph?plot.0=1.1.2"`, "Geometric mean")
	if got := regexp.MustCompile(`title="(\d+)"`).FindAllStringSubmatch(body, -1); len(got) != 4 || got[0][1] != "103" {
		t.Errorf("orders %v, want the newest of four first", got)
	}
	based := w.ok("/v4/nts/matrix?plot.0=1.1.2&baseline=4&limit=-1")
	mustContain(t, based, "against 103", "20.0%")
	mustNotContain(t, based, "Geometric mean")
	for query, want := range map[string][]string{
		"": {"404", "Request requires some plot arguments"}, "plot.0=1.1": {"400", "plot.0=1.1", "1.7.2"}, "plot.0=1.1.1": {"400", "2 (Execution Time)"},
		"plot.0=9.1.2": {"404", "no machine 9"}, "plot.0=1.99.2": {"404", "no test 99"}, "plot.0=1.1.2&limit=3": {"400", "limit=3", "12, 50, 250, -1"},
		"plot.0=1.1.2&baseline=99": {"400", "baseline=99"}, "plot.0=1.2.8": {"404", "No orders found."},
	} {
		p := w.get("/v4/nts/matrix?" + query)
		if fmt.Sprint(p.Status) != want[0] {
			t.Errorf("%s: status %d, want %s", query, p.Status, want[0])
		}
		mustContain(t, p.Body, want[1:]...)
	}
	form := httptest.NewRequest(http.MethodPost, "/v4/nts/matrix", strings.NewReader("plot.0=1.1.2&limit=50&other=x"))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := w.app.Test(form, 60_000)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing in it is read
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/db_default/v4/nts/matrix?plot.0=1.1.2&limit=50" {
		t.Errorf("the form leads to %d %s", res.StatusCode, res.Header.Get("Location"))
	}
}
