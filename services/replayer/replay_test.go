package replayer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tidemark/pkg/event"
	"tidemark/services/replayer"
)

// some fills a history with a few sequences, and gives the number of their events.
func (h *history) some(from, to int) (events uint64) {
	h.t.Helper()
	var all []event.Envelope
	for n := from; n < to; n++ {
		all = append(all, draw(n).events...)
	}
	h.keep(all...)
	return uint64(len(all))
}

func TestReplay_CutOffAtEveryChunkBoundary_GoesOnAndEndsEqual(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	events := h.some(0, 4)
	cfg := h.config()
	cfg.ChunkEvents, cfg.Suites = 7, 1
	var replayed uint64
	for runs := 1; ; runs++ {
		ctx, cut := context.WithCancel(t.Context())
		r := h.open(cfg, func(d *replayer.Deps) { d.Progress = func(replayer.Progress) { cut() } })
		s, err := r.Run(ctx)
		cut()
		replayed += s.Events
		if err == nil {
			if runs < 8 {
				t.Errorf("cut off only %d times", runs-1)
			}
			break
		}
		if !errors.Is(err, context.Canceled) || s.Events == 0 {
			t.Fatalf("run %d stored %d events: %v", runs, s.Events, err)
		}
	}
	if replayed != events {
		t.Errorf("%d events were replayed, want each of the %d once", replayed, events)
	}
	h.wantEqual(cfg)
}

// An insert that was cut off may have filled the ledger and some of the tables.
func TestReplay_CutOffInsideAnInsert_CompletesTheTablesFirst(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.some(0, 3)
	cfg := h.config()
	h.replay(cfg)
	for _, change := range []string{
		"ALTER TABLE %s.replay_progress DELETE WHERE 1",
		"INSERT INTO %s.replay_progress SELECT DISTINCT database, suite, 4, 0 FROM %[1]s.ledger",
		"ALTER TABLE %s.ledger DELETE WHERE seq > 11",
		"ALTER TABLE %s.runs DELETE WHERE seq > 4", "ALTER TABLE %s.machines DELETE WHERE seq > 4", "ALTER TABLE %s.orders DELETE WHERE seq > 4",
		"ALTER TABLE %s.superseded DELETE WHERE seq > 4", "ALTER TABLE %s.samples DELETE WHERE load_id > 2",
		"ALTER TABLE %s.tests DELETE WHERE (database, suite, test_id) NOT IN (SELECT database, suite, arrayJoin(test_row_id) FROM %[1]s.ledger WHERE seq < 5)",
	} {
		if strings.HasPrefix(change, "INSERT") {
			if err := h.live.Exec(t.Context(), fmt.Sprintf(change, h.into()), nil); err != nil {
				t.Fatal(err)
			}
			continue
		}
		h.exec(fmt.Sprintf(change, h.into()))
	}
	// Texts of the events that are gone are still there; they would be there twice if they were not keyed.
	if s := h.replay(cfg); s.Resumed != 12 || s.Differences != 0 {
		t.Errorf("summary %+v", s)
	}
	h.wantEqual(cfg)
}

func TestReplay_MoreEventsLater_GoesOnFromTheTables(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	all := draw(0).events
	h.keep(all[:9]...)
	cfg := h.config()
	h.replay(cfg)
	if _, err := h.open(cfg, nil).Compare(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.keep(all[9:]...)
	if _, err := h.open(cfg, nil).Compare(t.Context()); !errors.Is(err, replayer.ErrMoved) {
		t.Errorf("compared with tables that lack events: %v", err)
	}
	if s := h.replay(cfg); s.Resumed != 9 || s.Events != uint64(len(all)-9) {
		t.Errorf("summary %+v", s)
	}
	h.wantEqual(cfg)
}

func TestReplay_DecidedOtherwiseThanStored_IsReported(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.some(0, 2)
	h.exec("ALTER TABLE " + h.cfg.Database + ".ledger UPDATE error = 'as it was said once', code = 418 WHERE suite = 'nts' AND status = 'rejected'")
	stored := lines(t, h.live, "SELECT toString(seq) AS line FROM v_ledger WHERE status = 'rejected' AND suite = 'nts' ORDER BY database, suite, seq")
	if len(stored) < 2 {
		t.Fatalf("only %d refusals", len(stored))
	}
	cfg := h.config()
	cfg.Strict = true
	s, err := h.open(cfg, nil).Run(t.Context())
	if !errors.Is(err, replayer.ErrDiffers) || !strings.Contains(err.Error(), "as it was said once") {
		t.Errorf("strict: %+v, %v", s, err)
	}
	if _, err = h.open(cfg, nil).Run(t.Context()); !errors.Is(err, replayer.ErrDiffers) {
		t.Errorf("strict again: %v", err)
	}
	cfg.Strict = false
	h.replay(cfg)
	if err := h.open(cfg, nil).Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = h.replay(cfg)
	if int(s.Differences) != len(stored) || len(s.Shown) != min(len(stored), cfg.Shown) {
		t.Fatalf("%d differences, %d shown, want %d", s.Differences, len(s.Shown), len(stored))
	}
	first := s.Shown[0]
	var columns []string
	for _, c := range first.Columns {
		columns = append(columns, c.Column)
	}
	if fmt.Sprint(first.Seq) != stored[0] || first.Suite != "nts" || strings.Join(columns, " ") != "code error" || first.Columns[1].Live != "as it was said once" {
		t.Errorf("first difference: %s", first)
	}
}

func TestReplay_AsDecided_KeepsDecisionsThatWouldDiffer(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.some(0, 3)
	h.exec("ALTER TABLE " + h.cfg.Database + ".ledger UPDATE error = 'as it was said once' WHERE status = 'rejected'")
	cfg := h.config()
	cfg.AsDecided, cfg.ChunkEvents = true, 5
	if s := h.replay(cfg); s.Differences != 0 {
		t.Errorf("summary %+v", s)
	}
	h.wantEqual(cfg)
}

func TestReplay_EventMissingFromTheLedger_RefusesAndNamesIt(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.some(0, 1)
	h.exec("ALTER TABLE " + h.cfg.Database + ".ledger DELETE WHERE seq = 5")
	_, err := h.open(h.config(), nil).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "event 5 of db0/nts is missing from the ledger") {
		t.Errorf("%v", err)
	}
}

func TestReplay_AnotherHistoryInTheDatabase_Refuses(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.some(0, 1)
	cfg := h.config()
	h.replay(cfg)
	h.exec("ALTER TABLE " + h.cfg.Database + ".ledger UPDATE event_id = generateUUIDv4() WHERE 1")
	if _, err := h.open(cfg, nil).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "replay --drop --into "+h.into()) {
		t.Errorf("%v", err)
	}
}

func TestReplay_DatabaseOfSomebodyElse_IsNeitherFilledNorDropped(t *testing.T) {
	t.Parallel()
	h, other := newHistory(t), newHistory(t)
	h.some(0, 1)
	other.some(0, 1)
	cfg := h.config()
	cfg.Into = other.cfg.Database
	r := h.open(cfg, nil)
	if _, err := r.Run(t.Context()); !errors.Is(err, replayer.ErrForeign) {
		t.Errorf("filled: %v", err)
	}
	if err := r.Drop(t.Context()); !errors.Is(err, replayer.ErrForeign) {
		t.Errorf("dropped: %v", err)
	}
	if n := lines(t, other.live, "SELECT toString(count()) AS line FROM v_ledger"); n[0] == "0" {
		t.Error("the other database is empty")
	}
}

func TestPlan_ChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	events := h.some(0, 1)
	plan, err := h.open(h.config(), nil).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := replayer.SuitePlan{Database: "db0", Suite: "nts", Events: events}
	if len(plan.Suites) != 1 || plan.Suites[0] != want || plan.Bytes == 0 {
		t.Errorf("plan %+v, want %+v", plan, want)
	}
	if n := lines(t, h.live, "SELECT name AS line FROM system.databases WHERE name = '"+h.into()+"'"); len(n) != 0 {
		t.Error("the database was made")
	}
}

func TestConfig_EveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	err := replayer.Config{Source: "a", Into: "a", ChunkEvents: -1, Shown: -1}.Validate()
	for _, want := range []string{"replay.into: a is the live database", "replay.suites", "replay.chunk_events", "replay.chunk_bytes", "replay.chunk_samples", "replay.shown"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	bad := replayer.DefaultConfig()
	bad.Into = "x; DROP DATABASE tidemark"
	if err := bad.Validate(); err == nil {
		t.Error("a name with a statement in it is allowed")
	}
	if err := replayer.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}
