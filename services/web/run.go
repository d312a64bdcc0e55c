package web

import (
	"cmp"
	"context"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

type runBody struct {
	Run        runDetailRow
	Attributes []attribute
	// Against are the runs this one is compared with; empty for a machine's first order.
	Against []neighbourRow
	// Chosen says that the reader chose what to compare with, and Baseline by which name, if by one; Baselines are those there are.
	Chosen    bool
	Baseline  string
	Baselines []string
	// Newer and Older are the nearest orders of the machine, Siblings other runs of this one.
	Newer, Older *neighbourRow
	Siblings     []neighbourRow
	Results      []result
	Tabs         []tab
	Summary      []metricSummary
	Metrics      []metricChoice
	Pager        pager
	Test, Metric string
	Show         string
	// TestFilter is LNT's filter, a regular expression; Notes are about LNT's parameters that do nothing here.
	TestFilter *regexp.Regexp
	Notes      []string

	machines machineBook
}

// result is one line of the table.
type result struct {
	comparison
	TestID       uint32
	Test         string
	Metric       metricChoice
	CurrentText  string
	PreviousText string
	Change       string
	Samples      int
	Graph        string
}

// Bad and Good colour a result.
func (r result) Bad() bool { return r.Outcome == regressed || r.Outcome == newFailure }

// Good is the opposite of Bad; most results are neither.
func (r result) Good() bool { return r.Outcome == improved || r.Outcome == newPass }

// metricSummary counts the outcomes of one metric.
type metricSummary struct {
	Metric metricChoice
	Counts [outcomes]int
	Total  int
}

// Of is the number of results with an outcome, by its key.
func (m metricSummary) Of(key string) int {
	for o := range outcomes {
		if o.Key() == key {
			return m.Counts[o]
		}
	}
	return 0
}

// run answers /v4/<suite>/<run>.
func (s *Service) run(c *fiber.Ctx) error {
	v, in, body, all, err := s.comparedRun(c, "overview")
	if err != nil {
		return err
	}
	v.Title = "Run " + digitsOf(body.Run.RunID) + " · " + body.Run.Machine + " · " + body.Run.Order
	v.Crumbs = append(v.Crumbs, crumb{body.Run.Machine, v.L.Machine(in.Database, in.Name, body.Run.MachineID)})
	v.crumb("Run " + digitsOf(body.Run.RunID))
	if err := s.fillResults(c.UserContext(), v.L, in, &body, body.choose(all)); err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "run", v)
}

// comparedRun starts a page about the run that the address names, and reads all its results beside those that it is compared with; they are
// counted in it, and none of them is filled in yet.
func (s *Service) comparedRun(c *fiber.Ctx, section string) (view, suiteView, runBody, []pairResult, error) {
	v, in, body, chosen, err := s.findRun(c, section)
	if err != nil {
		return v, in, body, nil, err
	}
	if err := s.readRunFilter(c, in, &body); err != nil {
		return v, in, body, nil, err
	}
	all, err := s.compareRun(c.UserContext(), in, &body, chosen)
	body.summarize(c, in, all)
	return v, in, body, all, err
}

// findRun starts a page about the run that the address names, with the one that it chooses to compare with, which may be none.
func (s *Service) findRun(c *fiber.Ctx, section string) (v view, in suiteView, body runBody, chosen *runDetailRow, err error) {
	var found []runDetailRow
	id, idErr := pathID(c, "run", "run")
	other, name, otherErr := chosenOther(c)
	v, in, err = s.suitePageBeside(c, "", section, readTo(&body.machines, s.machines), readTo(&body.Baselines, s.baselineNames), readTo(&found, func(ctx context.Context, in suiteView) ([]runDetailRow, error) {
		return s.runRows(ctx, in, id, uint32(other))
	}))
	if err = cmp.Or(err, idErr, otherErr); err != nil {
		return v, in, body, nil, err
	}
	if err = s.nameRuns(c.UserContext(), in, body.machines, found); err != nil {
		return v, in, body, nil, err
	}
	byID := func(id uint32) *runDetailRow {
		at := slices.IndexFunc(found, func(r runDetailRow) bool { return r.RunID == id && r.Machine != "" && r.Order != "" })
		if at < 0 {
			return nil
		}
		return &found[at]
	}
	run := byID(id)
	if run == nil {
		return v, in, body, nil, notHere("Suite "+in.Name+" has no run "+digitsOf(id)+".",
			"It may have been deleted. Choose one from the newest runs.", v.L.Suite(in.Database, in.Name), "Runs of "+in.Name)
	}
	body.Run, body.Attributes, body.Metrics = *run, attributes(in.RunFields, run.Fields, run.Params), in.realMetrics()
	if other == 0 {
		chosen, err = s.baselineRun(c, v.L, in, &body)
		return v, in, body, chosen, err
	}
	if chosen = byID(uint32(other)); chosen == nil || chosen == run {
		return v, in, body, nil, notHere("There is no other run "+uintText(other)+" to compare with.", "Change or remove "+name+" in the address.",
			v.L.Run(in.Database, in.Name, id), "Run "+digitsOf(id)+" against the order before")
	}
	return v, in, body, chosen, nil
}

// runRows are some runs, without names; a zero is no run.
func (s *Service) runRows(ctx context.Context, in suiteView, ids ...uint32) ([]runDetailRow, error) {
	return list[runDetailRow](ctx, s, "page_run", with(ofSuite(in), store.Params{"run_ids": lo.Uniq(lo.Without(ids, 0))}))
}

// nameRuns says what the machines, those that the runs count for, and the orders of runs are called; "" is about to appear.
func (s *Service) nameRuns(ctx context.Context, in suiteView, machines machineBook, runs []runDetailRow) error {
	orders, err := s.chartOrders(ctx, in, lo.Map(runs, func(r runDetailRow, _ int) uint32 { return r.OrderID }))
	for i := range runs {
		r := &runs[i]
		r.MachineID = machines.of(r.MachineID)
		r.Machine, r.Order, r.orderKey = machines.names[r.MachineID], orders[r.OrderID].Name, orders[r.OrderID].SortKey
	}
	return err
}

func (s *Service) runByID(ctx context.Context, in suiteView, id uint32) (row runDetailRow, found bool, err error) {
	var (
		machines machineBook
		rows     []runDetailRow
	)
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		machines, err = s.machines(both, in)
		return err
	})
	group.Go(func() (err error) {
		rows, err = s.runRows(both, in, id)
		return err
	})
	if err = group.Wait(); err == nil {
		err = s.nameRuns(ctx, in, machines, rows)
	}
	if err != nil || len(rows) == 0 {
		return row, false, err
	}
	return rows[0], rows[0].Machine != "" && rows[0].Order != "", nil
}

func (s *Service) readRunFilter(c *fiber.Ctx, in suiteView, body *runBody) (err error) {
	if body.Test, err = text(c, "test"); err != nil {
		return err
	}
	if body.TestFilter, err = pattern(c, "test_filter"); err != nil {
		return err
	}
	body.Notes = lntNotes(c)
	if body.Metric, err = readMetric(c, in); err != nil {
		return err
	}
	words := []string{""}
	for o := range outcomes {
		words = append(words, o.Key())
	}
	if body.Show, err = choice(c, "show", words...); err != nil {
		return err
	}
	body.Pager, err = readPager(c, s.cfg.ResultRows)
	return err
}

// neighbours finds the runs of the order before on the same machine, which the run is compared with unless another is chosen, and those
// around it.
func (s *Service) neighbours(ctx context.Context, in suiteView, body *runBody) error {
	rows, err := s.neighboursOf(ctx, in, body.machines, body.Run)
	for i := range rows {
		switch row := rows[i]; {
		case row.Side < 0:
			body.Against = append(body.Against, row)
			body.Older = cmp.Or(body.Older, &rows[i])
		case row.Side > 0:
			body.Newer = cmp.Or(body.Newer, &rows[i])
		case row.RunID != body.Run.RunID:
			body.Siblings = append(body.Siblings, row)
		}
	}
	return err
}

// neighboursOf are the runs of the order before on a run's machine, then those of its own, then those of the order after, the newest first.
func (s *Service) neighboursOf(ctx context.Context, in suiteView, machines machineBook, run runDetailRow) ([]neighbourRow, error) {
	on := with(ofSuite(in), store.Params{"own_machine_ids": machines.madeOf(run.MachineID)})
	around, _, err := one[aroundRow](ctx, s, "page_run_around", with(on, store.Params{
		"order_id": run.OrderID, "order_key": hex.EncodeToString([]byte(run.orderKey)),
	}))
	if err != nil {
		return nil, err
	}
	rows, err := list[neighbourRow](ctx, s, "page_run_neighbours", with(on, store.Params{
		"order_ids": lo.Without([]uint32{around.Before, run.OrderID, around.After}, 0),
	}))
	if err != nil {
		return nil, err
	}
	orders, err := s.chartOrders(ctx, in, lo.Map(rows, func(r neighbourRow, _ int) uint32 { return r.OrderID }))
	for i := range rows {
		at := orders[rows[i].OrderID]
		rows[i].Order = at.Name
		rows[i].Side = compareOrders(at, chartOrderRow{ID: run.OrderID, SortKey: run.orderKey})
	}
	slices.SortStableFunc(rows, func(a, b neighbourRow) int { return cmp.Compare(a.Side, b.Side) })
	return rows, err
}

// chosenOther is the run that the address chooses to compare with, and by which of LNT's parameters; 0 for none.
func chosenOther(c *fiber.Ctx) (id uint64, name string, err error) {
	for _, name = range []string{"compare_to", "baseline"} {
		if id, err = number(c, name, 1<<32-1); err != nil || id != 0 {
			return id, name, err
		}
	}
	return 0, "", nil
}

// pair is a test and a metric, by its field index.
type pair struct {
	test  uint32
	field int
}

type pairResult struct {
	pair
	comparison
	samples int
}

// compareRun compares every test and metric with the chosen run or else with the order before, in no order. The run itself is read while it
// is looked for what comes before.
func (s *Service) compareRun(ctx context.Context, in suiteView, body *runBody, chosen *runDetailRow) ([]pairResult, error) {
	r := newReader(in)
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return s.neighbours(both, in, body) })
	now := []uint64{body.Run.Seq}
	if chosen != nil {
		group.Go(func() error { return s.readRuns(both, in, r, []uint64{chosen.Seq}, now) })
	} else {
		group.Go(func() error { return s.readRuns(both, in, r, nil, now) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if chosen != nil {
		body.Chosen = true
		body.Against = []neighbourRow{{RunID: chosen.RunID, Seq: chosen.Seq, OrderID: chosen.OrderID, Order: chosen.Order}}
	} else if err := s.readRuns(ctx, in, r, lo.Map(body.Against, func(r neighbourRow, _ int) uint64 { return r.Seq }), nil); err != nil {
		return nil, err
	}
	read := r.sides()
	wanted, err := s.testsNamed(ctx, in, read, body.Test, body.TestFilter)
	if err != nil {
		return nil, err
	}
	all := make([]pairResult, 0, len(read.pairs))
	for i, at := range read.pairs {
		if wanted != nil && !wanted[at.test] {
			continue
		}
		older, newer := read.both[i][0], read.both[i][1]
		older.hash, newer.hash = r.hashes[at.test][0], r.hashes[at.test][1]
		all = append(all, pairResult{at, compareSides(newer, older, in.Metrics[at.field]), len(newer.values)})
	}
	return all, nil
}

// comparePairs puts the most interesting first.
func comparePairs(a, b pairResult) int {
	return cmp.Or(byInterest(a.comparison, b.comparison), cmp.Compare(a.test, b.test), cmp.Compare(a.field, b.field))
}

// testsNamed are the tests whose name has the text in it and fits the pattern; nil for all of them.
func (s *Service) testsNamed(ctx context.Context, in suiteView, read sides, part string, fits *regexp.Regexp) (map[uint32]bool, error) {
	if part == "" && fits == nil {
		return nil, nil
	}
	names, err := s.testNames(ctx, in, lo.Map(read.pairs, func(p pair, _ int) uint32 { return p.test }))
	if err != nil {
		return nil, err
	}
	part = strings.ToLower(part)
	return lo.MapValues(names, func(name string, _ uint32) bool {
		return strings.Contains(strings.ToLower(name), part) && (fits == nil || fits.MatchString(name))
	}), nil
}

// hashMetric is the metric whose value LNT takes for the hash of the test's program.
const hashMetric = "hash"

// summarize counts outcomes per metric and makes the tabs.
func (b *runBody) summarize(c *fiber.Ctx, in suiteView, all []pairResult) {
	byMetric := map[int]*metricSummary{}
	var total [outcomes]int
	for _, r := range all {
		m := byMetric[r.field]
		if m == nil {
			m = &metricSummary{Metric: metricChoice{r.field, in.Metrics[r.field]}}
			byMetric[r.field] = m
		}
		m.Counts[r.Outcome]++
		m.Total++
		if b.Metric == "" || in.Metrics[r.field].Name == b.Metric {
			total[r.Outcome]++
		}
	}
	b.Summary = lo.Map(slices.Sorted(maps.Keys(byMetric)), func(field int, _ int) metricSummary { return *byMetric[field] })
	base := addressWithout(c, "show", "page")
	b.Tabs = []tab{{Text: "All", Address: base, Count: lo.Sum(total[:]), Current: b.Show == ""}}
	for o := range outcomes {
		if total[o] > 0 || b.Show == o.Key() {
			r := result{comparison: comparison{Outcome: o}}
			b.Tabs = append(b.Tabs, tab{
				Text: o.Title(), Address: base + "show=" + o.Key(), Count: total[o], Current: b.Show == o.Key(),
				Class: lo.Ternary(r.Bad(), "bad", lo.Ternary(r.Good(), "good", "")),
			})
		}
	}
}

// choose keeps what the filter asks for, the most interesting first, cuts the page out and sets the size of the list.
func (b *runBody) choose(all []pairResult) []pairResult {
	field := -1
	if m, ok := lo.Find(b.Metrics, func(m metricChoice) bool { return m.Name == b.Metric }); ok {
		field = m.Index
	}
	kept := lo.Filter(all, func(r pairResult, _ int) bool {
		return (b.Show == "" || r.Outcome.Key() == b.Show) && (field < 0 || r.field == field)
	})
	b.Pager.Total = len(kept)
	first := min(len(kept), (b.Pager.Page-1)*b.Pager.Rows)
	last := min(len(kept), first+b.Pager.Rows)
	return foremost(kept, last, comparePairs)[first:last]
}

// foremost are the first n of all as compare sorts them. A page shows a hundred of tens of thousands, which need no order.
func foremost[T any](all []T, n int, compare func(a, b T) int) []T {
	if n == 0 || n > len(all)/8 {
		slices.SortFunc(all, compare)
		return all[:n]
	}
	found := make([]T, 0, 2*n)
	full := false
	for _, one := range all {
		if full && compare(one, found[n-1]) >= 0 {
			continue
		}
		if found = append(found, one); len(found) == cap(found) {
			slices.SortFunc(found, compare)
			found, full = found[:n], true
		}
	}
	slices.SortFunc(found, compare)
	return found[:n]
}

// fillResults gives the results of one page their names and texts.
func (s *Service) fillResults(ctx context.Context, l links, in suiteView, body *runBody, shown []pairResult) error {
	names, err := s.testNames(ctx, in, lo.Map(shown, func(r pairResult, _ int) uint32 { return r.test }))
	if err != nil {
		return err
	}
	body.Results = lo.Map(shown, func(r pairResult, _ int) result {
		metric := in.Metrics[r.field]
		out := result{
			comparison: r.comparison, TestID: r.test, Test: names[r.test], Samples: r.samples,
			Metric: metricChoice{r.field, metric},
			Graph:  l.GraphAt(in.Database, in.Name, plot{body.Run.MachineID, r.test, r.field}, body.Run.OrderID),
		}
		out.setTexts(metric)
		return out
	})
	return nil
}

func (r *result) setTexts(metric suite.Metric) {
	switch {
	case r.HasCurrent && r.HasPrevious:
		r.PreviousText, r.CurrentText = quantities(metric, r.Previous, r.Current)
		if r.Previous != 0 && r.Outcome != newFailure && r.Outcome != stillFailing {
			r.Change = percent(r.Ratio)
		}
	case r.HasCurrent:
		r.CurrentText = quantity(metric, r.Current)
	case r.HasPrevious:
		r.PreviousText = quantity(metric, r.Previous)
	}
}
