package e2e

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tidemark/pkg/synth"
)

// planted is a step that must be found.
type planted struct {
	machine, test, metric string
	place                 int // among all orders
	up                    bool
}

// clearSteps are the steps of at least 3 sigmas and 1 % with ten orders of their
// own on either side.
func clearSteps(truth synth.Truth, orders []string) []planted {
	const room = 10
	var out []planted
	for _, s := range truth.Series {
		places := []int{0}
		for _, c := range s.Changes {
			places = append(places, slices.Index(orders, c.Order))
		}
		places = append(places, len(orders))
		for i, c := range s.Changes {
			at := places[i+1]
			alone := at-places[i] >= room && places[i+2]-at >= room
			if alone && c.Sigmas >= 3 && max(c.Effect, -c.Effect) >= 0.01 {
				out = append(out, planted{s.Machine, s.Test, s.Metric, at, c.Effect > 0})
			}
		}
	}
	return out
}

func TestDemo_FirstStart_FillsItsDatabaseAndFindsWhatWasPlanted(t *testing.T) {
	t.Parallel()
	g, err := synth.New(synth.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	orders, want := g.Orders(), clearSteps(g.Truth(), g.Orders())
	if len(want) < 20 {
		t.Fatalf("%d steps planted; too few to tell", len(want))
	}
	s := start(t, t.TempDir(), "--demo", "--detector-interval", "1s")
	s.database = "demo"
	eventually(t, "all runs in the demo database", patience, func() bool { return s.runs(t) == strconv.Itoa(g.Count()) })
	var found, all int
	defer func() {
		t.Logf("%d of %d planted steps found; %d findings in all", found, len(want), all)
	}()
	eventually(t, "8 of 10 planted steps found within one order", patience, func() bool {
		findings := map[string][]int{}
		rows := s.query(t, "SELECT machine, test, metric, direction, order_name FROM v_findings WHERE database = 'demo'")
		for _, row := range rows {
			series := strings.Join(row[:4], " ")
			findings[series] = append(findings[series], slices.Index(orders, row[4]))
		}
		all, found = len(rows), 0
		for _, p := range want {
			direction := map[bool]string{true: "up", false: "down"}[p.up]
			near := func(place int) bool { return max(place-p.place, p.place-place) <= 1 }
			if slices.ContainsFunc(findings[strings.Join([]string{p.machine, p.test, p.metric, direction}, " ")], near) {
				found++
			}
		}
		return found*10 >= len(want)*8
	})
	if p := s.page(t, "findings"); !strings.Contains(p, "%") {
		t.Errorf("page of findings shows none:\n%s", p)
	}
	s.database = "default"
	if n := s.scalar(t, "SELECT count() FROM v_receipts WHERE database = 'default'"); n != "0" {
		t.Errorf("%s events in the default database, want none", n)
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	demoAgain(t, s.data, g.Count())
}

func demoAgain(t *testing.T, data string, count int) {
	t.Helper()
	s := start(t, data, "--demo")
	s.database = "demo"
	eventually(t, "the demo is looked after", time.Minute, func() bool { return s.process.stderr.has("demo database has its runs") })
	// The log is in order: what the start appended is before this.
	s.submit(t, reportOf("bench-07", "1"))
	const submitted = "SELECT count() FROM v_receipts WHERE database = 'demo' AND event_type = 'run.submitted'"
	if n := s.scalar(t, submitted); n != strconv.Itoa(count+1) {
		t.Errorf("%s submissions after the second start, want %d", n, count+1)
	}
}
