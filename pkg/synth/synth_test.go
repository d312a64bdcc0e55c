package synth_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/pkg/report"
	"tidemark/pkg/suite"
	"tidemark/pkg/synth"
)

func small() synth.Config {
	c := synth.DefaultConfig()
	c.Tests, c.Orders = 12, 60
	return c
}

func generate(t *testing.T, c synth.Config) ([]synth.Run, synth.Truth) {
	t.Helper()
	g, err := synth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	runs := slices.Collect(g.Runs())
	if len(runs) != g.Count() {
		t.Errorf("%d runs, counted %d", len(runs), g.Count())
	}
	return runs, g.Truth()
}

func TestRuns_SameSeed_SameBytes_OtherSeedOthers(t *testing.T) {
	t.Parallel()
	first, truth := generate(t, small())
	again, truthAgain := generate(t, small())
	if !slices.EqualFunc(first, again, func(a, b synth.Run) bool { return bytes.Equal(a.Body, b.Body) }) {
		t.Error("the same seed gave other reports")
	}
	a, _ := json.Marshal(truth)
	b, _ := json.Marshal(truthAgain)
	if !bytes.Equal(a, b) {
		t.Error("the same seed gave another truth")
	}
	c := small()
	c.Seed++
	if other, _ := generate(t, c); bytes.Equal(other[0].Body, first[0].Body) {
		t.Error("another seed gave the same report")
	}
}

func TestRuns_EveryReport_IsOneAServerTakes(t *testing.T) {
	t.Parallel()
	runs, _ := generate(t, small())
	nts, _ := suite.BuiltIn("nts")
	for _, run := range runs {
		sub, err := report.Parse(run.Body, report.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sub.Resolve(nts, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRuns_MoreTests_LeaveTheOthersAsTheyWere(t *testing.T) {
	t.Parallel()
	_, truth := generate(t, small())
	c := small()
	c.Tests *= 2
	_, more := generate(t, c)
	for _, s := range truth.Series {
		if !slices.ContainsFunc(more.Series, func(o synth.SeriesTruth) bool {
			a, _ := json.Marshal(s)
			b, _ := json.Marshal(o)
			return bytes.Equal(a, b)
		}) {
			t.Errorf("series %s %s %s changed", s.Machine, s.Test, s.Metric)
		}
	}
}

func TestTruth_HasStepsAndSwaps_AndMostSeriesAreSteady(t *testing.T) {
	t.Parallel()
	c := synth.DefaultConfig()
	c.Tests = 200
	_, truth := generate(t, c)
	kinds := map[string]int{}
	steady := 0
	for _, s := range truth.Series {
		if len(s.Changes) == 0 {
			steady++
		}
		for _, change := range s.Changes {
			kinds[change.Kind]++
		}
	}
	for _, kind := range []string{"step", "revert", "swap"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s among %v", kind, kinds)
		}
	}
	if steady*2 < len(truth.Series) {
		t.Errorf("%d of %d series are steady", steady, len(truth.Series))
	}
}

func TestNew_BadSettings_AreAllNamed(t *testing.T) {
	t.Parallel()
	c := small()
	c.Tests, c.ChangeRate = 0, 2
	_, err := synth.New(c)
	if err == nil || !strings.Contains(err.Error(), "tests: 0") || !strings.Contains(err.Error(), "change_rate: 2") {
		t.Errorf("got %v", err)
	}
}

func TestSeries_HasTheNumbersOfTheReports_WhereTheTruthSays(t *testing.T) {
	t.Parallel()
	c := small()
	c.ChangeRate, c.FailureRate, c.LateRate = 1, 0.05, 0.2
	g, err := synth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	reported := map[string]int{} // samples by machine, test and metric
	for run := range g.Runs() {
		var body struct {
			Tests []map[string]any `json:"tests"`
		}
		if err := json.Unmarshal(run.Body, &body); err != nil {
			t.Fatal(err)
		}
		for _, test := range body.Tests {
			for metric, value := range test {
				switch v := value.(type) {
				case float64:
					reported[run.Machine+test["name"].(string)+metric]++
				case []any:
					reported[run.Machine+test["name"].(string)+metric] += len(v)
				}
			}
		}
	}
	planted := 0
	for s := range g.Series() {
		samples := 0
		for _, values := range s.Values {
			samples += len(values)
		}
		if want := reported[s.Machine+s.Test+s.Metric]; samples != want || samples == 0 {
			t.Errorf("%s %s %s: %d samples, the reports have %d", s.Machine, s.Test, s.Metric, samples, want)
		}
		for i, at := range s.At {
			if s.Changes[i].Sigmas < 20 || at < 3 || at+3 > len(s.Values) || i > 0 && at-s.At[i-1] < 4 || i+1 < len(s.At) && s.At[i+1]-at < 4 {
				continue
			}
			planted++
			if up := slices.Max(s.Values[at-1]) < slices.Min(s.Values[at]); s.Shape == synth.Exact && up != (s.Changes[i].Effect > 0) {
				t.Errorf("%s %s %s: %+v is not at %d", s.Machine, s.Test, s.Metric, s.Changes[i], at)
			}
		}
	}
	if planted < 5 {
		t.Errorf("%d clear steps; too few to tell", planted)
	}
}

func TestSeries_RampsAndDrifts_AreToldAndAreNoSteps(t *testing.T) {
	t.Parallel()
	c := small()
	c.ChangeRate, c.MachineSwaps, c.DriftRate, c.RampRate = 0, 0, 0, 1
	g, err := synth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ramps := 0
	for s := range g.Series() {
		if len(s.Changes) > 0 {
			t.Errorf("%s %s %s has steps", s.Machine, s.Test, s.Metric)
		}
		if s.Drifts {
			ramps++
		} else if s.Shape != synth.Exact {
			t.Errorf("%s %s %s has no ramp", s.Machine, s.Test, s.Metric)
		}
	}
	if ramps == 0 {
		t.Error("no series has a ramp")
	}
}
