package replayer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
	"tidemark/services/replayer"
	"tidemark/sql"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var received = time.Date(2026, 2, 3, 6, 0, 0, 0, time.UTC)

// history is a live database that fills as the projector fills it.
type history struct {
	t       testing.TB
	cfg     store.Config
	live    *store.Store
	decider *testkit.Decider
	offset  int64
}

func newHistory(t testing.TB) *history {
	t.Helper()
	cfg := testkit.Migrated(t)
	h := &history{t: t, cfg: cfg, live: testkit.Open(t, cfg), decider: testkit.NewDecider()}
	t.Cleanup(func() {
		// The test's context has ended by now.
		for _, other := range []string{h.into(), cfg.Database + "_verify"} {
			_ = h.live.Exec(context.Background(), "DROP DATABASE IF EXISTS "+other+" SYNC", nil)
		}
	})
	return h
}

func (h *history) into() string { return h.cfg.Database + "_replay" }

// keep decides events and stores them with one insert; it gives their statuses.
func (h *history) keep(events ...event.Envelope) []event.Status {
	h.t.Helper()
	rows := make([]store.LedgerRow, 0, len(events))
	statuses := make([]event.Status, 0, len(events))
	for _, e := range events {
		row, d := h.decider.Decide(h.t, store.LogPosition{Topic: event.TopicEvents, Offset: h.offset}, received.Add(time.Duration(h.offset)*time.Second), e)
		h.offset++
		rows, statuses = append(rows, row), append(statuses, d.Status)
	}
	if err := h.live.InsertLedger(h.t.Context(), rows); err != nil {
		h.t.Fatal(err)
	}
	return statuses
}

func (h *history) config() replayer.Config {
	c := replayer.DefaultConfig()
	c.Source, c.Into = h.cfg.Database, h.into()
	return c
}

func deps(cfg store.Config) replayer.Deps {
	return replayer.Deps{Store: cfg, Logger: testkit.Logger()}
}

// open opens a replayer; change may be nil.
func (h *history) open(cfg replayer.Config, change func(*replayer.Deps)) *replayer.Replayer {
	h.t.Helper()
	d := deps(h.cfg)
	if change != nil {
		change(&d)
	}
	r, err := replayer.New(cfg, d)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := r.Open(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = r.Close() })
	return r
}

// replay runs to the end.
func (h *history) replay(cfg replayer.Config) replayer.Summary {
	h.t.Helper()
	s, err := h.open(cfg, nil).Run(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// wantEqual compares the two databases.
func (h *history) wantEqual(cfg replayer.Config) {
	h.t.Helper()
	c, err := h.open(cfg, nil).Compare(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	if len(c.Tables) < 11 {
		h.t.Errorf("only %d tables were compared", len(c.Tables))
	}
	for _, table := range c.Tables {
		for _, s := range table.Suites {
			h.t.Errorf("%s of %s/%s: %d and %d rows; %s", table.Table, s.Database, s.Suite, s.LiveRows, s.OtherRows,
				s.First.Text(cfg.Source, cfg.Into))
		}
	}
}

// exec changes a database behind everybody's back.
func (h *history) exec(text string) {
	h.t.Helper()
	if err := h.live.Exec(h.t.Context(), text+" SETTINGS mutations_sync = 1, async_insert = 0", nil); err != nil {
		h.t.Fatal(err)
	}
}

// lines asks for one column of text.
func lines(t testing.TB, s *store.Store, text string) []string {
	t.Helper()
	type row struct {
		Line string `ch:"line"`
	}
	rows, err := store.Select[row](t.Context(), s, sql.File{Name: t.Name(), Text: text}, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.Line
	}
	return out
}

func numbered(parts ...any) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, parts...))
}
