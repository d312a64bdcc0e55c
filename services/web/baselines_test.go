package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidemark/pkg/event"
)

func TestBaselines_AnOrderWithAName_IsShownAndComparedWith(t *testing.T) {
	t.Parallel()
	w := newGuardedWorld(t)
	for i, order := range []string{"10", "20", "30"} { // orders and runs 1, 2, 3
		w.submit("default", "nts", "aarch64-a", order, noon, test{"name": "CTMark/lua", "execution_time": float64(i + 1)})
	}
	w.submit("default", "nts", "aarch64-b", "20", noon, test{"name": "CTMark/lua", "execution_time": 4})
	w.say(event.BaselineSet, event.Baseline{Name: "release <19>", OrderID: 1, Comment: "as & shipped"})
	w.flush()
	const named = "?against=release%20%3C19%3E"

	orders := w.ok("/v4/nts/all_orders")
	mustContain(t, orders, "Baselines", "release <19>", "as & shipped")
	mustNotContain(t, orders, "<19>")
	run := w.ok("/v4/nts/3")
	mustContain(t, run, "Compare with baseline", "release <19>", "+50.0", "the order before on this machine")
	mustContain(t, w.ok("/v4/nts/3"+named), "for baseline release <19>", "+200")
	mustContain(t, w.ok("/v4/nts/graph?plot.0=1.1.2"), `label="release <19>: 10"`)
	for path, words := range map[string]string{
		"/v4/nts/3?against=nothing": "no baseline called nothing",
		"/v4/nts/4" + named:         "Baseline release <19> has no other run of aarch64-b",
	} {
		p := w.get(path)
		if p.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, p.Status)
		}
		mustContain(t, p.Body, words, "Change or remove against")
	}

	order := w.ok("/v4/nts/order/1")
	mustContain(t, order, "release <19>", "as & shipped")
	mustNotContain(t, order, "setBaseline", "removeBaseline")
	mustContain(t, w.get("/v4/nts/order/1", "Cookie", w.signIn("triage")).Body,
		"/v4/nts/forms/setBaseline", "/v4/nts/forms/removeBaseline", `name="path.name" value="release &lt;19&gt;"`, `name="order" value="10"`)
	mustContain(t, w.get("/v4/nts/audit", "Cookie", w.signIn("admin")).Body, "baseline set")
}

// Twenty orders; a dozen are shown, and the one called "release" is older than those.
func TestBaselines_MatrixAndStatus_AreHeldAgainstOneByItsName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 20 {
		if i == 3 { // the machine had no run of this order
			w.submit("default", "nts", "other", "103", noon.AddDate(0, 0, -9), test{"name": "t", "execution_time": 1.0})
			continue
		}
		w.submit("default", "nts", "m", fmt.Sprint(100+i), noon.Add(time.Duration(i-20)*time.Minute), test{"name": "t", "execution_time": float64(i + 1)})
	}
	const matrix, status = "/v4/nts/matrix?plot.0=1.1.2", "/v4/nts/global_status"
	w.flush()
	mustNotContain(t, w.ok(matrix), `name="against"`)
	mustNotContain(t, w.ok(status), `name="against"`)
	w.say(event.BaselineSet, event.Baseline{Name: "release <1>", OrderID: 4})
	w.say(event.BaselineSet, event.Baseline{Name: "newest", OrderID: 20})
	w.flush()

	const named = "against=release+%3C1%3E"
	plain := w.ok(matrix)
	mustContain(t, plain, "against 108", `<option value="release &lt;1&gt;">`, `name="plot.0" value="1.1.2"`)
	if n := strings.Count(plain, `scope="row"`); n != 12 {
		t.Errorf("%d orders", n)
	}
	based := w.ok(matrix + "&" + named) // 104 is the first that is not before: 5 s, and 20 s at the newest
	mustContain(t, based, "against 104, baseline release <1>", "+300.0%", `<option value="release &lt;1&gt;" selected>`, `against=release&#43;%3C1%3E&amp;limit=50`)
	if n := strings.Count(based, `scope="row"`); n != 13 {
		t.Errorf("%d orders with the base", n)
	}
	mustContain(t, w.ok(matrix+"&limit=50&"+named), `name="limit" value="50"`, "against 104")

	mustContain(t, w.ok(status), "118 → 119", "or baseline")
	mustContain(t, w.ok(status+"?revision=110&"+named), "102 → 119", "at or before 103, baseline release <1>", `<option value="release &lt;1&gt;" selected>`)
	for _, page := range []string{matrix + "&", status + "?"} {
		p := w.get(page + "against=nothing")
		if p.Status != http.StatusNotFound {
			t.Errorf("%s: %d", page, p.Status)
		}
		mustContain(t, p.Body, "no baseline called nothing", "Change or remove against")
	}
	p := w.get("/v4/nts/matrix?plot.0=2.1.2&against=newest")
	if p.Status != http.StatusBadRequest {
		t.Errorf("a machine without orders after the baseline: %d", p.Status)
	}
	mustContain(t, p.Body, "against=newest", "choose another baseline")
}
