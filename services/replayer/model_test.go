package replayer_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"tidemark/pkg/event"
)

// world is what a sequence of events amounts to, told as plainly as possible: lists that are searched from end to end. It
// shares no code with the registry and reads no body: operations say what they mean.
type world struct {
	defined, evolved bool
	machines         []*machine // by id - 1
	orders, tests    []string   // by id - 1
	runs             []*run
	lastRun          int
	seen             map[uuid.UUID]string // bodies
}

type machine struct {
	name  string
	attrs map[string]string
	gone  bool
}

type run struct {
	id, machine, order int
	samples, texts     []string // test, metric, value and whether it failed
}

// operation is an event and its meaning.
type operation struct {
	id   uuid.UUID
	kind event.Type
	// params of a submission
	merge, choose string
	report        *report
	// of the others
	spec, into, name string
	attrs            map[string]string
	run              int
	evolve           bool
	garbage          string // a body that is none
}

type report struct {
	machine string
	attrs   map[string]string
	order   string
	tests   []entry
}

// entry is one test: value i of every list is sample i of it.
type entry struct {
	name     string
	metric   string
	values   []float64
	statuses []int
	hashes   []string
}

func (o operation) body(suite string) []byte {
	if o.garbage != "" {
		return []byte(o.garbage)
	}
	var v any
	switch o.kind {
	case event.RunSubmitted:
		v = o.report.document()
	case event.RunRetracted:
		v = map[string]any{"run_id": o.run}
	case event.MachineUpdated:
		values := map[string]string{"name": o.name}
		maps.Copy(values, o.attrs)
		v = map[string]any{"machine": o.spec, "values": values}
	case event.MachineRenamed:
		v = map[string]any{"machine": o.spec, "name": o.name}
	case event.MachineMerged:
		v = map[string]any{"machine": o.spec, "into": o.into}
	case event.MachineDeleted:
		v = map[string]any{"machine": o.spec}
	case event.SuiteDefined:
		v = schemaOf(suite, o.evolve)
	default:
		v = map[string]any{}
	}
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}

// schemaOf is the schema of the suites that are not built in; what evolves is added at the end.
func schemaOf(suite string, evolved bool) any {
	metrics := []any{
		map[string]any{"name": "execution_time", "type": "Real", "status": "execution_status"},
		map[string]any{"name": "execution_status", "type": "Status"},
		map[string]any{"name": "code_size", "type": "Real"},
		map[string]any{"name": "hash", "type": "Hash"},
	}
	fields := []any{map[string]any{"name": "hardware"}, map[string]any{"name": "os"}}
	if evolved {
		metrics = append(metrics, map[string]any{"name": "energy", "type": "Real"})
		fields = append(fields, map[string]any{"name": "cooling"})
	}
	return map[string]any{
		"name": suite, "metrics": metrics, "machine_fields": fields,
		"run_fields": []any{map[string]any{"name": "llvm_project_revision", "order": true}},
	}
}

func (r *report) document() any {
	machine := map[string]any{"name": r.machine}
	for name, value := range r.attrs {
		machine[name] = value
	}
	tests := []any{}
	for _, t := range r.tests {
		doc := map[string]any{"name": t.name}
		if len(t.values) > 0 {
			doc[t.metric] = t.values
		}
		if len(t.statuses) > 0 {
			doc["execution_status"] = t.statuses
		}
		if len(t.hashes) > 0 {
			doc["hash"] = t.hashes
		}
		tests = append(tests, doc)
	}
	return map[string]any{
		"format_version": "2", "machine": machine, "tests": tests,
		"run": map[string]any{"llvm_project_revision": r.order, "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
	}
}

func newWorld(builtIn bool) *world { return &world{defined: builtIn, seen: map[uuid.UUID]string{}} }

// apply says what becomes of an operation, and lets it happen.
func (w *world) apply(o operation, suite string) event.Status {
	body := string(o.body(suite))
	if before, again := w.seen[o.id]; again {
		if before == body {
			return event.Duplicate
		}
		return event.Rejected
	}
	w.seen[o.id] = body
	happened := false
	switch {
	case o.garbage != "":
	case o.kind == event.SuiteDefined:
		w.defined, w.evolved = true, w.evolved || o.evolve
		happened = true
	case !w.defined:
	case o.kind == event.RunSubmitted:
		happened = w.submit(o)
	case o.kind == event.RunRetracted:
		happened = w.drop(func(r *run) bool { return r.id == o.run })
	case o.kind == event.MachineUpdated:
		happened = w.update(o)
	case o.kind == event.MachineRenamed:
		happened = w.rename(o)
	case o.kind == event.MachineMerged:
		happened = w.fold(o)
	case o.kind == event.MachineDeleted:
		if at := w.find(o.spec); at > 0 {
			w.machines[at-1].gone, happened = true, true
			w.drop(func(r *run) bool { return r.machine == at })
		}
	}
	if happened {
		return event.Accepted
	}
	return event.Rejected
}

func (w *world) drop(which func(*run) bool) bool {
	before := len(w.runs)
	w.runs = slices.DeleteFunc(w.runs, which)
	return len(w.runs) < before
}

// find gives the machine a spec means: an id, or a name that one machine has. 0 is none.
func (w *world) find(spec string) int {
	if id, err := strconv.Atoi(spec); err == nil {
		if id >= 1 && id <= len(w.machines) && !w.machines[id-1].gone {
			return id
		}
		return 0
	}
	found := 0
	for i, m := range w.machines {
		if m.name == spec && !m.gone {
			if found > 0 {
				return 0
			}
			found = i + 1
		}
	}
	return found
}

func (w *world) update(o operation) bool {
	at := w.find(o.spec)
	if at == 0 || w.machines[at-1].name != o.name {
		return false
	}
	w.machines[at-1].attrs = maps.Clone(o.attrs)
	return true
}

func (w *world) rename(o operation) bool {
	at := w.find(o.spec)
	if at == 0 {
		return false
	}
	for _, m := range w.machines {
		if m.name == o.name && !m.gone {
			return false
		}
	}
	w.machines[at-1].name = o.name
	return true
}

func (w *world) fold(o operation) bool {
	from, into := w.find(o.spec), w.find(o.into)
	if from == 0 || into == 0 || from == into {
		return false
	}
	for _, r := range w.runs {
		if r.machine == from {
			r.machine = into
		}
	}
	w.machines[from-1].gone = true
	return true
}

func (w *world) submit(o operation) bool {
	if o.choose == "guess" {
		return false
	}
	for _, t := range o.report.tests {
		if t.metric == "nope" || t.metric == "energy" && !w.evolved {
			return false
		}
	}
	at, ok := w.choose(o)
	if !ok {
		return false
	}
	order := slices.Index(w.orders, o.report.order) + 1
	var there []*run
	for _, r := range w.runs {
		if at > 0 && r.machine == at && r.order == order {
			there = append(there, r)
		}
	}
	if len(there) > 0 && o.merge != "replace" && o.merge != "append" {
		return false
	}
	if at == 0 {
		w.machines = append(w.machines, &machine{name: o.report.machine, attrs: map[string]string{}})
		at = len(w.machines)
	}
	maps.Copy(w.machines[at-1].attrs, o.report.attrs)
	if order == 0 {
		w.orders = append(w.orders, o.report.order)
		order = len(w.orders)
	}
	r := &run{machine: at, order: order}
	if len(there) > 0 && o.merge == "replace" {
		r.id = slices.MaxFunc(there, func(a, b *run) int { return cmp.Compare(a.id, b.id) }).id
		w.drop(func(other *run) bool { return slices.Contains(there, other) })
	} else {
		w.lastRun++
		r.id = w.lastRun
	}
	w.runs = append(w.runs, r)
	for _, t := range o.report.tests {
		w.measure(r, t)
	}
	return true
}

// choose finds the machine a report belongs to; 0 is a new one.
func (w *world) choose(o operation) (at int, ok bool) {
	newest := 0
	for i := len(w.machines); i >= 1; i-- {
		m := w.machines[i-1]
		if m.gone || m.name != o.report.machine {
			continue
		}
		same := true
		for name, value := range o.report.attrs {
			if was, has := m.attrs[name]; has && was != value {
				same = false
			}
		}
		if same {
			return i, true
		}
		if newest == 0 {
			newest = i
		}
	}
	switch {
	case newest == 0 || o.choose == "split":
		return 0, true
	case o.choose == "update":
		return newest, true
	default:
		return 0, false
	}
}

func (w *world) measure(r *run, t entry) {
	if !slices.Contains(w.tests, t.name) {
		w.tests = append(w.tests, t.name)
	}
	for i, v := range t.values {
		failed := 0
		if t.metric == "execution_time" && i < len(t.statuses) && t.statuses[i] == 1 {
			failed = 1
		}
		r.samples = append(r.samples, fmt.Sprintf("%s %s %v %d", t.name, t.metric, v, failed))
	}
	for _, s := range t.statuses {
		r.texts = append(r.texts, fmt.Sprintf("%s execution_status %d", t.name, s))
	}
	for _, h := range t.hashes {
		r.texts = append(r.texts, t.name+" hash "+h)
	}
}

// answers are the world as lines, by what is asked.
func (w *world) answers() map[string][]string {
	out := map[string][]string{"machines": {}, "runs": {}, "samples": {}, "texts": {}, "orders": {}, "tests": {}}
	for i, m := range w.machines {
		if !m.gone {
			attrs := []string{}
			for _, name := range slices.Sorted(maps.Keys(m.attrs)) {
				attrs = append(attrs, name+"="+m.attrs[name])
			}
			out["machines"] = append(out["machines"], fmt.Sprintf("%d %s %s", i+1, m.name, strings.Join(attrs, ",")))
		}
	}
	for _, r := range w.runs {
		out["runs"] = append(out["runs"], fmt.Sprintf("%d machine %d order %d", r.id, r.machine, r.order))
		for _, s := range r.samples {
			out["samples"] = append(out["samples"], fmt.Sprintf("run %d machine %d order %d %s", r.id, r.machine, r.order, s))
		}
		for _, s := range r.texts {
			out["texts"] = append(out["texts"], fmt.Sprintf("run %d machine %d order %d %s", r.id, r.machine, r.order, s))
		}
	}
	for i, name := range w.orders {
		out["orders"] = append(out["orders"], fmt.Sprintf("%d %s", i+1, name))
	}
	// The ids of tests that come with one report follow the report's own rules.
	out["tests"] = append(out["tests"], w.tests...)
	for _, list := range out {
		slices.Sort(list)
	}
	return out
}
