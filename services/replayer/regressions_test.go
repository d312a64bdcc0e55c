package replayer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"tidemark/pkg/event"
	"tidemark/services/replayer"
)

// drawFindings gives what a detector may say about two machines with three tests at four orders.
func drawFindings(rng *rand.Rand, database string) []byte {
	c := event.Changes{Detector: pick(rng, event.DetectorLNT, event.DetectorLNT, "steps"), Version: 1, DataSeq: 8}
	for range 1 + rng.IntN(3) {
		order := uint32(2 + rng.IntN(3))
		f := event.Finding{
			MachineID: uint32(1 + rng.IntN(2)), TestID: uint32(1 + rng.IntN(3)), Metric: pick(rng, "execution_time", "code_size"),
			OrderID: order, PreviousOrderID: order - 1, Direction: event.Up, Kind: event.Regression,
			Before: 1, After: 2, Effect: 1, Active: rng.IntN(5) > 0,
		}
		f.ID = event.FindingID(database, "nts", f.MachineID, f.TestID, f.Metric, f.OrderID, f.Direction, c.Detector)
		if c.Detector == event.DetectorLNT {
			f.ID = event.SpanID(database, "nts", f.MachineID, f.TestID, f.Metric, f.PreviousOrderID, f.OrderID)
		}
		c.Findings = append(c.Findings, f)
	}
	return encoded(c.Encode())
}

func encoded(body []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return body
}

func drawTriage(rng *rand.Rand) (event.Type, []byte) {
	id := func() uint32 { return uint32(1 + rng.IntN(4)) }
	first := id()
	title, state := pick(rng, "slow", "slower"), pick(rng, event.States()...)
	switch rng.IntN(7) {
	case 0:
		return event.RegressionOpened, encoded(event.RegressionOpening{ChangeIDs: []uint32{id()}, Title: title, State: state}.Encode())
	case 1:
		return event.RegressionExtended, encoded(event.RegressionExtension{RegressionID: id(), ChangeIDs: []uint32{id()}}.Encode())
	case 2:
		return event.RegressionTriaged, encoded(event.RegressionTriage{RegressionID: id(), Title: &title, State: &state}.Encode())
	case 3:
		return event.RegressionMerged, encoded(event.RegressionMerge{RegressionIDs: []uint32{first, first + 1}}.Encode())
	case 4:
		return event.RegressionSplit, encoded(event.RegressionSplitting{RegressionID: id(), ChangeIDs: []uint32{id()}}.Encode())
	case 5:
		return event.RegressionDeleted, encoded(event.RegressionDeletion{RegressionIDs: []uint32{id()}}.Encode())
	default:
		return event.ChangeIgnored, encoded(event.ChangeDismissal{ChangeIDs: []uint32{id()}}.Encode())
	}
}

// regressionSeed gives histories in which every type of event is accepted at least once.
const regressionSeed = 46

// drawTriaged gives eight runs, then what a detector and people make of them.
func drawTriaged(rng *rand.Rand, database string) []event.Envelope {
	var events []event.Envelope
	for order := range 4 {
		for _, m := range []string{"alpha", "beta"} {
			r := &report{machine: m, order: fmt.Sprint(order)}
			for test := range 3 {
				for _, metric := range []string{"execution_time", "code_size"} {
					r.tests = append(r.tests, entry{name: fmt.Sprintf("test%d", test), metric: metric, values: []float64{1}})
				}
			}
			o := operation{id: numbered(database, m, order), kind: event.RunSubmitted, report: r}
			events = append(events, o.envelope(database, "nts"))
		}
	}
	for i := range 45 {
		e := operation{id: numbered(database, i), kind: event.ChangeFound, garbage: "x"}.envelope(database, "nts")
		e.Body = drawFindings(rng, database)
		if i > 4 && rng.IntN(4) > 0 {
			e.Type, e.Body = drawTriage(rng)
		}
		events = append(events, e)
	}
	return events
}

// What people did to regressions is history as well: rebuilt with the state loaded from the tables again and again.
func TestReplay_FindingsAndRegressions_CutOffEverywhere_EndEqual(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	accepted := map[event.Type]int{}
	for i, database := range []string{"db0", "db1"} {
		events := drawTriaged(rand.New(rand.NewPCG(uint64(i), regressionSeed)), database)
		for i, status := range h.keep(events...) {
			if status == event.Accepted {
				accepted[events[i].Type]++
			}
		}
	}
	for _, kind := range []event.Type{
		event.ChangeFound, event.ChangeIgnored, event.RegressionOpened, event.RegressionExtended, event.RegressionTriaged,
		event.RegressionMerged, event.RegressionSplit, event.RegressionDeleted,
	} {
		if accepted[kind] == 0 {
			t.Errorf("no %s was accepted", kind)
		}
	}
	cfg := h.config()
	cfg.ChunkEvents = 8
	for {
		ctx, cut := context.WithCancel(t.Context())
		_, err := h.open(cfg, func(d *replayer.Deps) { d.Progress = func(replayer.Progress) { cut() } }).Run(ctx)
		cut()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if s := h.replay(cfg); s.Differences != 0 {
		t.Errorf("summary %+v", s)
	}
	h.wantEqual(cfg)
}
