package detector

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/event"
)

// findingsPerEvent keeps an event small.
const findingsPerEvent = 5000

// append puts findings into the log, in events whose ids follow from what they
// say: a slot repeated after a crash appends the same events, which count once.
func (d *Detector) append(ctx context.Context, m machine, findings []event.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	params, err := json.Marshal(d.cfg.Steps)
	if err != nil {
		return fmt.Errorf("encode parameters: %w", err)
	}
	var events []event.Envelope
	for i, some := range lo.Chunk(findings, findingsPerEvent) {
		e, err := d.envelope(m, i, event.Changes{
			Detector: d.job.Header["detector"], Version: 1, Params: params, DataSeq: m.DataSeq, Findings: some,
		})
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	if err := d.deps.Log.Append(ctx, events...); err != nil {
		return fmt.Errorf("append findings: %w", err)
	}
	d.pending[m.Database+"/"+m.Suite] = events[len(events)-1].ID
	for _, f := range findings {
		d.metrics.findings.WithLabelValues(lo.Ternary(f.Active, "found", "withdrawn")).Inc()
	}
	return nil
}

func (d *Detector) envelope(m machine, part int, c event.Changes) (event.Envelope, error) {
	body, err := c.Encode()
	if err != nil {
		return event.Envelope{}, err
	}
	key := fmt.Sprintf("%s machine %d (%d,%d] part %d %x", d.job.Name, m.id, m.SeenSeq, m.DataSeq, part, sha256.Sum256(body))
	return event.Envelope{
		ID: event.IDFromKey(m.Database, m.Suite, key), Type: event.ChangeFound, Version: 1,
		Database: m.Database, Suite: m.Suite, ContentType: "application/json",
		ReceivedAt: d.deps.Clock().UTC().Truncate(time.Millisecond), Actor: "detector", Body: body,
	}, nil
}

// finding is a step in the words of the log.
func (m machine) finding(s step, active bool) event.Finding {
	return event.Finding{
		MachineID: s.MachineID, TestID: s.TestID, Metric: s.Metric, OrderID: s.OrderID, PreviousOrderID: s.PreviousOrderID,
		Direction: event.Direction(s.Direction), Kind: event.Kind(s.Kind),
		Before: s.Before, After: s.After, Spread: s.Spread, Effect: s.Effect, Statistic: s.Statistic, PValue: s.PValue,
		Active: active,
		ID:     event.FindingID(m.Database, m.Suite, s.MachineID, s.TestID, s.Metric, s.OrderID, event.Direction(s.Direction), "steps"),
	}
}
