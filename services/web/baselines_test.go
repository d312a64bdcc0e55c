package web_test

import (
	"net/http"
	"testing"

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
