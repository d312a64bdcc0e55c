package detector

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

const (
	// keptDetected is how many regressions LNT leaves in state Detected.
	keptDetected = 50
	// fixedSuffix is what LNT adds to the title of one that it takes for fixed.
	fixedSuffix = " [Detected Fixed]"
)

// lookedAt is a row of lnt_fixed: a regression that is detected, staged or active.
type lookedAt struct {
	ID            uint32 `ch:"regression_id"`
	Title         string `ch:"title"`
	State         uint8  `ch:"state"`
	NewestOrderID uint32 `ch:"newest_order_id"`
	IsConcerned   uint8  `ch:"is_concerned"`
	IsFixed       uint8  `ch:"is_fixed"`
}

// evolve does what LNT does to regressions after each run: beyond fifty detected ones the oldest are ignored, and those that the
// run's machine is part of and that seem to be fixed are ignored, or are to be verified if somebody works on them.
func (s *lntSuite) evolve(ctx context.Context, w window) error {
	bigger := lo.FilterMap(s.metrics, func(m suite.Metric, _ int) (string, bool) { return m.Name, m.BiggerIsBetter })
	rows, err := store.Select[lookedAt](ctx, s.deps.Store, sqlFixed, store.Params{
		"database": s.Database, "suite": s.Suite, "seq": w.Seq, "machine_id": w.MachineID, "revision_field": s.revision, "bigger_is_better": bigger,
	})
	if err != nil {
		return err
	}
	var events []event.Envelope
	for _, change := range evolved(rows) {
		body, err := change.Encode()
		if err != nil {
			return err
		}
		e := s.envelope(s.Detector, event.RegressionTriaged, fmt.Sprintf("%s evolve %d", lntJob, w.Seq), body)
		e.Actor = "detector:" + event.DetectorLNT
		events = append(events, e)
	}
	if err := s.send(ctx, s.progress, events); err != nil {
		return fmt.Errorf("append states: %w", err)
	}
	return nil
}

// evolved says which regressions change, and how.
func evolved(rows []lookedAt) []event.RegressionTriage {
	detected := lo.Filter(rows, func(r lookedAt, _ int) bool { return r.State == event.StateDetected })
	slices.SortStableFunc(detected, func(a, b lookedAt) int { return cmp.Compare(a.NewestOrderID, b.NewestOrderID) })
	old := map[uint32]bool{}
	for _, r := range detected[:max(0, len(detected)-keptDetected)] {
		old[r.ID] = true
	}
	return lo.FilterMap(rows, func(r lookedAt, _ int) (event.RegressionTriage, bool) {
		change := event.RegressionTriage{RegressionID: r.ID}
		if old[r.ID] {
			change.State = lo.ToPtr(event.StateIgnored)
		}
		if r.IsConcerned == 1 && r.IsFixed == 1 {
			change.State = lo.ToPtr(lo.Ternary(r.State == event.StateDetected, event.StateIgnored, event.StateVerify))
			if title := r.Title + fixedSuffix; utf8.RuneCountInString(title) <= event.MaxRegressionText {
				change.Title = &title
			}
		}
		return change, change.State != nil
	})
}
