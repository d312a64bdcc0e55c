package detector_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/samber/lo"

	"tidemark/pkg/synth"
	"tidemark/services/detector"
)

// score counts what was found against what was planted.
type score struct {
	series, planted, missed, found, wrong int
	byShape                               map[synth.Shape]int
	notes                                 []string
}

func (s score) precision() float64 { return 1 - float64(s.wrong)/float64(max(s.found, 1)) }
func (s score) recall() float64    { return 1 - float64(s.missed)/float64(max(s.planted, 1)) }

func (s score) String() string {
	return fmt.Sprintf("%d series: %d planted, %d missed, recall %.3f; %d found, %d wrong, precision %.3f; wrong by shape %v",
		s.series, s.planted, s.missed, s.recall(), s.found, s.wrong, s.precision(), s.byShape)
}

// judge says how well findings fit the truth. A planted change counts when it is clear: at least minSigmas and 1 %, with ten orders
// of one level on both sides. A finding is right within one order of any planted change in its direction.
func judge(g *synth.Generator, list []finding, minSigmas float64) score {
	s := score{byShape: map[synth.Shape]int{}}
	order := lo.SliceToMap(g.Orders(), func(o string) (string, int) { return o, slices.Index(g.Orders(), o) })
	bySeries := lo.GroupBy(list, func(f finding) string { return f.Machine + " " + f.Test + " " + f.Metric })
	for _, truth := range g.Truth().Series {
		s.series++
		name := truth.Machine + " " + truth.Test + " " + truth.Metric
		hit := func(c synth.Change, f finding) bool {
			return (c.Effect > 0) == (f.Direction == "up") && math.Abs(float64(order[f.Order]-order[c.Order])) <= 1
		}
		edges := []int{0}
		for _, c := range truth.Changes {
			edges = append(edges, order[c.Order])
		}
		edges = append(edges, len(order))
		for i, c := range truth.Changes {
			isClear := c.Sigmas >= minSigmas && math.Abs(c.Effect) >= 0.01 && edges[i+1]-edges[i] >= 10 && edges[i+2]-edges[i+1] >= 10
			if !isClear {
				continue
			}
			s.planted++
			if !slices.ContainsFunc(bySeries[name], func(f finding) bool { return hit(c, f) }) {
				s.missed++
				s.notes = append(s.notes, fmt.Sprintf("missed %s %s: %+v in noise %.4f, found %v", name, truth.Shape, c, truth.Noise, bySeries[name]))
			}
		}
		for _, f := range bySeries[name] {
			s.found++
			if !slices.ContainsFunc(truth.Changes, func(c synth.Change) bool { return hit(c, f) }) {
				s.wrong++
				s.byShape[truth.Shape]++
				s.notes = append(s.notes, fmt.Sprintf("wrong %s %s: %v (%.4g to %.4g, t %.3g) among %+v in noise %.4f", name, truth.Shape, f, f.Before, f.After, f.Statistic, truth.Changes, truth.Noise))
			}
		}
	}
	return s
}

func (s score) plus(o score) score {
	for shape, n := range o.byShape {
		s.byShape[shape] += n
	}
	return score{s.series + o.series, s.planted + o.planted, s.missed + o.missed, s.found + o.found, s.wrong + o.wrong, s.byShape, append(s.notes, o.notes...)}
}

func generate(t testing.TB, change func(*synth.Config)) (*synth.Generator, [][]byte) {
	t.Helper()
	cfg := synth.DefaultConfig()
	change(&cfg)
	g, err := synth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var bodies [][]byte
	for run := range g.Runs() {
		bodies = append(bodies, run.Body)
	}
	return g, bodies
}

// judgeAll gives the findings of a whole history.
func judgeAll(t testing.TB, bodies [][]byte, change ...func(*detector.Config)) []finding {
	t.Helper()
	w := newWorld(t, change...)
	w.log.submit("nts", nil, bodies...)
	w.settle()
	w.full()
	return w.log.standing()
}

func TestDetector_PlantedSteps_AreFoundWhereTheyAre(t *testing.T) {
	t.Parallel()
	total := score{byShape: map[synth.Shape]int{}}
	g, bodies := generate(t, func(c *synth.Config) { c.Seed, c.Tests = 1, 60 })
	total = total.plus(judge(g, judgeAll(t, bodies), 3))
	t.Log(total)
	for _, note := range total.notes {
		t.Log(note)
	}
	if total.planted < 15 || total.precision() < 0.9 || total.recall() < 0.9 {
		t.Errorf("precision %.3f and recall %.3f of %d, want at least 0.9 each", total.precision(), total.recall(), total.planted)
	}
}

func TestDetector_SteadySeries_StaySilent(t *testing.T) {
	t.Parallel()
	g, bodies := generate(t, func(c *synth.Config) { c.Seed, c.Tests, c.ChangeRate, c.MachineSwaps = 7, 100, 0, 0 })
	s := judge(g, judgeAll(t, bodies), 3)
	t.Log(s)
	for _, note := range s.notes {
		t.Log(note)
	}
	// 120 orders a series: one false finding in some ten thousand looks.
	if s.wrong*100 > s.series {
		t.Errorf("%d false findings in %d steady series, want at most one in a hundred", s.wrong, s.series)
	}
}
