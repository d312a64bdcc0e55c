package registry

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tidemark/pkg/event"
	"tidemark/pkg/report"
	"tidemark/pkg/suite"
)

// What happens to a run whose place is taken.
const (
	mergeReject  = "reject"
	mergeReplace = "replace"
	mergeAppend  = "append"
)

// plan is everything a submission will change, worked out before anything is changed.
type plan struct {
	report  *report.Resolved
	machine *machine
	// keepRun and keepMachine are the ids that were asked for; 0 for any.
	keepRun, keepMachine uint32
	order                uint32 // 0 when it is new
	key                  string
	// replaced are the runs that give way to this one.
	replaced []run
	ignore   bool
}

// submit decides a report: policy, suite, report, machine, place; then all of it happens or none.
func (s *State) submit(p Prepared) Decision {
	params := p.Envelope.Params
	policy, why := selectPolicy(params)
	if why != nil {
		return rejected(why)
	}
	if s.schema == nil {
		return rejected(s.unknownSuite())
	}
	if p.Refusal != nil {
		return rejected(p.Refusal)
	}
	if p.Submission == nil {
		return rejected(refusal(internalError, "", "event was not prepared", ""))
	}
	resolved, err := p.Submission.Resolve(*s.schema, p.Envelope.ReceivedAt)
	if err != nil {
		return rejected(fromReport(err))
	}
	pl := plan{report: resolved, key: orderKey(resolved.Order), ignore: params[event.ParamIgnoreRegressions] != ""}
	if why = pl.readKept(params); why != nil {
		return rejected(why)
	}
	if pl.machine, why = s.chooseFor(pl, policy); why != nil {
		return rejected(why)
	}
	pl.order = s.orders[pl.key]
	if pl.replaced, why = s.placeFor(pl, params[event.ParamMerge]); why != nil {
		return rejected(why)
	}
	if why := s.freeRun(pl); why != nil {
		return rejected(why)
	}
	if why := s.room(resolved); why != nil {
		return rejected(why)
	}
	return s.accepted(s.apply(pl))
}

func reportedMachine(r *report.Resolved) *machine {
	return &machine{name: r.MachineName, fields: r.MachineFields, params: texts(r.MachineParams)}
}

// placeFor applies the merge policy: which runs give way, or why this one may not come in. An unknown policy is noticed only when
// the place is taken, as in LNT.
func (s *State) placeFor(pl plan, policy string) ([]run, *Refusal) {
	taken := s.runs.of(place{pl.machine.id, pl.order})
	if len(taken) == 0 || policy == mergeAppend {
		return nil, nil
	}
	switch policy {
	case "", mergeReject:
		return nil, refusal(badRequest, "run."+s.schema.OrderFields()[0],
			fmt.Sprintf("import failure: Duplicate submission for '%s'", suite.DisplayOrder(pl.report.Order)), "")
	case mergeReplace:
		return slices.Clone(taken), nil
	default:
		return nil, refusal(badRequest, event.ParamMerge, fmt.Sprintf("import failure: Invalid Run mergeStrategy '%s'", policy), "")
	}
}

// room refuses what no id is left for, so that no serial ever wraps around.
func (s *State) room(r *report.Resolved) *Refusal {
	largest := max(s.last.load, s.last.run, s.last.machine, s.last.order)
	tests := uint64(s.last.test) + uint64(len(r.Tests))
	if largest == math.MaxUint32 || tests > math.MaxUint32 || s.last.sample > math.MaxUint64-uint64(len(r.Samples.RowTest)) {
		return refusal(insufficientStorage, "", "import failure: the suite has no ids left", "")
	}
	return nil
}

// apply changes the state and yields the rows. It cannot fail.
func (s *State) apply(pl plan) Decision {
	var d Decision
	s.applyMachine(pl, &d)
	if pl.order == 0 {
		pl.order = s.addOrder(pl, &d)
	}
	testIDs := s.applyTests(pl.report.Tests, &d)
	row := s.newRun(pl, testIDs)
	row.MachineID = d.MachineID
	s.occupy(place{d.MachineID, pl.order}, pl, row, &d)
	d.Rows.Run = row
	d.RunID, d.OrderID = row.ID, pl.order
	d.Added.Runs = 1 - len(pl.replaced)
	d.Added.Samples = int(row.SampleRows)
	d.Compared = s.compared(row.ID)
	return d
}

func (s *State) applyMachine(pl plan, d *Decision) {
	m := pl.machine
	switch {
	case m.id == 0:
		id := cmp.Or(pl.keepMachine, s.last.machine+1)
		s.last.machine = max(s.last.machine, id)
		m = &machine{id: id, name: strings.Clone(m.name), fields: cloneTexts(m.fields), params: cloneTexts(m.params)}
		d.Added.Machines = 1
	case s.machines[m.id] == m: // as it was
		d.MachineID = m.id
		return
	default:
		m = &machine{id: m.id, name: s.machines[m.id].name, fields: cloneTexts(m.fields), params: cloneTexts(m.params)}
	}
	s.keep(m)
	d.MachineID = m.id
	d.Rows.Machines = []MachineRow{m.row()}
}

func (s *State) addOrder(pl plan, d *Decision) uint32 {
	id := s.last.order + 1
	s.putOrder(id, pl.report.Order)
	d.Rows.Orders = []OrderRow{orderRow(id, s.orderValues[id])}
	return id
}

func orderRow(id uint32, values []string) OrderRow {
	return OrderRow{ID: id, Values: slices.Clone(values), Name: suite.DisplayOrder(values), SortKey: suite.SortKey(values...)}
}

// applyTests gives the id of every name, in the order of names.
func (s *State) applyTests(names []string, d *Decision) []uint32 {
	ids := make([]uint32, len(names))
	for i, name := range names {
		id, ok := s.tests[name]
		if !ok {
			id = s.last.test + 1
			name = strings.Clone(name) // the report's texts may be parts of its body, which would stay in memory
			s.putTest(id, name)
			d.Rows.Tests = append(d.Rows.Tests, TestRow{ID: id, Name: name})
		}
		ids[i] = id
	}
	d.Added.Tests = len(d.Rows.Tests)
	return ids
}

func (s *State) newRun(pl plan, testIDs []uint32) *RunRow {
	r := pl.report
	rowTest := make([]uint32, len(r.Samples.RowTest))
	for row, test := range r.Samples.RowTest {
		rowTest[row] = testIDs[test]
	}
	s.last.load++
	row := &RunRow{
		LoadID:            s.last.load,
		OrderID:           pl.order,
		Start:             r.Start,
		End:               r.End,
		Fields:            r.RunFields,
		Params:            joinObject(texts(r.RunParams)),
		IgnoreRegressions: pl.ignore,
		FirstSampleID:     s.last.sample + 1,
		SampleRows:        uint32(len(rowTest)),
		RowTestID:         rowTest,
		Samples:           s.samples(&r.Samples, rowTest),
		Profiles:          profilesOf(r, rowTest),
	}
	s.last.sample += uint64(len(rowTest))
	return row
}

// samples are the report's columns with ids and names in place of indexes. Columns that need no change are shared with the report.
func (s *State) samples(r *report.Samples, rowTest []uint32) Samples {
	failed := make([]uint8, len(r.Failed))
	for i, f := range r.Failed {
		if f {
			failed[i] = 1
		}
	}
	return Samples{
		Row: r.Row, TestID: testsOf(r.Row, rowTest), Metric: s.metricsOf(r.Metric), Value: r.Value, Failed: failed,
		TextRow: r.TextRow, TextTestID: testsOf(r.TextRow, rowTest), TextMetric: s.metricsOf(r.TextMetric), Text: r.Text,
	}
}

func (s *State) metricsOf(indexes []uint16) []string {
	names := make([]string, len(indexes))
	for i, index := range indexes {
		names[i] = s.schema.Metrics[index].Name
	}
	return names
}

func testsOf(rows, rowTest []uint32) []uint32 {
	ids := make([]uint32, len(rows))
	for i, row := range rows {
		ids[i] = rowTest[row]
	}
	return ids
}

// occupy gives the run its id and its place. A run that replaces others takes over the id of the last of them, so that its URL stays
// valid; the other ids are gone.
func (s *State) occupy(at place, pl plan, row *RunRow, d *Decision) {
	row.ID = s.last.run + 1
	if n := len(pl.replaced); n > 0 {
		row.ID = pl.replaced[n-1].id
	}
	row.ID = cmp.Or(pl.keepRun, row.ID)
	s.last.run = max(s.last.run, row.ID)
	for _, r := range pl.replaced {
		d.Rows.Superseded = append(d.Rows.Superseded, r.load)
		if r.id != row.ID {
			d.Rows.DeletedRuns = append(d.Rows.DeletedRuns, r.id)
		}
	}
	if len(pl.replaced) > 0 {
		s.runs.clear(at)
	}
	s.runs.add(at, run{row.ID, row.LoadID, s.seq, row.Start.UnixMicro()})
}

func cloneTexts(m map[string]string) map[string]string {
	next := make(map[string]string, len(m))
	for name, value := range m {
		next[strings.Clone(name)] = strings.Clone(value)
	}
	return next
}
