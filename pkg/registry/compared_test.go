package registry_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
)

// The rules themselves are checked against the model of model_test.go, whose worlds are small.

func TestCompared_LongHistory_GoesTenOrdersBackAndToTheFirst(t *testing.T) {
	t.Parallel()
	l := setup(t)
	for order := range 30 {
		l.accept(run("m", fmt.Sprint(order)))
	}
	got := l.accept(run("m", "25").merge("append")).Compared
	want := event.Compared{Run: l.state.Seq(), Previous: seqOf(l, 24)}
	for order := 24; order >= 15; order-- {
		want.Beside = append(want.Beside, seqOf(l, order))
	}
	want.Beside = append(want.Beside, seqOf(l, 0))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// seqOf is the position of the first of the runs above, by its order: they came one after the other.
func seqOf(l *log, order int) uint64 {
	return l.state.Snapshot().Runs[order].Seq
}

func TestCompared_ManyRunsOfAnOrder_AreNotAllListed(t *testing.T) {
	t.Parallel()
	l := setup(t)
	for range 100 {
		l.accept(run("m", "1").merge("append"))
	}
	got := l.accept(run("m", "2")).Compared
	if len(got.Beside) != registry.ComparedRuns-1 || got.Previous != got.Beside[0] || !slices.IsSorted(got.Beside) {
		t.Errorf("%d beside, compared with %d, %v", len(got.Beside), got.Previous, got.Beside)
	}
}
