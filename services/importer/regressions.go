package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

// Bounds of one event of regressions.
const (
	regressionChunk = 200
	findingChunk    = 1000
)

// regressions brings LNT's regressions under their numbers, with the changes whose machine, test and orders are here under LNT's ids,
// too. It returns what people are to hear of it.
func (i *Importer) regressions(ctx context.Context, j *job, judged *Judgements) (notes []string, err error) {
	made, left := j.convert(judged.Regressions)
	came, kept := 0, 0
	for _, some := range chunks(made) {
		switch err := j.target.importRegressions(ctx, event.RegressionImport{Regressions: some}); {
		case isStatus(err, http.StatusConflict):
			kept += len(some)
			notes = append(notes, fmt.Sprintf("%d regressions from %d on stay as they are here: %v", len(some), some[0].ID, err))
		case err != nil:
			return nil, err
		default:
			came += len(some)
		}
	}
	notes = append(notes, fmt.Sprintf("%d regressions imported under their numbers", came))
	if left > 0 {
		notes = append(notes, fmt.Sprintf("%d changes of regressions have no values, or no machine, test or order here, and are left out", left))
	}
	return notes, nil
}

// chunks cuts regressions into what one event holds.
func chunks(all []event.ImportedRegression) [][]event.ImportedRegression {
	var out [][]event.ImportedRegression
	findings := 0
	for _, r := range all {
		last := len(out) - 1
		if last < 0 || len(out[last]) == regressionChunk || findings+len(r.Findings) > findingChunk {
			out, findings, last = append(out, nil), 0, last+1
		}
		out[last], findings = append(out[last], r), findings+len(r.Findings)
	}
	return out
}

// convert gives regressions in the words of the log, and how many changes cannot be told.
func (j *job) convert(regressions []Regression) (out []event.ImportedRegression, left int) {
	schema := j.source.Schema()
	for _, r := range regressions {
		made := event.ImportedRegression{ID: r.ID, Title: r.Title, Bug: r.Bug, State: uint8(r.State), Findings: []event.Finding{}} //nolint:gosec // checked with the event
		for _, c := range r.Changes {
			finding, ok := j.finding(schema, c)
			again := lo.ContainsBy(made.Findings, func(f event.Finding) bool { return f.ID == finding.ID })
			if !ok || again {
				left++
				continue
			}
			made.Findings = append(made.Findings, finding)
		}
		if slices.Contains(event.States(), made.State) && int(made.State) == r.State {
			out = append(out, made)
		} else {
			left += len(r.Changes)
		}
	}
	return out, left
}

// finding is a change of LNT's as its detector here would tell of it.
func (j *job) finding(schema suite.Schema, c Change) (event.Finding, bool) {
	_, metric, known := schema.Metric(c.Metric)
	from, to := j.orders[strings.Join(c.From, orderKey)], j.orders[strings.Join(c.To, orderKey)]
	if !known || c.Old == nil || c.New == nil || c.MachineID == 0 || c.TestID == 0 || from == 0 || to == 0 {
		return event.Finding{}, false
	}
	f := event.Finding{
		MachineID: c.MachineID, TestID: c.TestID, Metric: c.Metric, OrderID: to, PreviousOrderID: from,
		Before: *c.Old, After: *c.New, PValue: 1, Active: true, Direction: event.Up, Kind: event.Regression,
	}
	if *c.Old != 0 {
		f.Effect = (*c.New - *c.Old) / *c.Old
	}
	if math.IsInf(f.Effect, 0) {
		return event.Finding{}, false
	}
	f.EffectLow, f.EffectHigh = f.Effect, f.Effect
	if *c.New < *c.Old {
		f.Direction = event.Down
	}
	if (f.Direction == event.Up) == metric.BiggerIsBetter {
		f.Kind = event.Improvement
	}
	f.ID = event.SpanID(j.target.database, j.target.suite, f.MachineID, f.TestID, f.Metric, f.PreviousOrderID, f.OrderID)
	return f, true
}

// importRegressions posts regressions. Posting the same again changes nothing.
func (t *target) importRegressions(ctx context.Context, r event.RegressionImport) error {
	body, err := r.Encode()
	if err != nil {
		return fmt.Errorf("regressions of suite %s: %w", t.suite, err)
	}
	sum := sha256.Sum256(body)
	got, err := t.ask(ctx, request{
		method: http.MethodPost, path: "/api/db_" + url.PathEscape(t.database) + "/v5/" + url.PathEscape(t.suite) + "/regressions/import",
		header: map[string]string{"Content-Type": "application/json", "Idempotency-Key": "regressions-" + hex.EncodeToString(sum[:20])}, body: body,
	})
	if err != nil {
		return fmt.Errorf("regressions of suite %s: %w", t.suite, err)
	}
	if got.status >= http.StatusMultipleChoices {
		return fmt.Errorf("regressions of suite %s: %w", t.suite, &refusedError{"POST regressions/import", got.status, saying(got.body)})
	}
	return nil
}
