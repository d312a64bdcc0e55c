package replayer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
	"tidemark/services/replayer"
)

// drawFindings gives what a detector may say about two machines with three tests at four orders.
func drawFindings(rng *rand.Rand, database string) []byte {
	c := event.Changes{Detector: pick(rng, event.DetectorLNT, "steps", "steps"), Version: 1, DataSeq: 8, Shadow: rng.IntN(6) == 0}
	for range 1 + rng.IntN(3) {
		order := uint32(2 + rng.IntN(3))
		f := event.Finding{
			MachineID: uint32(1 + rng.IntN(2)), TestID: uint32(1 + rng.IntN(3)), Metric: pick(rng, "execution_time", "code_size"),
			OrderID: order, PreviousOrderID: order - 1, Direction: event.Up, Kind: event.Regression,
			Before: 1, After: 2, Effect: 1, EffectLow: 0.5, EffectHigh: 1.25, Active: rng.IntN(5) > 0, Cause: pick(rng, "", "", event.CauseMachine),
		}
		f.ID = f.IDOf(database, "nts", event.DetectorKey(c.Detector, c.Shadow))
		if c.Detector != event.DetectorLNT && order == 4 && rng.IntN(2) == 0 { // it has moved there, if it is known
			f.OrderID = 3
			f.ID = f.IDOf(database, "nts", event.DetectorKey(c.Detector, c.Shadow))
			f.OrderID, f.Effect = 4, 5
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
	switch rng.IntN(14) {
	case 7:
		return event.RegressionTriaged, encoded(event.RegressionTriage{RegressionIDs: []uint32{first, first + 1}, Owner: &title, AddTags: []string{"b", "a"}, RemoveTags: []string{"c"}, Note: "ä \" \\"}.Encode())
	case 8:
		return event.ChangeIgnored, encoded(event.ChangeDismissal{ChangeIDs: []uint32{id()}, Restore: true, Note: "no"}.Encode())
	case 9, 10, 11, 12, 13:
		return drawRecord(rng)
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

// drawRecord gives what is set by hand: rules, subscriptions, baselines, deliveries, signals.
func drawRecord(rng *rand.Rand) (event.Type, []byte) {
	id := numbered("record", rng.IntN(3))
	switch rng.IntN(8) {
	case 0, 1:
		return event.DetectorConfigured, encoded(event.DetectorRule{
			Detector: pick(rng, "steps", "otava"), Mode: pick(rng, event.ModeActive, event.ModeShadow, event.ModeOff), Machine: pick(rng, "", "al*", "none"),
			Params: map[string]string{"t": "5", "a": "\u00e4"}, Remove: rng.IntN(3) == 0, Reason: "r",
		}.Encode())
	case 2:
		return event.SubscriptionSet, encoded(event.Subscription{
			ID: id, Name: "n", Channel: event.ChannelWebhook, Target: "https://example.org/?a=1&b=2", Kinds: []string{"regression"}, MinEffect: 0.015,
		}.Encode())
	case 3:
		return event.SubscriptionRemoved, encoded(event.SubscriptionRemoval{ID: id}.Encode())
	case 4:
		return event.BaselineSet, encoded(event.Baseline{Name: "release \u00e4", OrderID: uint32(1 + rng.IntN(4)), Comment: "<1>"}.Encode())
	case 5:
		return event.BaselineRemoved, encoded(event.BaselineRemoval{Name: "release \u00e4"}.Encode())
	case 6:
		return event.SignalChanged, encoded(event.Signals{Signals: []event.Signal{{
			MachineID: uint32(1 + rng.IntN(3)), Signal: event.SignalSilence, Open: rng.IntN(2) == 0, Since: received, Expected: 6, Seen: 7.25, Unit: "hours",
		}}}.Encode())
	default:
		return event.NotificationRecorded, encoded(event.Notifications{Deliveries: []event.Delivery{{
			ID: id, SubscriptionID: id, Status: pick(rng, event.DeliveryStarted, event.DeliveryStarted, event.DeliveryFailed, event.DeliveryDelivered),
			Attempt: uint16(1 + rng.IntN(2)), RegressionIDs: []uint32{1}, ToSeq: 9,
		}}}.Encode())
	}
}

// rowsSoFar are the rows of every event, as the history views have them.
type rowsSoFar struct {
	regressions map[uint32][]registry.RegressionRow
	last        uint64
}

func (h *rowsSoFar) keep(t event.Type, d registry.Decision) {
	for _, r := range d.Rows.Regressions {
		h.regressions[r.ID] = append(h.regressions[r.ID], r)
		if t != event.ChangeFound && t != event.ChangeIgnored {
			h.last = d.Seq
		}
	}
}

// undoing takes the last event back that people did to regressions.
func (h *rowsSoFar) undoing() event.RegressionRestoration {
	e := event.RegressionRestoration{Undoes: h.last, Reason: "wrong"}
	for _, id := range slices.Sorted(maps.Keys(h.regressions)) {
		rows := h.regressions[id]
		i := slices.IndexFunc(rows, func(r registry.RegressionRow) bool { return r.Seq == h.last })
		if i == 0 || i > 0 && rows[i-1].Deleted {
			e.Regressions = append(e.Regressions, registry.RegressionRow{ID: id, Deleted: true})
		} else if i > 0 {
			e.Regressions = append(e.Regressions, rows[i-1])
		}
	}
	return e
}

// drawImport gives one regression under a number far from the others.
func drawImport(rng *rand.Rand, database string) []byte {
	f := event.Finding{
		MachineID: 1, TestID: uint32(1 + rng.IntN(3)), Metric: "execution_time", OrderID: 2, PreviousOrderID: 1, Direction: event.Up, Kind: event.Regression,
		Before: 1, After: 2, Effect: 1, Active: true,
	}
	f.ID = f.IDOf(database, "nts", event.DetectorLNT)
	return encoded(event.RegressionImport{Regressions: []event.ImportedRegression{
		{ID: uint32(100 + rng.IntN(20)), Title: "moved in", Bug: "b", State: event.StateStaged, Findings: []event.Finding{f}},
	}}.Encode())
}

// regressionSeed gives histories in which every type of event is accepted at least once.
const regressionSeed = 3

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
	state, history := registry.New(database, "nts"), &rowsSoFar{regressions: map[uint32][]registry.RegressionRow{}}
	for _, e := range events {
		state.Decide(registry.Prepare(e))
	}
	for i := range 70 {
		e := operation{id: numbered(database, i), kind: event.ChangeFound, garbage: "x"}.envelope(database, "nts")
		e.Body = drawFindings(rng, database)
		switch {
		case i > 4 && rng.IntN(10) == 0 && history.last > 0:
			e.Type, e.Body = event.RegressionRestored, encoded(history.undoing().Encode())
		case i > 4 && rng.IntN(20) == 0:
			e.Type, e.Body = event.RegressionImported, drawImport(rng, database)
		case i > 4 && rng.IntN(4) > 0:
			e.Type, e.Body = drawTriage(rng)
		}
		history.keep(e.Type, state.Decide(registry.Prepare(e)))
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
		event.RegressionMerged, event.RegressionSplit, event.RegressionDeleted, event.RegressionRestored, event.RegressionImported,
		event.DetectorConfigured, event.SubscriptionSet, event.SubscriptionRemoved, event.NotificationRecorded, event.SignalChanged,
		event.BaselineSet, event.BaselineRemoved,
	} {
		if accepted[kind] == 0 {
			t.Errorf("no %s was accepted", kind)
		}
	}
	cfg := h.config()
	cfg.ChunkEvents = 16
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
