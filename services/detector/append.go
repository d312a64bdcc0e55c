package detector

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/event"
)

// findingsPerEvent keeps an event small.
const findingsPerEvent = 5000

// append puts findings into the log, in events whose ids follow from what they
// say: a slot repeated after a crash appends the same events, which count once.
func (d *Detector) append(ctx context.Context, p progress, pl *plan, t *told) error {
	var events []event.Envelope
	for _, v := range t.variants() {
		for i, some := range lo.Chunk(t.changed[v], findingsPerEvent) {
			body, err := v.changes(pl.role, p.DataSeq, some).Encode()
			if err != nil {
				return err
			}
			key := fmt.Sprintf("%s (%d,%d] part %d", pl.role.job(), p.SeenSeq, p.DataSeq, i)
			events = append(events, p.envelope(d, event.ChangeFound, key, body))
		}
	}
	if err := d.send(ctx, p, events); err != nil {
		return fmt.Errorf("append findings: %w", err)
	}
	for _, list := range t.changed {
		for _, f := range list {
			d.metrics.findings.WithLabelValues(lo.Ternary(f.Active, "found", "withdrawn")).Inc()
		}
	}
	return nil
}

// changes are findings in the words of the log. Without a variant nobody judges the series any more.
func (v *variant) changes(r role, dataSeq uint64, list []event.Finding) event.Changes {
	c := event.Changes{Detector: r.detector, Version: 1, DataSeq: dataSeq, Findings: list, Shadow: r.shadow}
	if v != nil {
		c.Version, c.Params = uint16(v.Version), v.params //nolint:gosec // a small number
	}
	return c
}

// send appends events of one suite, of which the newest is waited for before the suite is looked at again.
func (d *Detector) send(ctx context.Context, p progress, events []event.Envelope) error {
	if len(events) == 0 {
		return nil
	}
	if err := d.deps.Log.Append(ctx, events...); err != nil {
		return err
	}
	d.pending[p.pendingKey] = events[len(events)-1].ID
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

func comparePicks(a, b pick) int {
	return cmp.Or(cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.TestID, b.TestID))
}
