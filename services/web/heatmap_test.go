package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// classesOf are the squares of a test, oldest order first.
func classesOf(t *testing.T, body, test string) string {
	t.Helper()
	row := regexp.MustCompile(`(?s)title="` + test + `, .*?</tr>`).FindString(body)
	var classes []string
	for _, cell := range regexp.MustCompile(`<td(?: class="(\w+)")?>`).FindAllStringSubmatch(row, -1) {
		classes = append(classes, cell[1])
	}
	return strings.Join(classes, ",")
}

func TestHeatMap_OfAMachine_ColoursWhatMovedAgainstTheChosenBase(t *testing.T) {
	t.Parallel()
	w := newComparedWorld(t)
	body := w.ok("/v4/nts/heatmap?machine=1")
	for test, want := range map[string]string{
		"steady": "z,z,z,z,z,z,z,z,z,z,z,z",
		"slower": "b3,b3,b3,b3,b3,b3,w3,w3,w3,w3,w3,w3",
		"gone":   "z,z,z,z,z,z,z,z,,,,",
		"new":    ",,,,,,,,z,z,z,z",
	} {
		if got := classesOf(t, body, test); got != want {
			t.Errorf("%s: %s, want %s", test, got, want)
		}
	}
	if got := classesOf(t, w.ok("/v4/nts/heatmap?machine=m+one&against=previous&test=SLOW"), "slower"); got != "z,z,z,z,z,z,w4,z,z,z,z,z" {
		t.Errorf("against the order before: %s", got)
	}
	if got := classesOf(t, w.ok("/v4/nts/heatmap?machine=1&against=oldest"), "slower"); got != "z,z,z,z,z,z,w4,w4,w4,w4,w4,w4" {
		t.Errorf("against the oldest order: %s", got)
	}
	if got := classesOf(t, w.ok("/v4/nts/heatmap?machine=2&against=oldest"), "slower"); strings.ContainsAny(got, "wb") {
		t.Errorf("nothing moved on the other machine: %s", got)
	}
	mustContain(t, body, `data-cell="/db_default/v4/nts/graph?plot.0=1."`, `href="/db_default/v4/nts/graph?plot.0=1.1.2"`, "heatmap.js", "worse by 25% or more")
	if first := regexp.MustCompile(`title="(\w+), moved by`).FindStringSubmatch(body); first[1] != "noisy" && first[1] != "slower" {
		t.Errorf("%s is first, not what moved most", first[1])
	}
	mustContain(t, w.ok("/v4/nts/heatmap"), "Heat map of Execution Time on m-two")
	mustContain(t, w.ok("/v4/compile/heatmap"), "Nothing has been submitted")
	mustContain(t, w.ok("/v4/nts/heatmap?machine=1&test=zzz"), "No test of this machine")
	// The engine compiles an expression once it has seen it a few times.
	for _, part := range []string{"s", "sl", "slo", "slow", "slowe", "slower"} {
		mustContain(t, w.ok("/v4/nts/heatmap?machine=1&test="+part), "slower")
	}
	for query, want := range map[string][]string{
		"machine=77": {"404", "no machine 77", "Change machine"}, "metric=x": {"400", "metric=x", "execution_time"},
		"against=x": {"400", "against=x", "median, previous, oldest"}, "page=x": {"400", "page=x"},
	} {
		p := w.get("/v4/nts/heatmap?" + query)
		if fmt.Sprint(p.Status) != want[0] {
			t.Errorf("%s: status %d, want %s", query, p.Status, want[0])
		}
		mustContain(t, p.Body, want[1:]...)
	}
}
