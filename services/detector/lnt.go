package detector

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
	"tidemark/sql"
)

// lntJob is the name under which the positions of detector lnt are kept.
const lntJob = "detect_lnt"

const (
	// lntRuns is how many runs one statement finds the windows of.
	lntRuns = 32
	// lntConfidence is LNT's level of the Mann-Whitney test.
	lntConfidence = 0.05
)

// lntParams goes with the findings of version lntVersion, so that they can be made again.
const (
	lntParams  = `{"lookback":10,"confidence":0.05}`
	lntVersion = 1
)

var (
	sqlWindow  = sql.MustDetector("lnt_window")
	sqlCompare = sql.MustDetector("lnt_compare")
	sqlFixed   = sql.MustDetector("lnt_fixed")
	sqlSchema  = sql.MustQuery("state_schema")
	sqlKnown   = sql.MustQuery("detect_lnt_known")
	sqlOpen    = sql.MustQuery("detect_lnt_open")
)

// window is a run to be judged, with what it is compared with as of its position.
type window struct {
	Seq             uint64   `ch:"seq"`
	RunID           uint32   `ch:"run_id"`
	MachineID       uint32   `ch:"machine_id"`
	OrderID         uint32   `ch:"order_id"`
	IsNewest        uint8    `ch:"is_newest"`
	IsReplacement   uint8    `ch:"is_replacement"`
	PreviousOrderID uint32   `ch:"previous_order_id"`
	CurrentSeqs     []uint64 `ch:"current_seqs"`
	PreviousSeqs    []uint64 `ch:"previous_seqs"`
}

// lntSuite is a suite whose runs are judged one after the other, as LNT does when they are submitted.
type lntSuite struct {
	*Detector
	progress
	metrics []suite.Metric // the Real ones, in the schema's order
	// revision is the place of the order field by whose text LNT knows the latest order, from 1.
	revision uint8
	// open says that there may be regressions that LNT still looks at.
	open bool
}

// judgeLNT judges the runs that came to a suite since p, oldest first. What LNT thinks of a run depends on what it thought of those
// before, so that each run waits until the findings of the last one can be read. It stops when they do not come, or time is up, and
// goes on there in the next slot.
func (d *Detector) judgeLNT(ctx context.Context, p progress) (to uint64, found int, err error) {
	until := d.deps.Clock().Add(d.cfg.LNT.Budget)
	s, err := d.lntSuite(ctx, p)
	if err != nil || s == nil {
		return p.SeenSeq, 0, err
	}
	defer func() {
		if err != nil && to > p.SeenSeq { // what was reached counts; the next slot meets the same trouble first
			d.deps.Logger.WarnContext(ctx, "judging stopped early", "database", p.Database, "suite", p.Suite, "to_seq", to, "err", err)
			err = nil
		}
	}()
	for to = p.SeenSeq; ; {
		windows, err := store.Select[window](ctx, d.deps.Store, sqlWindow, store.Params{
			"database": p.Database, "suite": p.Suite, "from_seq": to, "to_seq": p.DataSeq, "max_runs": uint64(lntRuns),
		})
		if err != nil {
			return to, found, err
		}
		for _, w := range windows {
			n, ok, err := s.judge(ctx, w)
			found += n
			if err != nil {
				return to, found, fmt.Errorf("run %d: %w", w.RunID, err)
			}
			if !ok {
				return to, found, nil
			}
			if to = w.Seq; d.deps.Clock().After(until) {
				return to, found, nil
			}
		}
		if len(windows) < lntRuns {
			return p.DataSeq, found, nil
		}
	}
}

// lntSuite reads what is the same for all runs; nil when the suite is unknown.
func (d *Detector) lntSuite(ctx context.Context, p progress) (*lntSuite, error) {
	type schemaRow struct {
		Schema string `ch:"schema"`
	}
	type openRow struct {
		Regressions uint64 `ch:"regressions"`
	}
	params := store.Params{"database": p.Database, "suite": p.Suite}
	schemas, err := store.Select[schemaRow](ctx, d.deps.Store, sqlSchema, params)
	if err != nil || len(schemas) == 0 {
		return nil, err
	}
	schema, err := suite.Decode([]byte(schemas[0].Schema))
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	open, err := store.Select[openRow](ctx, d.deps.Store, sqlOpen, params)
	if err != nil {
		return nil, err
	}
	return &lntSuite{
		Detector: d, progress: p,
		metrics:  lo.Filter(schema.Metrics, func(m suite.Metric, _ int) bool { return m.Type == suite.Real }),
		revision: uint8(max(0, slices.Index(schema.OrderFields(), suite.RevisionField)) + 1), //nolint:gosec // a few fields
		open:     open[0].Regressions > 0,
	}, nil
}

// judge looks at one run: at its values first, then at the regressions that its machine is part of. It is not ok when what was
// appended does not come back in time.
func (s *lntSuite) judge(ctx context.Context, w window) (found int, ok bool, err error) {
	if ok, err = s.await(ctx); !ok {
		return 0, false, err
	}
	findings, err := s.compare(ctx, w)
	if err != nil {
		return 0, false, err
	}
	if err = s.appendLNT(ctx, w, findings); err != nil {
		return 0, false, err
	}
	s.open = s.open || len(findings) > 0
	if !s.open {
		return len(findings), true, nil
	}
	if ok, err = s.await(ctx); !ok {
		return len(findings), false, err
	}
	return len(findings), true, s.evolve(ctx, w)
}

// await waits until the newest event of ours in the suite can be read, but not for long.
func (s *lntSuite) await(ctx context.Context) (bool, error) {
	return s.Detector.await(ctx, s.progress, s.cfg.LNT.Wait)
}

// comparison is a row of lnt_compare.
type comparison struct {
	metric                  string
	testID                  uint32
	current, previous       *float64
	delta, pct              float64
	stddev, mad             *float64
	failed, prevFailed      uint8
	hash, prevHash          string
	testStatus, valueStatus string
}

func (c *comparison) columns() []any {
	return []any{
		&c.metric, &c.testID, &c.current, &c.previous, &c.delta, &c.pct, &c.stddev, &c.mad, &c.failed, &c.prevFailed,
		&c.hash, &c.prevHash, &c.testStatus, &c.valueStatus,
	}
}

// step is a change in LNT's words.
type step struct {
	MachineID       uint32  `ch:"machine_id"`
	Metric          string  `ch:"metric"`
	TestID          uint32  `ch:"test_id"`
	OrderID         uint32  `ch:"order_id"`
	PreviousOrderID uint32  `ch:"previous_order_id"`
	Direction       string  `ch:"direction"`
	Kind            string  `ch:"kind"`
	Before          float64 `ch:"level_before"`
	After           float64 `ch:"level_after"`
	Spread          float64 `ch:"spread"`
	Effect          float64 `ch:"effect"`
	Statistic       float64 `ch:"statistic"`
	PValue          float64 `ch:"p_value"`
}

// like says that two answers to the same question differ by no more than the order of the additions.
func (s step) like(o step) bool {
	near := func(x, y float64) bool { return x == y || max(x, y)-min(x, y) <= alikeWithin*max(x, -x, y, -y) }
	return s.PreviousOrderID == o.PreviousOrderID && near(s.Before, o.Before) && near(s.After, o.After) && near(s.Statistic, o.Statistic)
}

// knownChange is a change as it was left when the run at DataSeq was judged. One that a later run decided about is left alone: this run
// is judged again, after a crash.
type knownChange struct {
	step
	DataSeq uint64 `ch:"data_seq"`
	Active  uint8  `ch:"active"`
}

// kinds are LNT's words for a change.
var kinds = map[string]event.Kind{"REGRESSED": event.Regression, "IMPROVED": event.Improvement}

// compare gives the findings of a run in LNT's order: those that are new or have other values, and those that were known and no
// longer are changes. LNT looks for the latter only at the machine's newest order; a run that replaces another takes those of the
// other with it.
func (s *lntSuite) compare(ctx context.Context, w window) ([]event.Finding, error) {
	known, err := store.Select[knownChange](ctx, s.deps.Store, sqlKnown, store.Params{
		"database": s.Database, "suite": s.Suite, "machine_id": w.MachineID, "order_id": w.OrderID,
	})
	if err != nil {
		return nil, err
	}
	before := lo.KeyBy(known, func(k knownChange) uuid.UUID { return s.spanID(k.step) })
	var findings []event.Finding
	err = s.eachChange(ctx, w, func(c step) {
		id := s.spanID(c)
		if was, ok := before[id]; !ok || was.DataSeq <= w.Seq && (was.Active == 0 || !was.like(c)) {
			findings = append(findings, s.lntFinding(c, true))
		}
		delete(before, id)
	})
	if err != nil {
		return nil, err
	}
	for _, k := range before {
		looked := w.IsReplacement == 1 || w.IsNewest == 1 && k.PreviousOrderID == w.PreviousOrderID
		if looked && k.Active == 1 && k.DataSeq <= w.Seq {
			findings = append(findings, s.lntFinding(k.step, false))
		}
	}
	place := lo.SliceToMap(s.metrics, func(m suite.Metric) (string, int) {
		return m.Name, slices.IndexFunc(s.metrics, func(o suite.Metric) bool { return o.Name == m.Name })
	})
	slices.SortFunc(findings, func(a, b event.Finding) int {
		return cmp.Or(cmp.Compare(place[a.Metric], place[b.Metric]), cmp.Compare(a.TestID, b.TestID), cmp.Compare(a.PreviousOrderID, b.PreviousOrderID))
	})
	return findings, nil
}

// eachChange hands over what LNT would call a change.
func (s *lntSuite) eachChange(ctx context.Context, w window, change func(step)) error {
	flags := func(of func(suite.Metric) bool) []uint8 {
		return lo.Map(s.metrics, func(m suite.Metric, _ int) uint8 { return lo.Ternary[uint8](of(m), 1, 0) })
	}
	names := func(of func(suite.Metric) string) []string {
		return lo.Map(s.metrics, func(m suite.Metric, _ int) string { return of(m) })
	}
	params := store.Params{
		"database": s.Database, "suite": s.Suite, "current_seqs": w.CurrentSeqs, "previous_seqs": w.PreviousSeqs,
		"metrics":    names(func(m suite.Metric) string { return m.Name }),
		"statuses":   names(func(m suite.Metric) string { return m.Status }),
		"bigger":     flags(func(m suite.Metric) bool { return m.BiggerIsBetter }),
		"same_hash":  flags(func(m suite.Metric) bool { return m.IgnoreSameHash }),
		"confidence": lntConfidence, "small_differences": uint8(0),
	}
	var c comparison
	return s.deps.Store.Each(ctx, sqlCompare, params, func(scan func(...any) error) error {
		if err := scan(c.columns()...); err != nil {
			return err
		}
		kind, ok := kinds[c.valueStatus]
		if !ok || c.current == nil || c.previous == nil {
			return nil
		}
		change(step{
			MachineID: w.MachineID, Metric: c.metric, TestID: c.testID, OrderID: w.OrderID, PreviousOrderID: w.PreviousOrderID,
			Direction: string(lo.Ternary(c.delta > 0, event.Up, event.Down)), Kind: string(kind),
			Before: *c.previous, After: *c.current, Spread: lo.FromPtr(c.stddev), Effect: c.pct, PValue: 1,
		})
		return nil
	})
}

func (s *lntSuite) spanID(c step) uuid.UUID {
	return event.SpanID(s.Database, s.Suite, c.MachineID, c.TestID, c.Metric, c.PreviousOrderID, c.OrderID)
}

// lntFinding is a change in the words of the log. LNT computes no statistic and no p-value: they are 0 and 1.
func (s *lntSuite) lntFinding(c step, active bool) event.Finding {
	return event.Finding{
		MachineID: c.MachineID, TestID: c.TestID, Metric: c.Metric, OrderID: c.OrderID, PreviousOrderID: c.PreviousOrderID,
		Direction: event.Direction(c.Direction), Kind: event.Kind(c.Kind),
		Before: c.Before, After: c.After, Spread: c.Spread, Effect: c.Effect, Statistic: c.Statistic, PValue: c.PValue,
		Active: active, ID: s.spanID(c),
	}
}

func (s *lntSuite) appendLNT(ctx context.Context, w window, findings []event.Finding) error {
	var events []event.Envelope
	for i, some := range lo.Chunk(findings, findingsPerEvent) {
		body, err := event.Changes{
			Detector: event.DetectorLNT, Version: lntVersion, Params: json.RawMessage(lntParams), DataSeq: w.Seq, Findings: some,
		}.Encode()
		if err != nil {
			return err
		}
		events = append(events, s.envelope(s.Detector, event.ChangeFound, fmt.Sprintf("%s %d part %d", lntJob, w.Seq, i), body))
	}
	if err := s.send(ctx, s.progress, events); err != nil {
		return fmt.Errorf("append findings: %w", err)
	}
	for _, f := range findings {
		s.Detector.metrics.findings.WithLabelValues(lo.Ternary(f.Active, "found", "withdrawn")).Inc()
	}
	return nil
}
