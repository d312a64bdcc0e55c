package pictures_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/services/detector"
	"tidemark/services/tidemark/pictures"
	"tidemark/sql"
)

// tables are the log and the projector in one: events are decided and stored as they come.
type tables struct {
	t       testing.TB
	store   *store.Store
	decider *testkit.Decider
	offset  int64
}

func (l *tables) Append(ctx context.Context, events ...event.Envelope) error {
	rows := lo.Map(events, func(e event.Envelope, _ int) store.LedgerRow {
		l.offset++
		row, d := l.decider.Decide(l.t, store.LogPosition{Topic: event.TopicEvents, Offset: l.offset}, e.ReceivedAt, e)
		if d.Status != event.Accepted {
			l.t.Errorf("%s: %s", e.Type, d.Error)
		}
		return row
	})
	return l.store.InsertLedger(ctx, rows)
}

// submit stores a run of one value at an order.
func (l *tables) submit(order int, value float64) {
	l.t.Helper()
	at := time.Date(2026, 2, 3, 0, order, 0, 0, time.UTC)
	err := l.Append(l.t.Context(), event.Envelope{
		ID: event.IDFromKey("default", "nts", strconv.Itoa(order)), Type: event.RunSubmitted, Version: 1, Database: "default", Suite: "nts", ReceivedAt: at,
		Body: lo.Must(json.Marshal(map[string]any{
			"format_version": "2", "machine": map[string]any{"name": "m"},
			"run":   map[string]any{"llvm_project_revision": strconv.Itoa(order), "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
			"tests": []map[string]any{{"name": "t", "execution_time": value}},
		})),
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// Each run is judged as of when it came.
func TestPictures_LNTsRules_AreWhatTheDetectorSays(t *testing.T) {
	t.Parallel()
	l := &tables{t: t, store: testkit.Store(t), decider: testkit.NewDecider()}
	cfg := detector.DefaultConfig()
	cfg.StepsIn, cfg.LNT.In = nil, detector.Suites{"default/nts"}
	d, err := detector.New(cfg, detector.Deps{
		Store: l.store, Log: l, Clock: time.Now, Logger: testkit.Logger(), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	values := levels(11, 0.004, level{14, 10}, level{8, 10.6})
	values[6] = 11 // one run far off
	for i, v := range values {
		l.submit(i+1, v)
	}
	for slot := range 3 { // the first may end at its budget
		if err := d.Slot(t.Context(), time.Date(2026, 2, 3, 1, slot, 0, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
	}
	type row struct {
		Order  string  `ch:"order_name"`
		Before float64 `ch:"before"`
		After  float64 `ch:"after"`
	}
	rows, err := store.Select[row](t.Context(), l.store, sql.File{Name: "test", Text: "SELECT order_name, before, after FROM v_findings WHERE detector = 'lnt' ORDER BY sort_key"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := pictures.Picture{
		Title:   "lnt: one run far off at 6 is told; six percent up at 14 is told as an improvement, as the nearest earlier value is the one far off",
		Single:  true,
		Samples: lo.Map(values, func(v float64, _ int) []float64 { return []float64{v} }),
	}
	var found []int
	for _, r := range rows {
		place := lo.Must(strconv.Atoi(r.Order)) - 1
		found = append(found, place)
		p.Marks = append(p.Marks, pictures.Mark{
			Place: place, Found: true, Before: r.Before, After: r.After, Text: fmt.Sprintf("%+.1f %% at %d", 100*(r.After/r.Before-1), place),
		})
	}
	if diff := cmp.Diff([]int{6, 14, 15}, found); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	same(t, "lnt", p)
}
