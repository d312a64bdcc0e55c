package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"tidemark/pkg/suite"
)

// verifier asks the target for what the journal says it has.
type verifier struct {
	i        *Importer
	j        *job
	done     *journal
	machines []Machine
	there    *restSuite
}

// verify compares the numbers of runs by suite and machine, then some runs value by value. What it returns are differences.
func (v *verifier) verify(ctx context.Context, heads []Head) ([]string, error) {
	there, err := v.j.target.source().open(ctx, v.j.target.database, v.j.target.suite)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	v.there = there
	differences, err := v.compareCounts(ctx, heads)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	compared := 0
	for _, h := range picked(heads, v.i.cfg.Verify) {
		at, ok := v.done.stored[h.ID]
		if !ok {
			continue
		}
		difference, err := v.compareRun(ctx, h, at)
		if err != nil {
			return nil, fmt.Errorf("compare run %d: %w", h.ID, err)
		}
		compared++
		if difference != "" {
			differences = append(differences, fmt.Sprintf("%s: run %d (%d there): %s", v.j, h.ID, at.run, difference))
		}
	}
	if len(differences) == 0 {
		v.i.say("%s: %d runs on both sides, %d compared value by value: the same", v.j, len(heads), compared)
	} else {
		v.i.say("%s: %d differences, the first: %s", v.j, len(differences), differences[0])
	}
	return differences, nil
}

// picked are n of the runs, evenly spread, the first and the last among them; -1: all.
func picked(heads []Head, n int) []Head {
	if n < 0 || n >= len(heads) {
		return heads
	}
	out := make([]Head, n)
	for k := range out {
		at := 0
		if n > 1 {
			at = k * (len(heads) - 1) / (n - 1)
		}
		out[k] = heads[at]
	}
	return out
}

// compareCounts looks for every run on the machine it came to.
func (v *verifier) compareCounts(ctx context.Context, heads []Head) ([]string, error) {
	listed := map[uint32]map[uint32]bool{} // runs by machine, at the target
	for _, h := range heads {
		at, ok := v.done.stored[h.ID]
		if !ok || listed[at.machine] != nil {
			continue
		}
		runs, err := v.runsOf(ctx, at.machine)
		if err != nil {
			return nil, err
		}
		listed[at.machine] = runs
	}
	type tally struct {
		here, there int
		missing     uint32
	}
	tallies, total := map[uint32]*tally{}, tally{}
	for _, h := range heads {
		t := tallies[h.MachineID]
		if t == nil {
			t = &tally{}
			tallies[h.MachineID] = t
		}
		t.here++
		total.here++
		if at, ok := v.done.stored[h.ID]; ok && listed[at.machine][at.run] {
			t.there++
			total.there++
		} else if t.missing == 0 {
			t.missing = h.ID
		}
	}
	var differences []string
	for _, m := range v.machines {
		if t := tallies[m.ID]; t != nil && t.here != t.there {
			differences = append(differences, fmt.Sprintf("%s: machine %s (%d) has %d runs at the source, %d of them at the target; the first that is missing is run %d",
				v.j, m.Name, m.ID, t.here, t.there, t.missing))
		}
	}
	if total.here != total.there {
		v.i.say("%s: %d runs at the source, %d of them at the target", v.j, total.here, total.there)
	}
	return differences, nil
}

func (v *verifier) runsOf(ctx context.Context, machine uint32) (map[uint32]bool, error) {
	runs := map[uint32]bool{}
	body, err := v.there.read(ctx, v.there.path+"machines/"+strconv.FormatUint(uint64(machine), 10))
	if isStatus(err, http.StatusNotFound) {
		return runs, nil
	}
	if err != nil {
		return nil, err
	}
	return runs, eachRun(body, func(o Object) error {
		id, err := number(o, "id")
		runs[id] = true
		return err
	})
}

// compareRun reads a run from both sides and says what differs first.
func (v *verifier) compareRun(ctx context.Context, h Head, at stored) (string, error) {
	here, err := v.j.source.Run(ctx, h.ID)
	if errors.Is(err, errGone) {
		return "", nil // deleted since
	}
	if err != nil {
		return "", err
	}
	there, err := v.there.Run(ctx, at.run)
	if errors.Is(err, errGone) {
		return "is not there", nil
	}
	if err != nil {
		return "", err
	}
	schema := v.j.source.Schema()
	tidy(here, schema)
	if v.i.cfg.KeepIDs {
		if d := v.compareIDs(here, there); d != "" {
			return d, nil
		}
	}
	return difference(here, there, schema, v.there.schema), nil
}

func (v *verifier) compareIDs(here, there *Run) string {
	order := here.OrderID
	if first, same := v.j.same[order]; same {
		order = first
	}
	for _, c := range []struct {
		what       string
		want, have uint32
	}{{"id", here.ID, there.ID}, {"machine id", here.MachineID, there.MachineID}, {"order_id", order, there.OrderID}} {
		if c.want != c.have {
			return fmt.Sprintf("%s is %d there, want %d", c.what, c.have, c.want)
		}
	}
	return ""
}

// difference is the first thing that two runs do not have in common, ids left aside.
func difference(here, there *Run, schema, other suite.Schema) string {
	if here.MachineName != there.MachineName {
		return fmt.Sprintf("machine is %q there, want %q", there.MachineName, here.MachineName)
	}
	if d := differentObject("machine", here.MachineAttrs, there.MachineAttrs); d != "" {
		return d
	}
	if !slices.Equal(here.Order, there.Order) {
		return fmt.Sprintf("order is %q there, want %q", there.Order, here.Order)
	}
	for _, t := range [][3]string{{"start_time", here.Began, there.Began}, {"end_time", here.End, there.End}} {
		if !parseTime(t[1]).Equal(parseTime(t[2])) {
			return fmt.Sprintf("%s is %q there, want %q", t[0], t[2], t[1])
		}
	}
	if d := differentObject("run", here.Attrs, there.Attrs); d != "" {
		return d
	}
	return differentRows(here.Rows, there.Rows, schema, other)
}

func differentObject(what string, here, there Object) string {
	for name, want := range here {
		if isNull(want) {
			continue
		}
		if have, ok := there[name]; !ok {
			return fmt.Sprintf("%s.%s is missing there, want %s", what, name, want)
		} else if !sameJSON(want, have) {
			return fmt.Sprintf("%s.%s is %s there, want %s", what, name, have, want)
		}
	}
	for name, have := range there {
		if isNull(here[name]) && !isNull(have) {
			return fmt.Sprintf("%s.%s is %s there, want nothing", what, name, have)
		}
	}
	return ""
}

func differentRows(here, there []Row, schema, other suite.Schema) string {
	if len(here) != len(there) {
		return fmt.Sprintf("has %d samples there, want %d", len(there), len(here))
	}
	for n := range here {
		if here[n].Test != there[n].Test {
			return fmt.Sprintf("sample %d is of test %q there, want %q", n, there[n].Test, here[n].Test)
		}
		for i, m := range schema.Metrics {
			at, _, ok := other.Metric(m.Name)
			if !ok {
				return fmt.Sprintf("metric %s is not there", m.Name)
			}
			want, have := here[n].Values[i], there[n].Values[at]
			if !sameJSON(want, have) {
				return fmt.Sprintf("sample %d, test %q: %s is %s there, want %s", n, here[n].Test, m.Name, orNull(have), orNull(want))
			}
		}
	}
	return ""
}

func orNull(v json.RawMessage) json.RawMessage {
	if v == nil {
		return json.RawMessage("null")
	}
	return v
}

// sameJSON compares values, not spellings. A declared field holds text: a number that became one is the same.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) || isNull(a) && isNull(b) {
		return true
	}
	x, okX := value(a)
	y, okY := value(b)
	if !okX || !okY {
		return false
	}
	return sameValue(x, y) || sameText(x, b) || sameText(y, a)
}

func sameText(v any, other json.RawMessage) bool {
	s, ok := v.(string)
	return ok && s == string(other)
}

func value(v json.RawMessage) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.UseNumber()
	var out any
	err := dec.Decode(&out)
	return out, err == nil
}

func sameValue(a, b any) bool {
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return false
		}
		f, err := x.Float64()
		g, bad := y.Float64()
		return x == y || err == nil && bad == nil && f == g
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, sameValue)
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for name, v := range x {
			w, there := y[name]
			if !there || !sameValue(v, w) {
				return false
			}
		}
		return true
	default:
		return a == b
	}
}
