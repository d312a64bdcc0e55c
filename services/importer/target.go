package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/klauspost/compress/zstd"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

// target is a suite of the Tidemark server, written to over its HTTP API.
type target struct {
	site
	database, suite string
	detect          bool
	decideFor       time.Duration
}

func (t *target) source() *restSource { return &restSource{t.site} }

// schema is what the target knows of the suite; nil when it knows none.
func (t *target) schema(ctx context.Context) (*suite.Schema, error) {
	opened, err := t.source().open(ctx, t.database, t.suite)
	if isStatus(err, http.StatusNotFound) {
		return nil, nil //nolint:nilnil // it has none, and that is no error
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", t.shown(), err)
	}
	return &opened.schema, nil
}

// empty says that the suite has no machine yet, and so no run.
func (t *target) empty(ctx context.Context) (bool, error) {
	opened := restSuite{site: t.site, path: suitePath(t.database, t.suite)}
	machines, err := opened.Machines(ctx)
	if err != nil {
		return false, fmt.Errorf("ask %s: %w", t.shown(), err)
	}
	return len(machines) == 0, nil
}

// define posts a schema. JSON is YAML, too.
func (t *target) define(ctx context.Context, schema suite.Schema) error {
	body, err := json.Marshal(struct {
		FormatVersion string `json:"format_version"`
		LinkStatus    bool   `json:"link_status,omitempty"`
		suite.Schema
	}{"2", linked(schema), schema})
	if err != nil {
		return err
	}
	got, err := t.ask(ctx, request{
		method: http.MethodPost, path: suitePath(t.database, t.suite) + "schema",
		header: map[string]string{"Content-Type": "application/x-yaml"}, body: body,
	})
	if err != nil {
		return fmt.Errorf("define suite %s: %w", t.suite, err)
	}
	if got.status != http.StatusCreated && got.status != http.StatusOK {
		return fmt.Errorf("define suite %s: %w", t.suite, &refusedError{"POST schema", got.status, saying(got.body)})
	}
	return nil
}

// linked says that the schema's statuses are linked to values as their names suggest; a schema file can say nothing else about it.
func linked(schema suite.Schema) bool {
	plain := schema.Clone()
	for i := range plain.Metrics {
		plain.Metrics[i].Status = ""
	}
	links := func(s suite.Schema) []string {
		return lo.Map(s.Metrics, func(m suite.Metric, _ int) string { return m.Status })
	}
	return !slices.Equal(links(schema), links(plain)) && slices.Equal(links(schema), links(plain.LinkStatus()))
}

// seed gives ids away. Giving the same ids again changes nothing.
func (t *target) seed(ctx context.Context, s event.Seed) error {
	body, err := s.Encode()
	if err != nil {
		return fmt.Errorf("keep ids of suite %s: %w", t.suite, err)
	}
	sum := sha256.Sum256(body)
	got, err := t.ask(ctx, request{
		method: http.MethodPost, path: suitePath(t.database, t.suite) + "seed",
		header: map[string]string{"Content-Type": "application/json", "Idempotency-Key": "seed-" + hex.EncodeToString(sum[:20])}, body: body,
	})
	if err != nil {
		return fmt.Errorf("keep ids of suite %s: %w", t.suite, err)
	}
	if got.status >= http.StatusMultipleChoices {
		return fmt.Errorf("keep ids of suite %s: %w", t.suite, &refusedError{"POST seed", got.status, saying(got.body)})
	}
	return nil
}

// parcel is a run on its way.
type parcel struct {
	head Head
	// body is a report, compressed; key the run's idempotency key.
	body         []byte
	key          string
	keep         bool // the run's and machine's ids
	rows, values int
	notes        Notes
	gone         bool
}

// sent says what the target answered: an event to ask about, a run, or no.
type sent struct {
	parcel  parcel
	event   string
	outcome *outcome
}

// outcome is what became of a run: its ids, or why there are none.
type outcome struct {
	run, machine uint32
	refusal      *refusedError
}

// send appends a run to the target's log and does not wait until it is decided.
func (t *target) send(ctx context.Context, p parcel) (sent, error) {
	query := url.Values{"merge": {"append"}, "select_machine": {"split"}}
	if !t.detect {
		query.Set("ignore_regressions", "1")
	}
	if p.keep {
		query.Set("keep_run_id", strconv.FormatUint(uint64(p.head.ID), 10))
		query.Set("keep_machine_id", strconv.FormatUint(uint64(p.head.MachineID), 10))
	}
	got, err := t.ask(ctx, request{
		method: http.MethodPost, path: t.door(), query: query, body: p.body,
		header: map[string]string{
			"Content-Type": "application/json", "Content-Encoding": "zstd", "Prefer": "respond-async", "Idempotency-Key": p.key,
		},
	})
	if err != nil {
		return sent{}, fmt.Errorf("send run %d: %w", p.head.ID, err)
	}
	s := sent{parcel: p}
	s.parcel.body = nil
	var said struct {
		Event string `json:"event_id"`
		Run   uint32 `json:"run_id"`
	}
	switch {
	case got.status == http.StatusAccepted && json.Unmarshal(got.body, &said) == nil && said.Event != "":
		s.event = said.Event
	case got.status == http.StatusBadRequest || got.status == http.StatusRequestEntityTooLarge || got.status == http.StatusConflict:
		s.outcome = &outcome{refusal: &refusedError{"run " + strconv.FormatUint(uint64(p.head.ID), 10), got.status, saying(got.body)}}
	default: // nothing about this run: a wrong token, a wrong address
		return sent{}, fmt.Errorf("send run %d: %w", p.head.ID, &refusedError{"POST " + t.door(), got.status, saying(got.body)})
	}
	return s, nil
}

// door is where runs go in: REST's, which needs a token, or that of bots.
func (t *target) door() string {
	if t.token != "" {
		return suitePath(t.database, t.suite) + "runs"
	}
	return "/db_" + url.PathEscape(t.database) + "/v4/" + url.PathEscape(t.suite) + "/submitRun"
}

// receipt is what the target shows of a decided event.
type receipt struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Run    *struct {
		ID        uint32 `json:"id"`
		MachineID uint32 `json:"machine_id"`
	} `json:"run"`
	Refusal *struct {
		Code  int    `json:"code"`
		Error string `json:"error"`
	} `json:"refusal"`
}

func (r receipt) outcome(of Head) *outcome {
	switch {
	case r.Refusal != nil:
		return &outcome{refusal: &refusedError{"run " + strconv.FormatUint(uint64(of.ID), 10), r.Refusal.Code, r.Refusal.Error}}
	case r.Run != nil:
		return &outcome{run: r.Run.ID, machine: r.Run.MachineID}
	default:
		return &outcome{refusal: &refusedError{"run " + strconv.FormatUint(uint64(of.ID), 10), 0, "the receipt names no run"}}
	}
}

// await fills in the outcomes of what was sent. The log is in order: when the last is decided, all are. Their receipts then come in
// one list; repeats of what was sent long ago are asked for one by one.
func (t *target) await(ctx context.Context, list []sent) error {
	open := map[string]int{}
	last := ""
	for i, s := range list {
		if s.outcome == nil {
			open[s.event], last = i, s.event
		}
	}
	if last == "" {
		return nil
	}
	got, err := t.receipt(ctx, last)
	if err != nil {
		return fmt.Errorf("run %d: %w", list[open[last]].parcel.head.ID, err)
	}
	take := func(r receipt) {
		if i, ok := open[r.ID]; ok {
			list[i].outcome = r.outcome(list[i].parcel.head)
			delete(open, r.ID)
		}
	}
	take(got)
	if len(open) > 3 {
		newest, err := t.receipts(ctx, len(list)+16)
		if err != nil {
			return err
		}
		for _, r := range newest {
			if r.Run != nil || r.Refusal != nil { // of a repeat only the first receipt says what became of it
				take(r)
			}
		}
	}
	for event := range maps.Clone(open) {
		got, err := t.receipt(ctx, event)
		if err != nil {
			return fmt.Errorf("run %d: %w", list[open[event]].parcel.head.ID, err)
		}
		take(got)
	}
	return nil
}

var errUndecided = errors.New("no receipt yet")

// receipt asks until the event is decided.
func (t *target) receipt(ctx context.Context, event string) (receipt, error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 20*time.Millisecond, time.Second
	return backoff.Retry(ctx, func() (receipt, error) {
		var r receipt
		err := t.get(ctx, t.receiptsPath()+"/"+event, &r)
		switch {
		case isStatus(err, http.StatusNotFound):
			return r, errUndecided
		case err != nil:
			return r, backoff.Permanent(err)
		case r.Status == "":
			return r, errUndecided
		}
		r.ID = event
		return r, nil
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(t.decideFor))
}

func (t *target) receipts(ctx context.Context, newest int) ([]receipt, error) {
	var page struct {
		Items []receipt `json:"items"`
	}
	if err := t.get(ctx, t.receiptsPath()+"?limit="+strconv.Itoa(newest), &page); err != nil {
		return nil, err
	}
	return page.Items, nil
}

func (t *target) receiptsPath() string {
	return "/api/db_" + url.PathEscape(t.database) + "/v5/" + url.PathEscape(t.suite) + "/receipts"
}

// compress is for one goroutine at a time.
func newCompressor() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20), zstd.WithEncoderLevel(zstd.SpeedFastest))
}
