package web

import (
	"cmp"
	"context"
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
	// Chosen says that the reader chose what to compare with.
	Chosen bool
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
	v, in, err := s.suitePage(c, "", "overview")
	if err != nil {
		return err
	}
	body, all, err := s.comparedRun(c, v.L, in)
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

// comparedRun reads the run that the address names, and all its results beside those that it is compared with; they are counted in it,
// and none of them is filled in yet.
func (s *Service) comparedRun(c *fiber.Ctx, l links, in suiteView) (runBody, []pairResult, error) {
	body, err := s.findRun(c, l, in)
	if err != nil {
		return body, nil, err
	}
	if err := s.readRunFilter(c, in, &body); err != nil {
		return body, nil, err
	}
	if err := s.neighbours(c, l, in, &body); err != nil {
		return body, nil, err
	}
	all, err := s.compareRun(c.UserContext(), in, body)
	if err != nil {
		return body, nil, err
	}
	body.summarize(c, in, all)
	return body, all, nil
}

func (s *Service) findRun(c *fiber.Ctx, l links, in suiteView) (runBody, error) {
	id, err := pathID(c, "run", "run")
	if err != nil {
		return runBody{}, err
	}
	found, ok, err := s.runByID(c.UserContext(), in, id)
	if err != nil {
		return runBody{}, err
	}
	if !ok {
		return runBody{}, notHere("Suite "+in.Name+" has no run "+digitsOf(id)+".",
			"It may have been deleted. Choose one from the newest runs.", l.Suite(in.Database, in.Name), "Runs of "+in.Name)
	}
	return runBody{Run: found, Attributes: attributes(in.RunFields, found.Fields, found.Params), Metrics: in.realMetrics()}, nil
}

func (s *Service) runByID(ctx context.Context, in suiteView, id uint32) (runDetailRow, bool, error) {
	row, found, err := one[runDetailRow](ctx, s, "page_run", with(ofSuite(in), store.Params{"run_id": id}))
	if err != nil || !found {
		return row, false, err
	}
	machine, order := nameKey{aMachine, in.Database, in.Name, row.MachineID}, nameKey{anOrder, in.Database, in.Name, row.OrderID}
	called := names{machine: "", order: ""}
	err = s.read(ctx, called)
	row.Machine, row.Order = called[machine], called[order]
	return row, called.all(machine, order), err
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

// neighbours finds what to compare with: the runs of the order before on the same
// machine, or the run that compare_to names.
func (s *Service) neighbours(c *fiber.Ctx, l links, in suiteView, body *runBody) error {
	rows, err := list[neighbourRow](c.UserContext(), s, "page_run_neighbours", with(ofSuite(in), store.Params{
		"machine_id": body.Run.MachineID, "order_id": body.Run.OrderID,
	}))
	if err != nil {
		return err
	}
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
	other, name, err := chosenOther(c)
	if err != nil || other == 0 {
		return err
	}
	chosen, ok, err := s.runByID(c.UserContext(), in, uint32(other))
	if err != nil {
		return err
	}
	if !ok || chosen.RunID == body.Run.RunID {
		return notHere("There is no other run "+uintText(other)+" to compare with.", "Change or remove "+name+" in the address.",
			l.Run(in.Database, in.Name, body.Run.RunID), "Run "+digitsOf(body.Run.RunID)+" against the order before")
	}
	body.Chosen = true
	body.Against = []neighbourRow{{RunID: chosen.RunID, Seq: chosen.Seq, OrderID: chosen.OrderID, Order: chosen.Order}}
	return nil
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

// compareRun compares every test and metric, the most interesting first.
func (s *Service) compareRun(ctx context.Context, in suiteView, body runBody) ([]pairResult, error) {
	now := []uint64{body.Run.Seq}
	before := lo.Map(body.Against, func(r neighbourRow, _ int) uint64 { return r.Seq })
	var (
		read   sides
		hashes map[uint32][2]string
	)
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		read, err = s.readSides(both, in, before, now)
		return err
	})
	group.Go(func() (err error) {
		hashes, err = s.readHashes(both, in, before, now)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
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
		older.hash, newer.hash = hashes[at.test][0], hashes[at.test][1]
		all = append(all, pairResult{at, compareSides(newer, older, in.Metrics[at.field]), len(newer.values)})
	}
	slices.SortFunc(all, func(a, b pairResult) int {
		return cmp.Or(byInterest(a.comparison, b.comparison), cmp.Compare(a.test, b.test), cmp.Compare(a.field, b.field))
	})
	return all, nil
}

// testsNamed are the tests whose name has the text in it and fits the pattern; nil for all of them.
func (s *Service) testsNamed(ctx context.Context, in suiteView, read sides, part string, fits *regexp.Regexp) (map[uint32]bool, error) {
	if part == "" && fits == nil {
		return nil, nil
	}
	names, err := s.compareNames(ctx, in, lo.Map(read.pairs, func(p pair, _ int) uint32 { return p.test }))
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

// hashRow is the hash of a test's program on both sides.
type hashRow struct {
	TestID  uint32 `ch:"test_id"`
	Before  string `ch:"hash_before"`
	Current string `ch:"hash_after"`
}

// readHashes are the hashes before and after by test, where a metric does not count while they stay.
func (s *Service) readHashes(ctx context.Context, in suiteView, before, after []uint64) (map[uint32][2]string, error) {
	if _, _, has := in.Metric(hashMetric); !has || !lo.ContainsBy(in.Metrics, func(m suite.Metric) bool { return m.IgnoreSameHash }) {
		return nil, nil
	}
	rows, err := list[hashRow](ctx, s, "compare_hashes", with(ofSuite(in), store.Params{
		"before": before, "after": after, "metric": hashMetric,
	}))
	return lo.SliceToMap(rows, func(r hashRow) (uint32, [2]string) { return r.TestID, [2]string{r.Before, r.Current} }), err
}

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

// choose keeps what the filter asks for and sets the size of the list.
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
	return kept[first:min(len(kept), first+b.Pager.Rows)]
}

// fillResults gives the results of one page their names and texts.
func (s *Service) fillResults(ctx context.Context, l links, in suiteView, body *runBody, shown []pairResult) error {
	names, err := s.compareNames(ctx, in, lo.Map(shown, func(r pairResult, _ int) uint32 { return r.test }))
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

// testNames are the names of some tests.
func (s *Service) testNames(ctx context.Context, in suiteView, ids []uint32) (map[uint32]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := list[testRow](ctx, s, "page_tests", with(ofSuite(in), store.Params{"test_ids": lo.Uniq(ids)}))
	if err != nil {
		return nil, err
	}
	return lo.SliceToMap(rows, func(r testRow) (uint32, string) { return r.ID, r.Name }), nil
}
