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
