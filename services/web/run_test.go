package web_test

import (
	"fmt"
	"testing"
)

func TestRun_AgainstAnyRunOrBaseline_SaysWhich(t *testing.T) {
	t.Parallel()
	w := newComparedWorld(t)
	mustContain(t, w.ok("/v4/nts/13"), "run 11</a> at", "the order before on this machine", `name="compare_to"`, "▲</span>+")
	for _, query := range []string{"compare_to=1", "baseline=1", "compare_to=1&baseline=3"} {
		body := w.ok("/v4/nts/17?" + query)
		mustContain(t, body, "run 1</a> at", ">100</a>", "against the order before", `value="1"`, "compare?before.runs=1&amp;after.runs=17")
		mustNotContain(t, body, "the order before on this machine")
	}
	mustContain(t, w.ok("/v4/nts/1"), "nothing to compare with yet")
	for query, want := range map[string][]string{
		"baseline=x": {"400", "baseline=x"}, "baseline=77": {"404", "run 77", "remove baseline"}, "compare_to=17": {"404", "run 17"},
	} {
		p := w.get("/v4/nts/17?" + query)
		if fmt.Sprint(p.Status) != want[0] {
			t.Errorf("%s: status %d, want %s", query, p.Status, want[0])
		}
		mustContain(t, p.Body, want[1:]...)
	}
}
