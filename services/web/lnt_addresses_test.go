package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// Every page of LNT, as its documentation and its links write it: what is answered, and what is in the page or where it leads.
func TestLNT_EveryPagesAddress_LeadsToTheMatchingPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.steps("default", w.history("default", 6, 6))
	w.submit("other", "nts", "elsewhere", "1", noon, test{"name": "t", "execution_time": 1.0})
	w.flush()
	const nts = "/db_default/v4/nts/"
	for address, want := range map[string]string{
		"/":                                 "m2-ultra-01",
		"/db_default/":                      "nts",
		"/select_db?path=/v4/nts/&db=other": "→ /db_other/v4/nts/",
		"/select_db?path=/db_default/v4/nts/machine/1&db=other": "→ /db_other/v4/nts/machine/1",
		"/select_db?db=other":                        "400 path",
		"/select_db?path=/v4/nts/&db=no":             "404 no database called no",
		"/select_db?path=//evil&db=other":            "400 path",
		"/v4/nts/":                                   "m2-ultra-01",
		"/v4/nts/recent_activity":                    "→ " + nts,
		"/v4/nts/machine/":                           "→ " + nts,
		"/v4/nts/machine/1":                          "m2-ultra-01",
		"/v4/nts/machine/1?json=true":                `"name"`,
		"/v4/nts/machine/1/latest":                   "→ " + nts + "16",
		"/v4/nts/machine/1/latest?test_filter=sql":   "→ " + nts + "16?test_filter=sql",
		"/v4/nts/machine/1/compare?compare_to_id=2":  "→ " + nts + "16?compare_to=17",
		"/v4/nts/machine/1/compare":                  "400 compare_to_id",
		"/v4/nts/machine/1/compare?compare_to_id=1":  "400 compare_to_id",
		"/v4/nts/machine/1/compare?compare_to_id=77": "404 no runs",
		"/v4/nts/machine/77/compare?compare_to_id=1": "404 no machine 77",
		"/v4/nts/16":                                 "Compared with",
		"/v4/nts/16?json=true":                       `"test_name":"CTMark/7zip/7zip-benchmark"`,
		"/v4/nts/16?compare_to=1&baseline=4":         "run 1</a>",
		"/v4/nts/16?test_filter=^CTMark":             `value="^CTMark"`,
		"/v4/nts/16?test_filter=(":                   "400 test_filter",
		"/v4/nts/16?num_comparison_runs=3&MW_confidence_lv=0.01&aggregation_function=median&test_min_value_filter=1": "num_comparison_runs=3 is not used here",
		"/v4/nts/16?num_comparison_runs=0&aggregation_function=min":                                                  "Compared with",
		"/v4/nts/16?show_delta=yes&show_previous=yes&show_stddev=yes&show_all=yes":                                   "Compared with",
		"/v4/nts/16/report?compare_to=1":                                                                             "→ " + nts + "16?compare_to=1",
		"/v4/nts/16/text_report":                                                                                     "Run 16 of m2-ultra-01 at 500042",
		"/v4/nts/16/text_report?test_filter=nothing":                                                                 "Nothing moved.",
		"/v4/nts/99/text_report":                                                                                     "404 no run 99",
		"/v4/nts/16/graph?test.1=2":                                                                                  "→ " + nts + "graph?plot.0=1.1.2&highlight_run=16&test.1=2",
		"/simple/nts/16/":                                                                                            "→ " + nts + "16",
		"/v4/nts/order/3":                                                                                            "500021",
		"/v4/nts/all_orders":                                                                                         "500021",
		"/v4/nts/set_baseline/3":                                                                                     "→ " + nts + "order/3",
		"/v4/nts/graph?plot.0=1.1.2&highlight_run=16":                                                                "matrix",
		"/v4/nts/graph?plot.anything=1.1.2&mean=1.2&baseline.old=1&limit=3":                                          "matrix",
		"/v4/nts/graph":                                                                                              "400 Nothing to graph",
		"/v4/nts/matrix?plot.0=1.1.2&limit=12":                                                                       "matrix",
		"/v4/nts/matrix":                                                                                             "404 plot",
		"/v4/nts/global_status?field=execution_time":                                                                 "Global status",
		"/v4/nts/global_status?revision=500007":                                                                      "Global status",
		"/v4/nts/daily_report?num_days=2":                                                                            "→ " + nts + "daily_report/2026/3/14?num_days=2",
		"/v4/nts/daily_report/2026/3/14?filter-machine-regex=ultra":                                                  "m2-ultra-01",
		"/v4/nts/daily_report/2026/2/31":                                                                             "400 2026",
		"/v4/nts/latest_runs_report?num_runs=5":                                                                      "Latest runs",
		"/summary_report":                                                                                            "→ /db_default/",
		"/db_other/summary_report/edit":                                                                              "→ /db_other/",
		"/db_no/summary_report":                                                                                      "404 no database called no",
		"/v4/nts/search?q=ultra":                                                                                     "m2-ultra-01 #",
		"/v4/nts/regressions/?state=-1&machine_filter=m2-ultra-01&highlight=1":                                       "Regressions",
		"/v4/nts/regressions/?state=10":                                                                              "Regressions",
		"/v4/nts/regressions/new":                                                                                    "→ " + nts + "findings",
		"/v4/nts/regressions/1":                                                                                      "Regression",
		"/v4/nts/regressions/1?json=true&limit=10":                                                                   `"id"`,
		"/v4/nts/regressions/new_from_graph/1/1/2/16":                                                                "→ " + nts + "graph?plot.0=1.1.2&highlight_run=16",
		"/v4/nts/profile/1/16":                                                                                       "404 no profile",
		"/profile/admin":                                                                                             "→ /admin",
		"/rules":                                                                                                     "→ " + nts + "detectors",
		"/v4/nts/hook":                                                                                               "404 no page called hook",
	} {
		p := w.get(address)
		status := http.StatusOK
		if code, rest, found := strings.Cut(want, " "); found && len(code) == 3 && code[0] == '4' {
			status, want = map[string]int{"400": http.StatusBadRequest, "404": http.StatusNotFound}[code], rest
		}
		if to, leads := strings.CutPrefix(want, "→ "); leads {
			got := p.Header.Get("Location")
			if p.Status != http.StatusFound || got != to {
				t.Errorf("%s: %d to %s, want %s", address, p.Status, got, to)
			}
			continue
		}
		if p.Status != status || !strings.Contains(p.Body, want) {
			t.Errorf("%s: %d, want %d with %q", address, p.Status, status, want)
			keep(t, p.Body)
		}
	}
	report := w.get("/v4/nts/16/text_report?compare_to=1")
	if kind := report.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") {
		t.Errorf("the report is %s", kind)
	}
	mustContain(t, report.Body, "Compared with run 1 at 500007", "http://example.com/db_default/v4/nts/16\n", "regressed", "Regressed", "->", "SingleSource/Benchmarks/Shootout/matrix")
	mustNotContain(t, w.ok("/v4/nts/16?num_comparison_runs=0&aggregation_function=min"), "is not used here")
}
