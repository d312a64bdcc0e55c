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
		body, err := event.Changes{
			Detector: d.job.Header["detector"], Version: 1, Params: params, DataSeq: m.DataSeq, Findings: some,
		}.Encode()
		if err != nil {
			return err
		}
		key := fmt.Sprintf("%s machine %d (%d,%d] part %d", d.job.Name, m.id, m.SeenSeq, m.DataSeq, i)
		events = append(events, m.envelope(d, event.ChangeFound, key, body))
	}
	if err := d.send(ctx, m.progress, events); err != nil {
		return fmt.Errorf("append findings: %w", err)
	}
	for _, f := range findings {
		d.metrics.findings.WithLabelValues(lo.Ternary(f.Active, "found", "withdrawn")).Inc()
	}
	return nil
}

// send appends events of one suite, of which the newest is waited for before the suite is looked at again.
func (d *Detector) send(ctx context.Context, p progress, events []event.Envelope) error {
	if len(events) == 0 {
		return nil
	}
	if err := d.deps.Log.Append(ctx, events...); err != nil {
		return err
	}
	d.pending[p.Database+"/"+p.Suite] = events[len(events)-1].ID
	return nil
}

// envelope makes an event of the suite; key says which event it is, and with the body gives its id.
func (p progress) envelope(d *Detector, t event.Type, key string, body []byte) event.Envelope {
	return event.Envelope{
		ID:   event.IDFromKey(p.Database, p.Suite, fmt.Sprintf("%s %x", key, sha256.Sum256(body))),
		Type: t, Version: 1, Database: p.Database, Suite: p.Suite, ContentType: "application/json",
		ReceivedAt: d.deps.Clock().UTC().Truncate(time.Millisecond), Actor: "detector", Body: body,
	}
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
