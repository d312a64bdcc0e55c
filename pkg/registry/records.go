package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/suite"
)

// records is what was set by people and programs, and not removed.
type records struct {
	rules         map[string]placed[event.DetectorRule] // by key
	subscriptions map[uuid.UUID]placed[event.Subscription]
	// deliveries are the newest keptDeliveries, with no more than decides whether one may be started again. told lists them by
	// position, then id; those that were changed later are in it again.
	deliveries map[uuid.UUID]placed[attempt]
	told       []placed[uuid.UUID]
	signals    map[string]placed[event.Signal]
	baselines  map[string]placed[event.Baseline] // by name
}

// keptDeliveries bounds what is remembered of deliveries, at about 150 bytes each. Who starts one has looked into the tables a moment
// before, which know all of them: the state has to tell apart only those who do so at once.
const keptDeliveries = 100_000

// keep notes deliveries that an event changed, and forgets the oldest.
func (r *records) keep(seq uint64, ids []uuid.UUID) {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	for _, id := range ids {
		r.told = append(r.told, placed[uuid.UUID]{id, seq})
	}
	r.forget()
}

func (r *records) forget() {
	gone := 0
	for ; len(r.deliveries) > keptDeliveries; gone++ {
		if oldest := r.told[gone]; r.deliveries[oldest.value].seq == oldest.seq {
			delete(r.deliveries, oldest.value)
		}
	}
	r.told = r.told[gone:]
	if len(r.told) > 2*len(r.deliveries)+1000 {
		r.told = slices.Clone(lo.Filter(r.told, func(p placed[uuid.UUID], _ int) bool { return r.deliveries[p.value].seq == p.seq }))
	}
}

// attempt is how far a delivery is.
type attempt struct {
	status string
	number uint16
}

// placed is a value and the position of the event that set it.
type placed[T any] struct {
	value T
	seq   uint64
}

func newRecords() records {
	return records{
		rules: make(map[string]placed[event.DetectorRule]), subscriptions: make(map[uuid.UUID]placed[event.Subscription]),
		deliveries: make(map[uuid.UUID]placed[attempt]), signals: make(map[string]placed[event.Signal]),
		baselines: make(map[string]placed[event.Baseline]),
	}
}

// Rules are the rules of detectors, in the order in which they were set.
func (s *State) Rules() event.Rules {
	keys := sortedKeys(s.records.rules)
	slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(s.records.rules[a].seq, s.records.rules[b].seq) })
	rules := make(event.Rules, len(keys))
	for i, key := range keys {
		rules[i] = s.records.rules[key].value
	}
	return rules
}

// set decides an event that sets or removes records.
func (s *State) set(body any) Decision {
	var rows []RecordRow
	var why *Refusal
	switch e := body.(type) {
	case event.DetectorRule:
		rows, why = s.configure(e)
	case event.Subscription:
		if why = s.checkPatterns(e.Machine, e.Test, e.Metric); why == nil {
			s.records.subscriptions[e.ID] = placed[event.Subscription]{e, s.seq}
			rows = []RecordRow{recordRow(RecordSubscription, e.ID.String(), e)}
		}
	case event.SubscriptionRemoval:
		rows, why = s.unsubscribe(e)
	case event.Baseline:
		rows, why = s.setBaseline(e)
	case event.BaselineRemoval:
		rows, why = s.removeBaseline(e)
	case event.Notifications:
		rows, why = s.notified(e)
	case event.Signals:
		rows, why = s.signalled(e)
	default:
		why = refusal(internalError, "", "event was not prepared", "")
	}
	if why != nil {
		return rejected(why)
	}
	return s.accepted(Decision{Rows: Rows{Records: rows}})
}

// configure puts a rule at the end of the rules, or takes one away.
func (s *State) configure(rule event.DetectorRule) ([]RecordRow, *Refusal) {
	rule = rule.Normal()
	key := rule.Key()
	if rule.Remove {
		was, ok := s.records.rules[key]
		if !ok {
			return nil, refusal(notFound, "detector", fmt.Sprintf("Did not find rule '%s'", key), "")
		}
		delete(s.records.rules, key)
		// The patterns and parameters of what is gone, with why it went.
		gone := was.value
		gone.Remove, gone.Reason, gone.Backtest = true, rule.Reason, rule.Backtest
		row := recordRow(RecordDetectorRule, key, gone)
		row.Deleted = true
		return []RecordRow{row}, nil
	}
	if why := s.checkPatterns(rule.Machine, rule.Test, rule.Metric); why != nil {
		return nil, why
	}
	s.records.rules[key] = placed[event.DetectorRule]{rule, s.seq}
	return []RecordRow{recordRow(RecordDetectorRule, key, rule)}, nil
}

// checkPatterns refuses a pattern that nothing matches: it is a mistake in writing. An empty one is all.
func (s *State) checkPatterns(machine, test, metric string) *Refusal {
	machine, test, metric = cmp.Or(machine, "*"), cmp.Or(test, "*"), cmp.Or(metric, "*")
	none := func(field, what, pattern string) *Refusal {
		return refusal(badRequest, field, fmt.Sprintf("%s: no %s of suite '%s' matches '%s'", field, what, s.name, pattern), "")
	}
	if !anyMatches(machine, s.namesakes) {
		return none("machine", "machine", machine)
	}
	if !anyMatches(test, s.tests) {
		return none("test", "test", test)
	}
	if !slices.ContainsFunc(s.schema.Metrics, func(m suite.Metric) bool { return m.Type == suite.Real && event.Glob(metric, m.Name) }) {
		return none("metric", "metric with numbers", metric)
	}
	return nil
}

func anyMatches[V any](pattern string, names map[string]V) bool {
	if pattern == "*" {
		return true
	}
	for name := range names {
		if event.Glob(pattern, name) {
			return true
		}
	}
	return false
}

func (s *State) unsubscribe(e event.SubscriptionRemoval) ([]RecordRow, *Refusal) {
	was, ok := s.records.subscriptions[e.ID]
	if !ok {
		return nil, refusal(notFound, "id", fmt.Sprintf("Did not find subscription %s", e.ID), "")
	}
	delete(s.records.subscriptions, e.ID)
	row := recordRow(RecordSubscription, e.ID.String(), was.value)
	row.Deleted = true
	return []RecordRow{row}, nil
}

func (s *State) setBaseline(e event.Baseline) ([]RecordRow, *Refusal) {
	if !s.hasOrder(e.OrderID) {
		return nil, refusal(badRequest, "order_id", fmt.Sprintf("order_id: no order has the id %d", e.OrderID), "")
	}
	s.records.baselines[e.Name] = placed[event.Baseline]{e, s.seq}
	return []RecordRow{recordRow(RecordBaseline, e.Name, e)}, nil
}

func (s *State) removeBaseline(e event.BaselineRemoval) ([]RecordRow, *Refusal) {
	was, ok := s.records.baselines[e.Name]
	if !ok {
		return nil, refusal(notFound, "name", fmt.Sprintf("Did not find baseline '%s'", e.Name), "")
	}
	delete(s.records.baselines, e.Name)
	row := recordRow(RecordBaseline, e.Name, was.value)
	row.Deleted = true
	return []RecordRow{row}, nil
}

// notified refuses to start what another event started, unless that failed, and to end an attempt that is not under way: of two
// notifiers with the same message one sends it. All of an event is refused, so that who asks knows what is his.
func (s *State) notified(e event.Notifications) ([]RecordRow, *Refusal) {
	for i, d := range e.Deliveries {
		known := s.records.deliveries[d.ID].value
		path := fmt.Sprintf("deliveries[%d]", i)
		problem := ""
		switch {
		case d.Status != event.DeliveryStarted && (known.status != event.DeliveryStarted || known.number != d.Attempt):
			problem = fmt.Sprintf("attempt %d of delivery %s is not under way", d.Attempt, d.ID)
		case d.Status == event.DeliveryStarted && known.status != "" && known.status != event.DeliveryFailed:
			problem = fmt.Sprintf("delivery %s is %s", d.ID, known.status)
		case d.Status == event.DeliveryStarted && d.Attempt != known.number+1:
			problem = fmt.Sprintf("attempt %d of delivery %s does not follow %d", d.Attempt, d.ID, known.number)
		}
		if problem != "" {
			return nil, refusal(conflict, path, path+": "+problem, "")
		}
	}
	rows, ids := make([]RecordRow, len(e.Deliveries)), make([]uuid.UUID, len(e.Deliveries))
	for i, d := range e.Deliveries {
		s.records.deliveries[d.ID] = placed[attempt]{attempt{d.Status, d.Attempt}, s.seq}
		rows[i], ids[i] = recordRow(RecordDelivery, d.ID.String(), d), d.ID
	}
	s.records.keep(s.seq, ids)
	return rows, nil
}

func signalKey(signal event.Signal) string {
	return strconv.FormatUint(uint64(signal.MachineID), 10) + "|" + signal.Signal
}

func (s *State) signalled(e event.Signals) ([]RecordRow, *Refusal) {
	for i, signal := range e.Signals {
		if s.machines[signal.MachineID] == nil {
			path := fmt.Sprintf("signals[%d].machine_id", i)
			return nil, refusal(badRequest, path, fmt.Sprintf("%s: no machine has the id %d", path, signal.MachineID), "")
		}
	}
	rows := make([]RecordRow, len(e.Signals))
	for i, signal := range e.Signals {
		key := signalKey(signal)
		s.records.signals[key] = placed[event.Signal]{signal, s.seq}
		rows[i] = recordRow(RecordSignal, key, signal)
	}
	return rows, nil
}

// recordRow encodes a value that was decoded: it cannot fail.
func recordRow(kind, key string, value any) RecordRow {
	return RecordRow{Kind: kind, Key: key, Body: recordBody(value)}
}

// recordBody writes as the views read it: no character escaped that need not be.
func recordBody(value any) json.RawMessage {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

func (s *State) snapshotRecords(snap *Snapshot) {
	add := func(kind, key string, seq uint64, value any) {
		row := RecordState{Kind: kind, Key: key, Seq: seq}
		if far, ok := value.(attempt); ok {
			row.Status, row.Attempt = far.status, far.number
		} else {
			row.Body = recordBody(value)
		}
		snap.Records = append(snap.Records, row)
	}
	for name, r := range s.records.baselines {
		add(RecordBaseline, name, r.seq, r.value)
	}
	for id, r := range s.records.deliveries {
		add(RecordDelivery, id.String(), r.seq, r.value)
	}
	for key, r := range s.records.rules {
		add(RecordDetectorRule, key, r.seq, r.value)
	}
	for key, r := range s.records.signals {
		add(RecordSignal, key, r.seq, r.value)
	}
	for id, r := range s.records.subscriptions {
		add(RecordSubscription, id.String(), r.seq, r.value)
	}
	slices.SortFunc(snap.Records, func(a, b RecordState) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key)) })
}

func (s *State) loadRecords(rows []RecordState) error {
	var errs []error
	for _, row := range rows {
		if err := s.loadRecord(row); err != nil {
			errs = append(errs, fmt.Errorf("record %s %s: %w", row.Kind, row.Key, err))
		}
	}
	told := lo.MapToSlice(s.records.deliveries, func(id uuid.UUID, d placed[attempt]) placed[uuid.UUID] { return placed[uuid.UUID]{id, d.seq} })
	slices.SortFunc(told, func(a, b placed[uuid.UUID]) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), slices.Compare(a.value[:], b.value[:]))
	})
	s.records.told = told
	s.records.forget()
	return errors.Join(errs...)
}

func (s *State) loadRecord(row RecordState) error {
	if row.Seq < 1 || row.Seq > s.seq {
		return fmt.Errorf("position %d is outside 1..%d", row.Seq, s.seq)
	}
	var err error
	switch row.Kind {
	case RecordDetectorRule:
		var rule event.DetectorRule
		rule, err = event.DecodeDetectorRule(row.Body)
		s.records.rules[row.Key] = placed[event.DetectorRule]{rule, row.Seq}
	case RecordSubscription:
		var subscription event.Subscription
		subscription, err = event.DecodeSubscription(row.Body)
		s.records.subscriptions[subscription.ID] = placed[event.Subscription]{subscription, row.Seq}
	case RecordBaseline:
		var baseline event.Baseline
		baseline, err = event.DecodeBaseline(row.Body)
		s.records.baselines[row.Key] = placed[event.Baseline]{baseline, row.Seq}
	case RecordDelivery:
		var id uuid.UUID
		id, err = uuid.Parse(row.Key)
		s.records.deliveries[id] = placed[attempt]{attempt{row.Status, row.Attempt}, row.Seq}
	case RecordSignal:
		var signal event.Signal
		err = json.Unmarshal(row.Body, &signal)
		s.records.signals[row.Key] = placed[event.Signal]{signal, row.Seq}
	default:
		err = errors.New("kind is unknown")
	}
	return err
}
