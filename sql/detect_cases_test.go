package sql_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/samber/lo"
	"golang.org/x/tools/txtar"

	"tidemark/pkg/detect"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

// place is one row of points.
type place struct {
	series int
	place  int
	values []float64
}

// TestDetectorCases_HoweverPointsAreDelivered_AnswersStay runs every file of testdata/detect. A file says why it is
// there and holds its series in series.txt, a line "name: tokens" each, "name+:" when more is better. A token is a place: its value, its samples
// with commas (1,2), or - for an order without the series; token*12 stands for twelve, and 9/11*12 takes turns. NAME.detector
// is a detector with parameters line by line, "preset=…" and "explain=1" among them, NAME.tsv its answer.
// It must be the same when the points come as written, backwards and shuffled among those of other series.
func TestDetectorCases_HoweverPointsAreDelivered_AnswersStay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/detect/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	s := testkit.Store(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(archive.Comment), "why: ") {
				t.Error("the case does not begin with its why")
			}
			answers := askDetectors(t, s, archive)
			for name, got := range answers {
				if *update {
					setFile(archive, name, got)
				}
				i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == name })
				if i < 0 || !bytes.Equal(got, archive.Files[i].Data) {
					t.Errorf("%s\ngot:\n%s", name, got)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil { //nolint:gosec // test data is for everyone
					t.Fatal(err)
				}
			}
		})
	}
}

// askDetectors answers every question of a case, and holds other deliveries to the answers.
func askDetectors(t *testing.T, s *store.Store, archive *txtar.Archive) map[string][]byte {
	t.Helper()
	var names []string
	var bigger []bool
	var points []place
	answers := map[string][]byte{}
	for _, f := range archive.Files {
		switch name, kind, _ := strings.Cut(f.Name, "."); {
		case f.Name == "series.txt":
			names, bigger, points = readSeries(t, string(f.Data))
		case kind == "detector":
			if len(points) == 0 {
				t.Fatal("series.txt must come first")
			}
			answer := askDetector(t, s, f.Data, names, bigger, points)
			answers[name+".tsv"] = answer
			backwards := slices.Clone(points)
			slices.Reverse(backwards)
			if other := askDetector(t, s, f.Data, names, bigger, backwards); !bytes.Equal(other, answer) {
				t.Errorf("%s, delivered backwards\ngot:\n%s\nbut:\n%s", f.Name, other, answer)
			}
			if other := askDetector(t, s, f.Data, names, bigger, amongOthers(points, len(names))); !bytes.Equal(other, answer) {
				t.Errorf("%s, shuffled among others\ngot:\n%s\nbut:\n%s", f.Name, other, answer)
			}
		}
	}
	if len(answers) == 0 {
		t.Fatal("the case asks nothing")
	}
	return answers
}

// amongOthers adds series that nobody asks for, moved by a step of their own, and shuffles.
func amongOthers(points []place, series int) []place {
	out := slices.Clone(points)
	for _, p := range points {
		p.series += series
		p.values = lo.Map(p.values, func(v float64, _ int) float64 { return 3*v + 1 + float64(p.place/7) })
		out = append(out, p)
	}
	r := rand.New(rand.NewPCG(uint64(len(points)), 7)) //nolint:gosec // reproducible by design
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func askDetector(t *testing.T, s *store.Store, question []byte, names []string, bigger []bool, points []place) []byte {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(question)), "\n")
	overrides := map[string]string{}
	for _, line := range lines[1:] {
		key, value, _ := strings.Cut(line, "=")
		overrides[key] = value
	}
	preset, explain := overrides["preset"], overrides["explain"] == "1"
	delete(overrides, "preset")
	delete(overrides, "explain")
	d, err := detect.Resolve(lines[0], preset, overrides)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	out.WriteString("series\tplace\tdirection\tkind\tbefore\tafter\teffect\tstatistic\tp_value\tstopped_by\n")
	err = detect.Run(t.Context(), s, d, pointsIn(t, s, points, bigger), explain, func(r detect.Row) error {
		if int(r.Series) <= len(names) { //nolint:gosec // a small number
			fmt.Fprintf(&out, "%s\t%d\t%s\t%s\t%.6g\t%.6g\t%.6g\t%.6g\t%.4g\t%s\n",
				names[r.Series-1], r.Place, r.Direction, r.Kind, r.Before, r.After, r.Effect, r.Statistic, r.PValue, r.StoppedBy)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var pointTables atomic.Int64

// pointsIn stores the points, in their order, in a table of their own; series are numbered from 1.
func pointsIn(t *testing.T, s *store.Store, points []place, bigger []bool) detect.Source {
	t.Helper()
	table := fmt.Sprintf("points_%d", pointTables.Add(1))
	if err := s.Exec(t.Context(), "CREATE TABLE "+table+" (series UInt64, place UInt32, values Array(Float64), bigger UInt8) ENGINE = Memory", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.InsertColumns(t.Context(), table,
		store.Column{Name: "series", Values: lo.Map(points, func(p place, _ int) uint64 { return uint64(p.series) })}, //nolint:gosec // small numbers
		store.Column{Name: "place", Values: lo.Map(points, func(p place, _ int) uint32 { return uint32(p.place) })},   //nolint:gosec // small numbers
		store.Column{Name: "values", Values: lo.Map(points, func(p place, _ int) []float64 { return p.values })},
		store.Column{Name: "bigger", Values: lo.Map(points, func(p place, _ int) uint8 {
			return lo.Ternary[uint8](bigger[(p.series-1)%len(bigger)], 1, 0)
		})},
	); err != nil {
		t.Fatal(err)
	}
	return detect.Source{SQL: "SELECT series, place, arrayReduce('median', values)::Float64 AS level, values, bigger FROM " + table}
}

// readSeries reads "name: token token …" line by line.
func readSeries(t *testing.T, text string) (names []string, bigger []bool, points []place) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		name, tokens, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("no series: %s", line)
		}
		at := 0
		for _, token := range strings.Fields(tokens) {
			base, times, repeated := strings.Cut(token, "*")
			n := 1
			if repeated {
				n, _ = strconv.Atoi(times)
			}
			turns := strings.Split(base, "/")
			for i := range n {
				if turn := turns[i%len(turns)]; turn != "-" {
					points = append(points, place{series: len(names) + 1, place: at, values: readValues(t, turn)})
					at++
				}
			}
		}
		name, more := strings.CutSuffix(name, "+")
		names, bigger = append(names, name), append(bigger, more)
	}
	return names, bigger, points
}

func readValues(t *testing.T, text string) []float64 {
	t.Helper()
	return lo.Map(strings.Split(text, ","), func(s string, _ int) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	})
}
