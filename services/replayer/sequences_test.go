package replayer_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/testkit"
)

// sequence is one suite's random history and the model's view of it.
type sequence struct {
	database, suite string
	events          []event.Envelope
	want            []event.Status
	world           *world
}

// draw makes a history in a small world, so that coincidences are common. The same number gives the same history.
func draw(n int) sequence {
	rng := rand.New(rand.NewPCG(uint64(n), 17))
	s := sequence{database: fmt.Sprintf("db%d", n%7), suite: "nts", world: newWorld(true)}
	if n%7 != n { // one built-in suite per database, all others bring their schema
		s.suite, s.world = fmt.Sprintf("suite%d", n), newWorld(false)
	}
	var ops []operation
	for i := range 12 + rng.IntN(20) {
		o := drawOperation(rng, s.world)
		o.id = numbered(n, "/", i)
		switch {
		case s.suite != "nts" && i == n%5: // mostly not the first: what comes before is refused
			o.kind, o.evolve, o.garbage = event.SuiteDefined, false, ""
		case s.suite != "nts" && i == 9 && n%2 == 0:
			o.kind, o.evolve, o.garbage = event.SuiteDefined, true, ""
		case i > 0 && rng.IntN(12) == 0: // the same again
			o = ops[rng.IntN(i)]
		case i > 0 && rng.IntN(20) == 0: // the same id for something else
			o.id = ops[rng.IntN(i)].id
		}
		ops = append(ops, o)
		s.want = append(s.want, s.world.apply(o, s.suite))
		s.events = append(s.events, o.envelope(s.database, s.suite))
	}
	return s
}

func (o operation) envelope(database, suite string) event.Envelope {
	params := map[string]string{}
	if o.kind == event.RunSubmitted {
		for name, value := range map[string]string{event.ParamMerge: o.merge, event.ParamSelectMachine: o.choose} {
			if value != "" {
				params[name] = value
			}
		}
	}
	if o.kind == event.SubmissionRefused {
		params[event.ParamRefusedCode], params[event.ParamRefusedError] = "413", "too large"
	}
	return event.Envelope{
		ID: o.id, Type: o.kind, Version: 1, Database: database, Suite: suite, ReceivedAt: received,
		Actor: "bot", RequestID: o.id.String(), ContentType: "application/json", Params: params, Body: o.body(suite),
	}
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

func drawOperation(rng *rand.Rand, w *world) operation {
	machines := []string{"alpha", "beta", "gamma"}
	spec := func() string {
		if rng.IntN(3) == 0 {
			return fmt.Sprint(1 + rng.IntN(len(w.machines)+1))
		}
		return pick(rng, machines...)
	}
	switch k := rng.IntN(100); {
	case k < 4:
		return operation{kind: event.RunSubmitted, garbage: pick(rng, "{", "[]", `{"machine":{}}`, "<plist>", "\xff\x00")}
	case k < 6:
		return operation{kind: "weather.changed", garbage: "{}"}
	case k < 8:
		return operation{kind: event.SubmissionRefused, garbage: strings.Repeat("x", rng.IntN(9)+1)}
	case k < 14:
		return operation{kind: event.RunRetracted, run: 1 + rng.IntN(w.lastRun+1)}
	case k < 19:
		at := spec()
		o := operation{kind: event.MachineUpdated, spec: at, name: at, attrs: drawAttrs(rng, w)}
		if id := w.find(at); id > 0 && rng.IntN(4) > 0 {
			o.name = w.machines[id-1].name
		}
		return o
	case k < 23:
		return operation{kind: event.MachineRenamed, spec: spec(), name: pick(rng, append(machines, "delta", "epsilon")...)}
	case k < 28:
		return operation{kind: event.MachineMerged, spec: spec(), into: spec()}
	case k < 31:
		return operation{kind: event.MachineDeleted, spec: spec()}
	default:
		return drawSubmission(rng, w, machines)
	}
}

func drawAttrs(rng *rand.Rand, w *world) map[string]string {
	attrs := map[string]string{}
	names := []string{"hardware", "os", "cc"}
	if w.evolved {
		names = append(names, "cooling")
	}
	for _, name := range names {
		if v := pick(rng, "", "a", "a", "b"); v != "" {
			attrs[name] = v
		}
	}
	return attrs
}

func drawSubmission(rng *rand.Rand, w *world, machines []string) operation {
	o := operation{
		kind:   event.RunSubmitted,
		merge:  pick(rng, "", "reject", "replace", "replace", "append", "append", "overwrite"),
		choose: pick(rng, "", "match", "update", "split", "update", "split", "guess"),
		report: &report{machine: pick(rng, machines...), attrs: drawAttrs(rng, w), order: pick(rng, "1", "2", "r2", "03", "10")},
	}
	for range rng.IntN(4) {
		t := entry{name: fmt.Sprintf("test%d", rng.IntN(6)), metric: pick(rng, "execution_time", "execution_time", "code_size", "code_size")}
		if rng.IntN(20) == 0 {
			t.metric = "nope"
		}
		if w.evolved && rng.IntN(3) == 0 {
			t.metric = "energy"
		}
		for range 1 + rng.IntN(3) {
			t.values = append(t.values, pick(rng, 0.5, 1, 2.25, 1e9))
		}
		if rng.IntN(2) == 0 {
			for range t.values {
				t.statuses = append(t.statuses, rng.IntN(3))
			}
		}
		if rng.IntN(3) == 0 {
			t.hashes = append(t.hashes, pick(rng, "0f", "it's a \\ hash"))
		}
		o.report.tests = append(o.report.tests, t)
	}
	return o
}

const sequences = 300

// Promise 6: rebuilding every table from the ledger gives the same digests, and what the tables say is what the events mean.
func TestReplay_AnySequences_SameDigestsAndAnswersAsTheNaiveModel(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	var all []sequence
	var events []event.Envelope
	for n := range sequences {
		all = append(all, draw(n))
		events = append(events, all[n].events...)
	}
	var statuses []event.Status
	for some := range slices.Chunk(events, 1000) {
		statuses = append(statuses, h.keep(some...)...)
	}
	for n, s := range all {
		if diff := cmp.Diff(statuses[:len(s.want)], s.want); diff != "" {
			t.Errorf("sequence %d: decided - meant +\n%s", n, diff)
		}
		statuses = statuses[len(s.want):]
	}
	cfg := h.config()
	cfg.ChunkEvents = 24 // the longer ones in two chunks
	if s := h.replay(cfg); s.Differences != 0 || s.Suites != sequences {
		t.Errorf("summary %+v", s)
	}
	h.wantEqual(cfg)

	rebuiltConfig := h.cfg
	rebuiltConfig.Database = h.into()
	got := answersOf(t, testkit.Open(t, rebuiltConfig))
	for n, s := range all {
		want := s.world.answers()
		for _, what := range slices.Sorted(maps.Keys(want)) {
			if diff := cmp.Diff(got[what][s.database+"/"+s.suite], want[what]); diff != "" && len(want[what])+len(got[what][s.database+"/"+s.suite]) > 0 {
				t.Errorf("sequence %d, %s: rebuilt - model +\n%s", n, what, diff)
			}
		}
	}
}

// answersOf asks the rebuilt database what the model knows, by question and suite.
func answersOf(t *testing.T, s *store.Store) map[string]map[string][]string {
	t.Helper()
	out := map[string]map[string][]string{}
	for what, text := range map[string]string{
		"machines": `concat(toString(machine_id), ' ', name, ' ', arrayStringConcat(arraySort(arrayConcat(
			arrayMap((k, v) -> concat(k, '=', v), mapKeys(fields), mapValues(fields)),
			arrayMap(p -> concat(p.1, '=', JSONExtractString(p.2)), JSONExtractKeysAndValuesRaw(params)))), ',')) AS line FROM v_machines`,
		"runs":   `concat(toString(run_id), ' machine ', toString(machine_id), ' order ', toString(order_id)) AS line FROM v_runs`,
		"orders": `concat(toString(order_id), ' ', name) AS line FROM v_orders`,
		"tests":  `name AS line FROM v_tests`,
		"samples": `concat('run ', toString(run_id), ' machine ', toString(machine_id), ' order ', toString(order_id), ' ', t.name, ' ', metric, ' ',
			if(value = 1e9, '1e+09', toString(value)), ' ', toString(failed)) AS line FROM v_samples AS s INNER JOIN v_tests AS t USING (database, suite, test_id)`,
		"texts": `concat('run ', toString(run_id), ' machine ', toString(machine_id), ' order ', toString(order_id), ' ', t.name, ' ', metric, ' ', value) AS line
			FROM v_sample_texts AS s INNER JOIN v_tests AS t USING (database, suite, test_id)`,
	} {
		out[what] = map[string][]string{}
		for _, line := range lines(t, s, "SELECT concat(database, '/', suite, '\\0', line) AS line FROM (SELECT database, suite, "+text+")") {
			suite, answer, _ := strings.Cut(line, "\x00")
			out[what][suite] = append(out[what][suite], answer)
		}
		for suite := range out[what] {
			slices.Sort(out[what][suite])
		}
	}
	return out
}
