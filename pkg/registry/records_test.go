package registry_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/samber/lo"
	"pgregory.net/rapid"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
)

func TestConfigure_PatternThatMatchesNothing_IsRefusedByItsName(t *testing.T) {
	t.Parallel()
	l := world(t)
	for field, rule := range map[string]event.DetectorRule{
		"machine: no machine of suite 'nts' matches 'b-*'":             {Machine: "b-*"},
		"test: no test of suite 'nts' matches 'suite/gamma'":           {Test: "suite/gamma"},
		"metric: no metric with numbers of suite 'nts' matches 'hash'": {Metric: "hash"},
	} {
		rule.Detector, rule.Mode = "steps", event.ModeActive
		l.refuse(lo.Must(encoded(event.DetectorConfigured, rule)), 400, field)
	}
	d := l.do(event.DetectorConfigured, event.DetectorRule{Detector: "steps", Mode: event.ModeOff, Machine: "a-?", Test: "*/alpha", Metric: "*_time", Params: map[string]string{"t": "5"}})
	want := []registry.RecordRow{{
		Kind: registry.RecordDetectorRule, Key: "steps|a-?|*/alpha|*_time",
		Body: json.RawMessage(`{"detector":"steps","mode":"off","machine":"a-?","test":"*/alpha","metric":"*_time","params":{"t":"5"}}`),
	}}
	if diff := cmp.Diff(d.Rows.Records, want); diff != "" {
		t.Errorf("got - want +\n%s", diff)
	}
	l.refuse(lo.Must(encoded(event.DetectorConfigured, event.DetectorRule{Detector: "steps", Mode: event.ModeOff, Remove: true})), 404, "Did not find rule 'steps|*|*|*'")
	l.refuse(lo.Must(encoded(event.DetectorConfigured, event.DetectorRule{Detector: "steps", Mode: event.ModeShadow, Machine: "a-?", Test: "*/alpha", Metric: "*_time", Remove: true})),
		404, "Did not find rule 'shadow/steps|a-?|*/alpha|*_time'")
	d = l.do(event.DetectorConfigured, event.DetectorRule{Detector: "steps", Mode: event.ModeActive, Machine: "a-?", Test: "*/alpha", Metric: "*_time", Remove: true, Reason: "done"})
	if r := d.Rows.Records[0]; !r.Deleted || len(l.state.Rules()) != 0 {
		t.Errorf("%+v, left %v", r, l.state.Rules())
	}
	l.refuse(inSuite("unheard", lo.Must(encoded(event.DetectorConfigured, event.DetectorRule{Detector: "steps", Mode: event.ModeOff}))), 500, "event of default/unheard was given to default/nts")
}

func TestConfigure_SetAgain_MovesToTheEnd(t *testing.T) {
	t.Parallel()
	l := world(t)
	set := func(machine string, mode event.Mode) {
		l.do(event.DetectorConfigured, event.DetectorRule{Detector: "steps", Mode: mode, Machine: machine})
	}
	set("a-*", event.ModeOff)
	set("", event.ModeActive)
	if _, active := l.state.Rules().ActiveFor("steps", "a-1", "x", "score"); !active {
		t.Error("the last rule does not count")
	}
	set("a-*", event.ModeOff)
	if _, active := l.state.Rules().ActiveFor("steps", "a-1", "x", "score"); active || len(l.state.Rules()) != 2 {
		t.Errorf("set again it does not count: %v", l.state.Rules())
	}
	set("*", event.ModeShadow)
	if _, active := l.state.Rules().ActiveFor("steps", "zzz", "x", "score"); !active || len(l.state.Rules()) != 3 {
		t.Errorf("a shadow took the place of %v", l.state.Rules())
	}
}

func TestNotifications_OfTwoNotifiers_OneSends(t *testing.T) {
	t.Parallel()
	l := world(t)
	id := numbered(1)
	tell := func(status string, attempt uint16) event.Envelope {
		return lo.Must(encoded(event.NotificationRecorded, event.Notifications{Deliveries: []event.Delivery{{ID: id, SubscriptionID: id, Status: status, Attempt: attempt}}}))
	}
	l.refuse(tell(event.DeliveryDelivered, 1), 409, fmt.Sprintf("deliveries[0]: attempt 1 of delivery %s is not under way", id))
	l.refuse(tell(event.DeliveryStarted, 2), 409, fmt.Sprintf("deliveries[0]: attempt 2 of delivery %s does not follow 0", id))
	l.took(tell(event.DeliveryStarted, 1))
	l.refuse(tell(event.DeliveryStarted, 1), 409, fmt.Sprintf("deliveries[0]: delivery %s is started", id))
	l.took(tell(event.DeliveryFailed, 1))
	l.refuse(tell(event.DeliveryStarted, 1), 409, fmt.Sprintf("deliveries[0]: attempt 1 of delivery %s does not follow 1", id))
	l.took(tell(event.DeliveryStarted, 2))
	l.refuse(tell(event.DeliveryDelivered, 1), 409, fmt.Sprintf("deliveries[0]: attempt 1 of delivery %s is not under way", id))
	l.took(tell(event.DeliveryUncertain, 2))
	l.refuse(tell(event.DeliveryStarted, 3), 409, fmt.Sprintf("deliveries[0]: delivery %s is uncertain", id))
}

func TestSignals_OfUnknownMachines_AreRefused(t *testing.T) {
	t.Parallel()
	l := world(t)
	signal := event.Signal{MachineID: 1, Signal: event.SignalSilence, Open: true, Since: received, Expected: 6, Seen: 7, Unit: "hours"}
	other := signal
	other.MachineID = 9
	l.refuse(lo.Must(encoded(event.SignalChanged, event.Signals{Signals: []event.Signal{signal, other}})), 400, "signals[1].machine_id: no machine has the id 9")
	d := l.do(event.SignalChanged, event.Signals{Signals: []event.Signal{signal}})
	if r := d.Rows.Records[0]; r.Key != "1|silence" || r.Kind != registry.RecordSignal {
		t.Errorf("%+v", r)
	}
}

func TestUnsubscribe_WhoIsNotThere_IsRefused(t *testing.T) {
	t.Parallel()
	l := world(t)
	s := event.Subscription{ID: numbered(1), Name: "n", Channel: event.ChannelSlack, Target: "https://example.org/a?b=1&c=<2>"}
	d := l.do(event.SubscriptionSet, s)
	if got := string(d.Rows.Records[0].Body); got != fmt.Sprintf(`{"id":"%s","name":"n","channel":"slack","target":"https://example.org/a?b=1&c=<2>"}`, s.ID) {
		t.Errorf("body %s", got)
	}
	if d = l.do(event.SubscriptionRemoved, event.SubscriptionRemoval{ID: s.ID}); !d.Rows.Records[0].Deleted {
		t.Errorf("%+v", d.Rows.Records)
	}
	l.refuse(lo.Must(encoded(event.SubscriptionRemoved, event.SubscriptionRemoval{ID: s.ID})), 404, fmt.Sprintf("Did not find subscription %s", s.ID))
}

func TestBaselines_SetAgainAndRemoved_OneOfAName(t *testing.T) {
	t.Parallel()
	l := world(t)
	b := event.Baseline{Name: "release <1>", OrderID: 1, Comment: "as shipped"}
	set := func(order uint32) string {
		b.OrderID = order
		return string(l.do(event.BaselineSet, b).Rows.Records[0].Body)
	}
	if got := set(1); got != `{"name":"release <1>","order_id":1,"comment":"as shipped"}` {
		t.Errorf("body %s", got)
	}
	set(2)
	b.OrderID = 99
	l.refuse(lo.Must(encoded(event.BaselineSet, b)), 400, "order_id: no order has the id 99")
	d := l.do(event.BaselineRemoved, event.BaselineRemoval{Name: b.Name})
	if r := d.Rows.Records[0]; !r.Deleted || r.Kind != registry.RecordBaseline || string(r.Body) != `{"name":"release <1>","order_id":2,"comment":"as shipped"}` {
		t.Errorf("%+v", r)
	}
	l.refuse(lo.Must(encoded(event.BaselineRemoved, event.BaselineRemoval{Name: b.Name})), 404, "Did not find baseline 'release <1>'")
}

func TestDeliveries_ManyOfThem_TheOldestAreForgotten(t *testing.T) {
	t.Parallel()
	l := world(t)
	const each, events = 1000, 102
	id := func(i int) uuid.UUID { return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i)) }
	tell := func(from int, status string) event.Envelope {
		var e event.Notifications
		for i := range each {
			e.Deliveries = append(e.Deliveries, event.Delivery{ID: id(from + i), SubscriptionID: numbered(1), Status: status, Attempt: 1})
		}
		return lo.Must(encoded(event.NotificationRecorded, e))
	}
	l.took(tell(0, event.DeliveryStarted))
	for i := 1; i < events; i++ {
		l.took(tell(i*each, event.DeliveryStarted))
		if i == 1 {
			l.took(tell(0, event.DeliveryDelivered)) // later than the second thousand
		}
	}
	snap := l.state.Snapshot()
	kept := lo.KeyBy(snap.Records, func(r registry.RecordState) string { return r.Key })
	if len(kept) != 100_000 {
		t.Fatalf("%d are remembered", len(kept))
	}
	if _, second := kept[id(each).String()]; second {
		t.Error("the oldest is remembered")
	}
	if r, first := kept[id(0).String()]; first && r.Status != event.DeliveryDelivered {
		t.Errorf("%+v", r)
	}
	reloaded, err := registry.Load("default", "nts", snap)
	if err != nil {
		t.Fatal(err)
	}
	next := registry.Prepare(tell(events*each, event.DeliveryStarted))
	if a, b := l.state.Decide(next), reloaded.Decide(next); a.Status != event.Accepted || b.Status != a.Status {
		t.Errorf("%s, after loading %s", a.Status, b.Status)
	}
	if diff := cmp.Diff(reloaded.Snapshot().Records, l.state.Snapshot().Records); diff != "" {
		t.Errorf("after loading - before +\n%s", diff)
	}
}

func TestSubscribe_PatternsThatMatchNothing_AreRefusedByField(t *testing.T) {
	t.Parallel()
	l := world(t)
	for field, s := range map[string]event.Subscription{
		"machine: no machine of suite 'nts' matches 'b-*'":             {Machine: "b-*"},
		"test: no test of suite 'nts' matches 'nothing'":               {Machine: "a-*", Test: "nothing"},
		"metric: no metric with numbers of suite 'nts' matches 'hash'": {Test: "*", Metric: "hash"},
	} {
		s.ID, s.Name, s.Channel, s.Target = numbered(1), "n", event.ChannelEmail, "a@example.org"
		l.refuse(lo.Must(encoded(event.SubscriptionSet, s)), 400, field)
	}
	if n := len(l.state.Snapshot().Records); n != 0 {
		t.Errorf("%d records of refused subscriptions", n)
	}
	l.do(event.SubscriptionSet, event.Subscription{ID: numbered(1), Name: "n", Channel: event.ChannelEmail, Target: "a@example.org", Machine: "a-?", Test: "*alpha", Metric: "sc*"})
}

// recordModel is a list of texts by kind and key, and who is sending.
type recordModel struct {
	of       map[string]string
	attempts map[uuid.UUID]modelAttempt
}

type modelAttempt struct {
	status string
	number uint16
}

// TestRecords_AnyEvents_AsThePlainModel holds records to the model, to what is decided after loading, and refused events to changing
// nothing.
func TestRecords_AnyEvents_AsThePlainModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		l := world(t)
		m := recordModel{of: map[string]string{}, attempts: map[uuid.UUID]modelAttempt{}}
		var order []string // rules as they were set
		for range rapid.IntRange(1, 20).Draw(r, "events") {
			var e event.Envelope
			want, key, body := false, "", ""
			id := numbered(rapid.IntRange(0, 2).Draw(r, "id"))
			switch rapid.IntRange(0, 6).Draw(r, "type") {
			case 0:
				rule := event.DetectorRule{
					Detector: rapid.SampledFrom([]string{"steps", "otava"}).Draw(r, "detector"),
					Mode:     rapid.SampledFrom([]event.Mode{event.ModeActive, event.ModeShadow, event.ModeOff}).Draw(r, "mode"),
					Machine:  rapid.SampledFrom([]string{"", "*", "a-*", "nothing"}).Draw(r, "machine"), Remove: rapid.IntRange(0, 2).Draw(r, "remove") == 0,
				}
				e = lo.Must(encoded(event.DetectorConfigured, rule))
				machine := lo.CoalesceOrEmpty(rule.Machine, "*")
				key = "detector_rule " + lo.Ternary(rule.Mode == event.ModeShadow, "shadow/", "") + rule.Detector + "|" + machine + "|*|*"
				_, there := m.of[key]
				want = rule.Remove && there || !rule.Remove && machine != "nothing"
				if !rule.Remove {
					body = fmt.Sprintf(`{"detector":"%s","mode":"%s","machine":"%s","test":"*","metric":"*"}`, rule.Detector, rule.Mode, machine)
				}
				if want {
					order = lo.Without(order, key)
					if !rule.Remove {
						order = append(order, key)
					}
				}
			case 1:
				s := event.Subscription{ID: id, Name: rapid.SampledFrom([]string{"n", "<&>"}).Draw(r, "name"), Channel: event.ChannelEmail, Target: "a@example.org"}
				e = lo.Must(encoded(event.SubscriptionSet, s))
				key, want, body = "subscription "+id.String(), true, fmt.Sprintf(`{"id":"%s","name":"%s","channel":"email","target":"a@example.org"}`, id, s.Name)
			case 2:
				e = lo.Must(encoded(event.SubscriptionRemoved, event.SubscriptionRemoval{ID: id}))
				key = "subscription " + id.String()
				_, want = m.of[key]
			case 3:
				signal := event.Signal{MachineID: rapid.Uint32Range(1, 4).Draw(r, "machine"), Signal: event.SignalPartial, Open: rapid.Bool().Draw(r, "open"), Since: received, Unit: "tests"}
				e = lo.Must(encoded(event.SignalChanged, event.Signals{Signals: []event.Signal{signal}}))
				key, want = fmt.Sprintf("signal %d|partial", signal.MachineID), signal.MachineID < 4
				body = fmt.Sprintf(`{"machine_id":%d,"signal":"partial","open":%t,"since":"%s","expected":0,"seen":0,"unit":"tests"}`, signal.MachineID, signal.Open, received.Format(time.RFC3339))
			case 4:
				b := event.Baseline{Name: rapid.SampledFrom([]string{"a", "b"}).Draw(r, "name"), OrderID: rapid.Uint32Range(1, 12).Draw(r, "order")}
				e = lo.Must(encoded(event.BaselineSet, b))
				key, want, body = "baseline "+b.Name, b.OrderID <= 9, fmt.Sprintf(`{"name":"%s","order_id":%d}`, b.Name, b.OrderID)
			case 5:
				name := rapid.SampledFrom([]string{"a", "b"}).Draw(r, "name")
				e = lo.Must(encoded(event.BaselineRemoved, event.BaselineRemoval{Name: name}))
				key = "baseline " + name
				_, want = m.of[key]
			default:
				status := rapid.SampledFrom([]string{"started", "started", "delivered", "failed", "uncertain"}).Draw(r, "status")
				attempt := rapid.Uint16Range(1, 3).Draw(r, "attempt")
				e = lo.Must(encoded(event.NotificationRecorded, event.Notifications{Deliveries: []event.Delivery{{ID: id, SubscriptionID: id, Status: status, Attempt: attempt}}}))
				was := m.attempts[id]
				if status == "started" {
					want = (was.status == "" || was.status == "failed") && attempt == was.number+1
				} else {
					want = was.status == "started" && attempt == was.number
				}
				if want {
					m.attempts[id] = modelAttempt{status, attempt}
				}
			}
			if want && key != "" {
				m.of[key] = body
				if body == "" {
					delete(m.of, key)
				}
			}
			e.ID = uuid.New()
			snap := l.state.Snapshot()
			reloaded, err := registry.Load("default", "nts", snap)
			if err != nil {
				r.Fatal(err)
			}
			prepared := registry.Prepare(e)
			got := l.state.Decide(prepared)
			if (got.Status == event.Accepted) != want {
				r.Fatalf("%s %s is %s (%s), want accepted %t", e.Type, e.Body, got.Status, got.Error, want)
			}
			if diff := cmp.Diff(reloaded.Decide(prepared), got); diff != "" {
				r.Fatalf("after loading - before +\n%s", diff)
			}
			after := l.state.Snapshot()
			if !want {
				if diff := cmp.Diff(after, snap, cmpopts.IgnoreFields(registry.Snapshot{}, "LastSeq", "Seen")); diff != "" {
					r.Fatalf("refused, but changed - +\n%s", diff)
				}
			}
			if diff := cmp.Diff(reloaded.Snapshot(), after); diff != "" {
				r.Fatalf("state after loading - before +\n%s", diff)
			}
			records, attempts := map[string]string{}, map[string]string{}
			for _, record := range after.Records {
				if record.Kind == registry.RecordDelivery {
					attempts[record.Key] = fmt.Sprint(record.Status, record.Attempt)
				} else {
					records[record.Kind+" "+record.Key] = string(record.Body)
				}
			}
			sending := lo.MapEntries(m.attempts, func(id uuid.UUID, a modelAttempt) (string, string) {
				return id.String(), fmt.Sprint(a.status, a.number)
			})
			if !maps.Equal(records, m.of) || !maps.Equal(attempts, sending) {
				r.Fatalf("after %s:\n%v\n%v\nmodel:\n%v\n%v", e.Body, records, attempts, m.of, sending)
			}
			rules := lo.Map(l.state.Rules(), func(rule event.DetectorRule, _ int) string { return "detector_rule " + rule.Key() })
			if !slices.Equal(rules, order) {
				r.Fatalf("rules in the order %v, want %v", rules, order)
			}
		}
	})
}
