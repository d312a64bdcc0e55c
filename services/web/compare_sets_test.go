package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// newComparedWorld has two machines with twelve orders; at order 106 test "slower" takes a fifth longer on the first.
func newComparedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	for order := 100; order < 112; order++ {
		for m, machine := range []string{"m one", "m-two"} {
			shift := float64(order*7%5) / 1000
			slower := 2.0
			if order >= 106 && m == 0 {
				slower = 2.4
			}
			tests := []test{
				{"name": "slower", "execution_time": slower + shift, "score": 10 - shift},
				{"name": "steady", "execution_time": 1 + shift},
				{"name": "noisy", "execution_time": 1 + float64(order*37%11)/10},
			}
			if order < 108 {
				tests = append(tests, test{"name": "gone", "execution_time": 1.0})
			} else {
				tests = append(tests, test{"name": "new", "execution_time": 1.0})
			}
			if order == 111 {
				tests = append(tests, test{"name": "breaks", "execution_status": 1})
			} else {
				tests = append(tests, test{"name": "breaks", "execution_time": 3.0, "execution_status": 0})
			}
			w.submit("default", "nts", machine, fmt.Sprint(order), noon.Add(time.Duration(order-200)*time.Hour), tests...)
		}
	}
	w.flush()
	return w
}

// status is what the table says of a test's metric, its cells as text.
func compared(t *testing.T, w *world, query string) map[string]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(w.ok("/v4/nts/compare?format=csv&" + query))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, row := range rows[1:] {
		found[row[0]+" "+row[1]] = row[3]
	}
	return found
}

func TestCompare_TwoSetsOfAMachine_SaysWhatMovedAndHowSureThatIs(t *testing.T) {
	t.Parallel()
	w := newComparedWorld(t)
	const sets = "before.machine=m+one&before.from=100&before.to=105&after.machine=1&after.from=106&after.to=110"
	got := compared(t, w, sets)
	for at, want := range map[string]string{
		"slower execution_time": "regressed", "slower score": "unchanged", "steady execution_time": "unchanged", "noisy execution_time": "noise",
		"gone execution_time": "unchanged", "new execution_time": "added", "breaks execution_time": "unchanged",
	} {
		if got[at] != want {
			t.Errorf("%s: %q, want %q", at, got[at], want)
		}
	}
	body := w.ok("/v4/nts/compare?" + sets)
	mustContain(t, body, "6 runs", "5 runs", "m one at 100 to 105", "+20.0%", "Within noise <b>1</b>", "geometric mean", "Regressed <b>1</b>", "<b>0.00",
		`href="/db_default/v4/nts/graph?plot.0=1.1.2&amp;order=11"`)
	mustNotContain(t, body, "different machines", "ZgotmplZ")
	if changes := column(t, body, "lead"); !strings.Contains(changes[0], "+20.0%") {
		t.Errorf("what regressed is not first: %q", changes)
	}

	// the newest order fails, and machines may be mixed
	newest := compared(t, w, "before.machine=m+one&before.newest=4&after.runs=23,24")
	if newest["breaks execution_time"] != "failing" {
		t.Errorf("what fails on both sides: %q", newest["breaks execution_time"])
	}
	mustContain(t, w.ok("/v4/nts/compare?before.machine=m+one&before.newest=4&after.runs=23,24"), "different machines", "Run 23 is on both sides")
	fails := compared(t, w, "before.runs=21&after.runs=23")
	if fails["breaks execution_time"] != "new_failure" || fails["slower execution_time"] != "unchanged" {
		t.Errorf("the newest run against the one before: %v", fails)
	}
	mustContain(t, w.ok("/v4/nts/compare?before.runs=21&after.runs=23"), "have too few values on a side")
	if back := compared(t, w, "after.machine=m+one&after.from=100&after.to=105&before.machine=1&before.from=106&before.to=110"); back["slower execution_time"] != "improved" || back["new execution_time"] != "removed" {
		t.Errorf("with the sides swapped: %v", back)
	}
}

func TestCompare_FiltersSortingAndDownloads_AreOfTheSameRows(t *testing.T) {
	t.Parallel()
	w := newComparedWorld(t)
	const sets = "before.machine=1&before.to=105&before.newest=6&after.machine=1&after.from=106&after.to=110&"
	for query, want := range map[string]int{
		"": 7, "test=SLOW": 2, "test=slow&metric=score": 1, "significant=1": 1, "significant=1&significance=0.001": 0, "min_change=15": 1, "min_change=500": 0,
		"show=noise": 1, "show=regressed&metric=score": 0, "metric=execution_time": 6,
	} {
		body := w.ok("/v4/nts/compare?" + sets + query)
		if got := strings.Count(body, `<td class="lead">`); got != want {
			t.Errorf("%s: %d results, want %d", query, got, want)
		}
		if got := len(compared(t, w, sets+query)); got != want {
			t.Errorf("%s: the download has %d results, want %d", query, got, want)
		}
	}
	for by, first := range map[string]string{"effect": "slower", "p": "slower", "change": "slower", "test": "breaks", "bucket": "slower"} {
		if got := column(t, w.ok("/v4/nts/compare?"+sets+"sort="+by), "main")[0]; !strings.Contains(got, first) {
			t.Errorf("by %s %s is first, want %s", by, got, first)
		}
	}
	var data struct {
		Before  []struct{ Run int }
		Results []struct {
			Test, Metric, Bucket string
			Before, After        struct {
				Median  float64
				Samples int
			}
			Change, P *float64
		}
	}
	if err := json.Unmarshal([]byte(w.ok("/v4/nts/compare?"+sets+"format=json&show=regressed")), &data); err != nil {
		t.Fatal(err)
	}
	if r := data.Results; len(data.Before) != 6 || len(r) != 1 || r[0].Test != "slower" || r[0].Before.Samples != 6 || r[0].After.Samples != 5 ||
		*r[0].P > 0.01 || *r[0].Change < 0.19 {
		t.Errorf("as data: %+v", data)
	}

	// the permalink names the runs, so a later run does not change what it shows
	body := w.ok("/v4/nts/compare?before.machine=1&before.newest=2&after.machine=2&after.newest=2&show=unchanged")
	link := html.UnescapeString(regexp.MustCompile(`href="([^"]+)">Permalink`).FindStringSubmatch(body)[1])
	if at, err := url.Parse(link); err != nil || at.Query().Get("before.runs") != "23,21" || at.Query().Get("after.runs") != "24,22" || at.Query().Get("show") != "unchanged" {
		t.Errorf("the permalink is %s", link)
	}
	want := compared(t, w, strings.SplitN(link, "?", 2)[1])
	w.submit("default", "nts", "m one", "112", noon, test{"name": "slower", "execution_time": 9.0})
	w.flush()
	if got := compared(t, w, strings.SplitN(link, "?", 2)[1]); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the permalink shows %v, was %v", got, want)
	}
}

func TestCompare_WithoutRuns_ShowsTheFormAndNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newComparedWorld(t)
	mustContain(t, w.ok("/v4/nts/compare"), `name="before.runs"`, `name="after.newest"`, `<option value="m one">`, "Choose two sets of runs")
	mustContain(t, w.ok("/v4/nts/compare?after.machine=m+one&before.machine=1&before.from=5000"), "has no runs there", `value="5000"`)
	mustContain(t, w.ok("/v4/nts/3"), `/compare?before.runs=1&amp;after.runs=3`)
	mustContain(t, w.ok("/v4/nts/machine/1"), `href="/db_default/v4/nts/compare?after.machine=m`)
	for query, want := range map[string][]string{
		"before.runs=x":                            {"400", "before.runs=x", "commas"},
		"before.runs=0":                            {"400", "before.runs=0"},
		"before.runs=1&after.runs=999":             {"404", "no run 999", "after.runs"},
		"before.machine=none":                      {"404", "no machine none", "before.machine"},
		"before.runs=1&before.machine=1":           {"400", "either before.runs or before.machine"},
		"before.newest=3":                          {"400", "before.newest=3", "before.machine"},
		"after.machine=1&after.newest=65":          {"400", "after.newest=65", "from 0 to 64"},
		"after.machine=1&after.newest=x":           {"400", "after.newest=x"},
		"before.runs=1&after.runs=2&sort=x":        {"400", "sort=x", "bucket, change, effect"},
		"before.runs=1&after.runs=2&min_change=x":  {"400", "min_change=x", "percent"},
		"before.runs=1&after.runs=2&min_change=-1": {"400", "min_change=-1"},
		"before.runs=1&after.runs=2&show=x":        {"400", "show=x"},
		"before.runs=1&after.runs=2&metric=x":      {"400", "metric=x"},
		"before.runs=1&after.runs=2&format=pdf":    {"400", "format=pdf", "csv, json"},
		"format=csv":                               {"400", "before.runs"},
		"significance=2":                           {"400", "significance=2", "0.05"},
	} {
		p := w.get("/v4/nts/compare?" + query)
		if fmt.Sprint(p.Status) != want[0] {
			t.Errorf("%s: status %d, want %s", query, p.Status, want[0])
		}
		mustContain(t, p.Body, want[1:]...)
	}
}
