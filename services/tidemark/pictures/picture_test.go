package pictures_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/samber/lo"

	"tidemark/pkg/detect"
	"tidemark/pkg/testkit"
	"tidemark/services/tidemark/pictures"
)

var update = flag.Bool("update", false, "rewrite docs/pictures")

func TestMain(m *testing.M) { testkit.Main(m) }

// example is a series with the detector that judges it.
type example struct {
	title    string
	detector string
	params   map[string]string
	values   []float64
	// tell are places at which the rule that stopped the detector is shown.
	tell []int
	// found are where it finds changes: so that a picture shows what the text says.
	found []uint32
}

// levels are values around levels, with noise that is the same each time.
func levels(seed uint64, noise float64, of ...struct {
	n     int
	level float64
},
) []float64 {
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // the same numbers each time are wanted
	var out []float64
	for _, l := range of {
		for range l.n {
			out = append(out, math.Round(100*l.level*(1+noise*random.NormFloat64()))/100)
		}
	}
	return out
}

type level = struct {
	n     int
	level float64
}

// turns are n values that take turns.
func turns(n int, a, b float64) []float64 {
	return lo.Times(n, func(i int) float64 { return lo.Ternary(i%2 == 0, a, b) })
}

func examples() map[string]example {
	steps := levels(7, 0.01, level{26, 100}, level{30, 104}, level{2, 110})
	steps[40] = 112 // one order far off
	return map[string]example{
		"steps": {
			title:  "58 orders with one percent of noise: four percent up at 26 is found; one order far off at 40 and two orders at the end are not",
			values: steps, tell: []int{40, 56}, found: []uint32{26},
		},
		"perfherder": {
			title:  "twelve orders that take turns at 9 and 11, then twelve at 19 and 21: an alert at 12",
			values: append(turns(12, 9, 11), turns(12, 19, 21)...), tell: []int{11, 13}, found: []uint32{12},
		},
		"otava": {
			title:  "thirty orders that take turns at 99 and 101, then thirty at 100 and 102: the levels overlap, and the cut is found at 31",
			values: append(turns(30, 99, 101), turns(30, 100, 102)...), tell: []int{30}, found: []uint32{31},
		},
		"stepfit": {
			title:  "ten orders at 10, then ten at 13: thirty percent are reached at place 10 alone",
			params: map[string]string{"statistic": "percent", "interesting": "30"},
			values: append(turns(10, 10, 10), turns(10, 13, 13)...), tell: []int{7, 9, 11}, found: []uint32{10},
		},
		"threshold": {
			title:  "a budget of 110 that two orders in a row must exceed: one order at 130 is no change, a level that stays at 115 is",
			params: map[string]string{"percent": "0", "upper": "110", "hold": "2"},
			values: append(append(turns(8, 100, 101), 130), append(turns(9, 101, 100), turns(8, 115, 116)...)...), tell: []int{8}, found: []uint32{18},
		},
	}
}

func TestPictures_WorkedSeries_AreWhatTheDetectorsSay(t *testing.T) {
	t.Parallel()
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e.detector = name
			same(t, name, e.draw(t))
		})
	}
}

// same compares a picture with the one in docs, or rewrites that.
func same(t *testing.T, name string, p pictures.Picture) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "docs", "pictures", "detector-"+name+".svg")
	if *update {
		if err := os.WriteFile(path, []byte(p.SVG()), 0o644); err != nil { //nolint:gosec // a picture for everybody
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), p.SVG()); diff != "" {
		t.Errorf("docs/pictures is not fresh, run make generate (-want +got):\n%s", diff)
	}
}

func (e example) draw(t *testing.T) pictures.Picture {
	t.Helper()
	judge, err := detect.Resolve(e.detector, "", e.params)
	if err != nil {
		t.Fatal(err)
	}
	var csv strings.Builder
	csv.WriteString("series,order,value\n")
	for i, v := range e.values {
		fmt.Fprintf(&csv, "s,%d,%v\n", i, v)
	}
	samples, err := detect.Load(t.Context(), testkit.Store(t), strings.NewReader(csv.String()))
	if err != nil {
		t.Fatal(err)
	}
	p := pictures.Picture{Title: e.detector + ": " + e.title, Samples: lo.Map(e.values, func(v float64, _ int) []float64 { return []float64{v} })}
	var found []uint32
	err = samples.Judge(context.WithoutCancel(t.Context()), judge, true, func(row detect.Placed) error {
		switch {
		case row.Finding():
			found = append(found, row.Place)
			p.Marks = append(p.Marks, pictures.Mark{
				Place: int(row.Place), Found: true, Before: row.Before, After: row.After, Text: fmt.Sprintf("%+.1f %% at %d", 100*row.Effect, row.Place),
			})
		case lo.Contains(e.tell, int(row.Place)):
			p.Marks = append(p.Marks, pictures.Mark{Place: int(row.Place), Text: stopped(row.Row)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e.found, found); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	return p
}

// stopped is the rule that stopped it, with its numbers.
func stopped(row detect.Row) string {
	for _, c := range row.Checks {
		if c.Name == row.StoppedBy && c.Threshold != 0 {
			return fmt.Sprintf("%d: stopped by %s (%.3g, threshold %.3g)", row.Place, c.Name, c.Value, c.Threshold)
		}
	}
	return fmt.Sprintf("%d: stopped by %s", row.Place, row.StoppedBy)
}
