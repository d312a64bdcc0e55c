package lifecycle_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/pkg/lifecycle"
)

type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) component(name string) lifecycle.Component {
	return lifecycle.Component{
		Name: name,
		Open: func(context.Context) error { j.add("open " + name); return nil },
		Run: func(ctx context.Context) error {
			<-ctx.Done()
			j.add("drain " + name)
			return nil
		},
		Close: func() error { j.add("close " + name); return nil },
	}
}

var quiet = slog.New(slog.DiscardHandler)

func TestRun_StopsInReverseOrder_EachDrainedBeforeTheOneItLeansOn(t *testing.T) {
	t.Parallel()
	var j journal
	ctx, cancel := context.WithCancel(t.Context())
	err := lifecycle.Run(ctx, quiet, time.Second, []lifecycle.Component{j.component("a"), j.component("b")}, cancel)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"open a", "open b", "drain b", "close b", "drain a", "close a"}
	if !slices.Equal(j.lines, want) {
		t.Errorf("got %q, want %q", j.lines, want)
	}
}

func TestRun_OneFailsToOpen_TheOpenedOnesAreClosedAndTheFailureNamed(t *testing.T) {
	t.Parallel()
	var j journal
	bad := lifecycle.Component{Name: "bad", Open: func(context.Context) error { return errors.New("no disk") }}
	err := lifecycle.Run(t.Context(), quiet, time.Second, []lifecycle.Component{j.component("a"), bad, j.component("c")}, func() { t.Error("never ready") })
	if err == nil || !strings.Contains(err.Error(), "start bad: no disk") {
		t.Fatalf("got error %v", err)
	}
	if want := []string{"open a", "drain a", "close a"}; !slices.Equal(j.lines, want) {
		t.Errorf("got %q, want %q", j.lines, want)
	}
}

func TestRun_OneEndsUnasked_AllStopAndItIsNamed(t *testing.T) {
	t.Parallel()
	var j journal
	short := lifecycle.Component{Name: "short", Run: func(context.Context) error { return nil }}
	err := lifecycle.Run(t.Context(), quiet, time.Second, []lifecycle.Component{j.component("a"), short}, func() {})
	if err == nil || !strings.Contains(err.Error(), "short: ended unasked") {
		t.Fatalf("got error %v", err)
	}
	if !slices.Contains(j.lines, "close a") {
		t.Errorf("a was not closed: %q", j.lines)
	}
}

func TestRun_OneNeverEnds_ItIsNamedAfterTheGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		stuck := lifecycle.Component{Name: "stuck", Run: func(context.Context) error { <-hold; return nil }}
		ctx, cancel := context.WithCancel(t.Context())
		err := lifecycle.Run(ctx, quiet, time.Minute, []lifecycle.Component{stuck}, cancel)
		close(hold)
		if err == nil || !strings.Contains(err.Error(), "stop stuck: still busy after 1m0s") {
			t.Fatalf("got error %v", err)
		}
	})
}
