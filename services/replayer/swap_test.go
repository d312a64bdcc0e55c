package replayer_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"tidemark/services/replayer"
)

// damage makes the live tables differ from what the ledger says.
func (h *history) damage() {
	h.t.Helper()
	for _, change := range []string{".samples UPDATE value = 7 WHERE 1", ".machines DELETE WHERE machine_id = 1", ".tests UPDATE name = 'x' WHERE 1"} {
		h.exec("ALTER TABLE " + h.cfg.Database + change)
	}
}

// wantHealthy verifies the live tables with a replay of their own.
func (h *history) wantHealthy() {
	h.t.Helper()
	cfg := h.config()
	cfg.Into = h.cfg.Database + "_verify"
	if s := h.replay(cfg); s.Differences != 0 {
		h.t.Errorf("summary %+v", s)
	}
	h.wantEqual(cfg)
	if err := h.open(cfg, nil).Drop(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func TestSwap_DamagedTables_AreRepairedAndGoOnToBeFilled(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	all := draw(0).events
	h.keep(all[:12]...)
	h.damage()
	cfg := h.config()
	h.replay(cfg)
	r := h.open(cfg, nil)
	swapped, err := r.Swap(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(swapped.Tables, "ledger") || slices.Contains(swapped.Tables, "job_runs") || len(swapped.Tables) < 10 || swapped.Old != h.into() {
		t.Errorf("swapped %+v", swapped)
	}
	h.keep(all[12:]...)
	h.wantHealthy()
	if n := lines(t, h.live, "SELECT toString(count()) AS line FROM "+h.into()+".samples WHERE value = 7"); n[0] == "0" {
		t.Error("the damaged tables are not in the other database")
	}
	if _, err := r.Run(t.Context()); err == nil {
		t.Error("the old tables were taken for a replay's")
	}
	if err := h.open(cfg, nil).Drop(t.Context()); err != nil {
		t.Error(err)
	}
	h.wantHealthy()
}

func TestSwap_DecisionsDiffer_OnlyWithTheLedger(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	all := draw(0).events
	h.keep(all[:12]...)
	h.exec("ALTER TABLE " + h.cfg.Database + ".ledger UPDATE error = 'as it was said once' WHERE status = 'rejected'")
	cfg := h.config()
	if s := h.replay(cfg); s.Differences == 0 {
		t.Fatal("no decision differs")
	}
	if _, err := h.open(cfg, nil).Swap(t.Context(), false); !errors.Is(err, replayer.ErrLedgerDiffers) {
		t.Errorf("without the ledger: %v", err)
	}
	swapped, err := h.open(cfg, nil).Swap(t.Context(), true)
	if err != nil || !slices.Contains(swapped.Tables, "ledger") {
		t.Fatalf("with the ledger: %+v, %v", swapped, err)
	}
	h.keep(all[12:]...)
	h.wantHealthy()
}

func TestSwap_NotAtTheEnd_Refuses(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	all := draw(0).events
	h.keep(all[:9]...)
	cfg := h.config()
	h.replay(cfg)
	h.keep(all[9:]...)
	if _, err := h.open(cfg, nil).Swap(t.Context(), false); !errors.Is(err, replayer.ErrMoved) {
		t.Errorf("%v", err)
	}
}

// cutter ends a context after some tables were swapped.
type cutter struct {
	slog.Handler
	left *int
	cut  context.CancelFunc
}

func (c cutter) Enabled(context.Context, slog.Level) bool { return true }

func (c cutter) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "table swapped" {
		if *c.left--; *c.left == 0 {
			c.cut()
		}
	}
	return nil
}

func TestSwap_CutOffAfterEveryTable_GoesOnAndNeverSwapsBack(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.some(0, 1)
	h.damage()
	cfg := h.config()
	h.replay(cfg)
	for cuts := 0; ; cuts++ {
		ctx, cut := context.WithCancel(t.Context())
		left := 1
		r := h.open(cfg, func(d *replayer.Deps) {
			d.Logger = slog.New(cutter{Handler: slog.DiscardHandler, left: &left, cut: cut})
		})
		_, err := r.Swap(ctx, false)
		cut()
		if err == nil {
			if cuts < 9 {
				t.Errorf("cut off only %d times", cuts)
			}
			break
		}
		if cutOff, asked := r.SwapCutOff(t.Context()); asked != nil || !cutOff {
			t.Fatalf("after %d cuts: %v, %v; the swap said %v", cuts, cutOff, asked, err)
		}
		if _, err := r.Run(t.Context()); !errors.Is(err, replayer.ErrSwapCutOff) {
			t.Fatalf("a replay ran into a swap: %v", err)
		}
	}
	h.wantHealthy()
}
