package web

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// What one side of a comparison may be at most.
const (
	maxSetRuns   = 64
	maxSetValues = 600_000
	// usualNewest is how many runs of a machine are taken when nothing says how many.
	usualNewest = 5
)

// runSet is one of the two sides: what was asked for, and the runs that it is.
type runSet struct {
	// Name is "before" or "after", the beginning of its parameters' names.
	Name, Title string
	// Runs, Machine, Newest, From and To are the parameters as they were given.
	Runs, Machine, Newest, From, To string
	Found                           []setRunRow
	// Left is how many runs of the set are left out because there are too many of them.
	Left int

	ids       []uint32
	machineID uint32
	newest    uint32
}

type setRunRow struct {
	RunID     uint32    `ch:"run_id"`
	Seq       uint64    `ch:"seq"`
	MachineID uint32    `ch:"machine_id"`
	OrderID   uint32    `ch:"order_id"`
	Order     string    `ch:"order_name"`
	StartAt   time.Time `ch:"start_at"`
	Samples   uint32    `ch:"sample_count"`
	Total     uint64    `ch:"total_count"`
	// Machine is filled in by the page.
	Machine string `ch:"-"`
}

// Sides are both sides, for the form.
func (b compareBody) Sides() []runSet { return []runSet{b.Before, b.After} }

// Asked says that the side was chosen at all.
func (r *runSet) Asked() bool { return len(r.ids) > 0 || r.machineID != 0 }

func (r *runSet) seqs() []uint64 {
	return lo.Map(r.Found, func(f setRunRow, _ int) uint64 { return f.Seq })
}

func (r *runSet) machines() []uint32 {
	return lo.Uniq(lo.Map(r.Found, func(f setRunRow, _ int) uint32 { return f.MachineID }))
}

// Sum says in a line what the side is.
func (r *runSet) Sum() string {
	if len(r.Found) == 0 {
		return "no runs"
	}
	names := lo.Uniq(lo.Map(r.Found, func(f setRunRow, _ int) string { return f.Machine }))
	newest, oldest := r.Found[0].Order, r.Found[len(r.Found)-1].Order
	text := clip(strings.Join(names, ", "), 80) + " at " + clip(oldest, 24)
	if newest != oldest {
		text += " to " + clip(newest, 24)
	}
	return text
}

// pinned are the parameters that mean these runs for ever.
func (r *runSet) pinned() string {
	ids := lo.Map(r.Found, func(f setRunRow, _ int) string { return digitsOf(f.RunID) })
	return r.Name + ".runs=" + strings.Join(ids, ",")
}

type compareBody struct {
	Before, After runSet
	Machines      []machineNameRow
	// Ready says that both sides have runs.
	Ready bool
	// Mixed says that the sides are of different machines, Shared that a run is on both.
	Mixed  bool
	Shared []string
	filter compareFilter
	Filter compareShown
	Tabs   []tab
	Means  []metricMean
	Rows   []compareRow
	Pager  pager
	// Tested is how many results the rank test judges, Undecided how many have too few values for it.
	Tested, Undecided, Significant int
	// ByChance is how many of those tested would seem significant had nothing changed.
	ByChance      int
	Permalink     string
	CSV, JSON     string
	Swap          string
	Metrics       []metricChoice
	Sorts, Levels []option
}

// option is an entry of a list to choose from.
type option struct {
	Value, Text string
	Selected    bool
}

// compareFilter is which results are shown and how they are sorted.
type compareFilter struct {
	test, metric, show, sort string
	significant              bool
	level, minChange         float64
}

// compareShown is the filter as the form shows it.
type compareShown struct {
	Test, Metric, Show, MinChange string
	Significant                   bool
	// Any says that something is filtered.
	Any bool
}

// metricMean is the geometric mean of a metric.
type metricMean struct {
	Metric        metricChoice
	Tests         int
	Before, After string
	Change        string
	Bad, Good     bool
	Counts        [outcomes]int
}

// Of is the number of results with an outcome, by its key.
func (m metricMean) Of(key string) int { return metricSummary{Counts: m.Counts}.Of(key) }

// compareRow is one line of the table.
type compareRow struct {
	judgement
	Test                       string
	Metric                     metricChoice
	BeforeText, AfterText      string
	BeforeSpread, AfterSpread  string
	ChangeText, EffectText, PT string
	IsSignificant              bool
	Graph                      string
}

// Bad and Good colour a result.
func (r compareRow) Bad() bool { return r.Outcome == regressed || r.Outcome == newFailure }

// Good is the opposite of Bad; most results are neither.
func (r compareRow) Good() bool { return r.Outcome == improved || r.Outcome == newPass }

// Up says which way the level went.
func (r compareRow) Up() bool { return r.After.Median > r.Before.Median }

// compare answers /compare: any two sets of runs.
func (s *Service) compare(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Compare", "compare")
	if err != nil {
		return err
	}
	v.crumb("Compare")
	format, err := choice(c, "format", "html", "csv", "json")
	if err != nil {
		return err
	}
	body, err := s.readCompare(c, v.L, in)
	if err != nil {
		return err
	}
	if !body.Ready {
		if format != "html" {
			return badParameter("format", format, "Choose the runs of both sides first: before.runs or before.machine, and after.runs or after.machine.")
		}
		v.Body = body
		return s.render(c, "compare", v)
	}
	all, names, err := s.compareSets(c.UserContext(), in, &body)
	if err != nil {
		return err
	}
	kept := body.choose(all, names, in)
	switch format {
	case "csv":
		return s.compareCSV(c, in, kept, names)
	case "json":
		return s.compareJSON(c, in, body, kept, names)
	}
	if err := s.fillCompare(c, v.L, in, &body, kept, names); err != nil {
		return err
	}
	v.Title = "Compare " + body.Before.Sum() + " with " + body.After.Sum()
	v.Body = body
	return s.render(c, "compare", v)
}

// readCompare reads the address and finds the runs it means.
func (s *Service) readCompare(c *fiber.Ctx, l links, in suiteView) (compareBody, error) {
	body := compareBody{
		Before: runSet{Name: "before", Title: "Before"}, After: runSet{Name: "after", Title: "After"},
		Metrics: in.realMetrics(),
	}
	var err error
	if body.Machines, err = list[machineNameRow](c.UserContext(), s, "page_machine_names", ofSuite(in)); err != nil {
		return body, err
	}
	for _, set := range []*runSet{&body.Before, &body.After} {
		if err := set.read(c, l, in, body.Machines); err != nil {
			return body, err
		}
	}
	if err := body.readFilter(c, in, s.cfg.ResultRows); err != nil {
		return body, err
	}
	group, ctx := errgroup.WithContext(c.UserContext())
	for _, set := range []*runSet{&body.Before, &body.After} {
		if set.Asked() {
			group.Go(func() error { return s.findSet(ctx, l, in, set) })
		}
	}
	if err := group.Wait(); err != nil {
		return body, err
	}
	names := lo.SliceToMap(body.Machines, func(m machineNameRow) (uint32, string) { return m.ID, m.Name })
	for _, set := range []*runSet{&body.Before, &body.After} {
		for i := range set.Found {
			set.Found[i].Machine = names[set.Found[i].MachineID]
		}
	}
	body.Ready = len(body.Before.Found) > 0 && len(body.After.Found) > 0
	less, more := lo.Difference(body.Before.machines(), body.After.machines())
	body.Mixed = body.Ready && len(less)+len(more) > 0
	shared := lo.Intersect(body.Before.seqs(), body.After.seqs())
	for _, f := range body.Before.Found {
		if lo.Contains(shared, f.Seq) {
			body.Shared = append(body.Shared, digitsOf(f.RunID))
		}
	}
	return body, nil
}

// read takes a side's parameters from the address.
func (r *runSet) read(c *fiber.Ctx, l links, in suiteView, machines []machineNameRow) (err error) {
	for name, to := range map[string]*string{"runs": &r.Runs, "machine": &r.Machine, "newest": &r.Newest, "from": &r.From, "to": &r.To} {
		if name == "runs" {
			*to = strings.TrimSpace(c.Query(r.Name + ".runs"))
			continue
		}
		if *to, err = text(c, r.Name+"."+name); err != nil {
			return err
		}
	}
	if r.ids, err = readRunIDs(r.Name+".runs", r.Runs); err != nil {
		return err
	}
	if r.machineID, err = r.readMachine(l, in, machines); err != nil {
		return err
	}
	newest, err := number(c, r.Name+".newest", maxSetRuns)
	if err != nil {
		return err
	}
	r.newest = uint32(newest)
	if len(r.ids) > 0 && r.machineID != 0 {
		return badParameter(r.Name+".machine", r.Machine, "Give either "+r.Name+".runs or "+r.Name+".machine, not both.")
	}
	if r.machineID == 0 {
		for name, value := range map[string]string{"newest": r.Newest, "from": r.From, "to": r.To} {
			if value != "" && len(r.ids) == 0 {
				return badParameter(r.Name+"."+name, value, "It chooses among the runs of a machine: name one in "+r.Name+".machine.")
			}
		}
	}
	if r.newest == 0 {
		r.newest = uint32(lo.Ternary(r.From == "" && r.To == "", usualNewest, maxSetRuns))
	}
	return nil
}

// readRunIDs reads ids with commas or spaces between them.
func readRunIDs(name, value string) ([]uint32, error) {
	var ids []uint32
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '+' }) {
		id, err := strconv.ParseUint(word, 10, 32)
		if err != nil || id == 0 {
			return nil, badParameter(name, value, "Write the ids of runs as numbers with commas between them, for example "+name+"=12,15.")
		}
		ids = append(ids, uint32(id))
	}
	ids = lo.Uniq(ids)
	if len(ids) > maxSetRuns {
		return nil, badParameter(name, value, fmt.Sprintf("A side has at most %d runs; these are %d.", maxSetRuns, len(ids)))
	}
	return ids, nil
}

// readMachine takes a side's machine.
func (r *runSet) readMachine(l links, in suiteView, machines []machineNameRow) (uint32, error) {
	if r.Machine == "" {
		return 0, nil
	}
	return findMachineNamed(l, in, machines, r.Name+".machine", r.Machine)
}

// findMachineNamed takes a machine's id, or its name, of several with that name the newest.
func findMachineNamed(l links, in suiteView, machines []machineNameRow, parameter, typed string) (uint32, error) {
	if id, err := strconv.ParseUint(typed, 10, 32); err == nil {
		if lo.ContainsBy(machines, func(m machineNameRow) bool { return uint64(m.ID) == id }) {
			return uint32(id), nil
		}
	}
	for i := len(machines) - 1; i >= 0; i-- {
		if machines[i].Name == typed {
			return machines[i].ID, nil
		}
	}
	return 0, notHere("Suite "+in.Name+" has no machine "+clip(typed, 100)+".",
		"Change "+parameter+" to the name or id of a machine of the suite.", l.Suite(in.Database, in.Name), "Machines of "+in.Name)
}

// orderKey is the place in the history of an order as typed: the values of its fields with commas between them.
func orderKey(in suiteView, typed string) string {
	if typed == "" {
		return ""
	}
	values := []string{typed}
	if n := len(in.OrderFields()); n > 1 {
		values = lo.Map(strings.SplitN(strings.Trim(typed, "()"), ",", n), func(v string, _ int) string { return strings.TrimSpace(v) })
	}
	return hex.EncodeToString([]byte(suite.SortKey(values...)))
}

// findSet finds a side's runs, at most as many as can be compared at once.
func (s *Service) findSet(ctx context.Context, l links, in suiteView, set *runSet) error {
	limit := set.newest
	if len(set.ids) > 0 {
		limit = maxSetRuns
	}
	rows, err := list[setRunRow](ctx, s, "compare_set", with(ofSuite(in), store.Params{
		"run_ids": set.ids, "machine_id": set.machineID, "limit": limit,
		"from_key": orderKey(in, set.From), "to_key": orderKey(in, set.To),
	}))
	if err != nil {
		return err
	}
	found := lo.Map(rows, func(r setRunRow, _ int) uint32 { return r.RunID })
	if missing, _ := lo.Difference(set.ids, found); len(missing) > 0 {
		return notHere("There is no run "+digitsOf(missing[0])+" in suite "+in.Name+".", "Take it out of "+set.Name+".runs in the address.",
			l.Suite(in.Database, in.Name), "Runs of "+in.Name)
	}
	if set.Newest == "" && set.machineID != 0 && (set.From != "" || set.To != "") && len(rows) > 0 {
		set.Left = int(rows[0].Total) - len(rows)
	}
	total := 0
	for i, r := range rows {
		if total += int(r.Samples); total > maxSetValues && i > 0 {
			set.Left += len(rows) - i
			rows = rows[:i]
			break
		}
	}
	set.Found = rows
	return nil
}

func (b *compareBody) readFilter(c *fiber.Ctx, in suiteView, rows int) (err error) {
	f := &b.filter
	if f.test, err = text(c, "test"); err != nil {
		return err
	}
	if f.metric, err = readMetric(c, in); err != nil {
		return err
	}
	words := []string{""}
	for o := range outcomes {
		words = append(words, o.Key())
	}
	if f.show, err = choice(c, "show", words...); err != nil {
		return err
	}
	if f.sort, err = choice(c, "sort", byBucket, byChange, byEffect, byChance, byTest); err != nil {
		return err
	}
	significant, err := choice(c, "significant", "", "1", "0")
	if err != nil {
		return err
	}
	f.significant = significant == "1"
	level, err := choice(c, "significance", "0.05", "0.1", "0.01", "0.001")
	if err != nil {
		return err
	}
	f.level, _ = strconv.ParseFloat(level, 64) //nolint:errcheck // one of the words above
	if typed := strings.TrimSpace(c.Query("min_change")); typed != "" {
		f.minChange, err = strconv.ParseFloat(typed, 64)
		if err != nil || !(f.minChange >= 0 && f.minChange <= 1e6) {
			return badParameter("min_change", typed, "min_change is the least change in percent, for example 2.5.")
		}
	}
	b.Filter = compareShown{
		Test: f.test, Metric: f.metric, Show: f.show, MinChange: strings.TrimSpace(c.Query("min_change")), Significant: f.significant,
		Any: f.test != "" || f.metric != "" || f.significant || f.minChange > 0,
	}
	b.Sorts = lo.Map([][2]string{
		{byBucket, "what happened"}, {byChange, "change"}, {byEffect, "effect size"}, {byChance, "significance"}, {byTest, "test name"},
	}, func(p [2]string, _ int) option { return option{p[0], p[1], p[0] == f.sort} })
	b.Levels = lo.Map([]string{"0.1", "0.05", "0.01", "0.001"}, func(v string, _ int) option { return option{v, v, v == level} })
	b.Pager, err = readPager(c, rows)
	return err
}

// compareSets judges every test and metric of both sides. The names are those of all tests when the question needs
// them, else none.
func (s *Service) compareSets(ctx context.Context, in suiteView, body *compareBody) ([]judgement, map[uint32]string, error) {
	read, err := s.readSides(ctx, in, body.Before.seqs(), body.After.seqs())
	if err != nil {
		return nil, nil, err
	}
	var names map[uint32]string
	if body.filter.test != "" || body.filter.sort == byTest {
		ids := lo.Map(read.pairs, func(p pair, _ int) uint32 { return p.test })
		if names, err = s.testNames(ctx, in, ids); err != nil {
			return nil, nil, err
		}
	}
	wanted := strings.ToLower(body.filter.test)
	all := make([]judgement, 0, len(read.pairs))
	for i, at := range read.pairs {
		metric := in.Metrics[at.field]
		if body.filter.metric != "" && metric.Name != body.filter.metric ||
			wanted != "" && !strings.Contains(strings.ToLower(names[at.test]), wanted) {
			continue
		}
		j := judge(at, read.both[i], metric, body.filter.level)
		// What has no value on either side and fails on neither is nothing.
		if j.Before.Samples+j.After.Samples > 0 || read.both[i][0].failed || read.both[i][1].failed {
			all = append(all, j)
		}
	}
	return all, names, nil
}

// choose keeps what the filter lets through, sorted, and counts what there is.
func (b *compareBody) choose(all []judgement, names map[uint32]string, in suiteView) []*judgement {
	var total [outcomes]int
	var kept []*judgement
	means := make([]geomean, len(in.Metrics))
	counts := make([][outcomes]int, len(in.Metrics))
	for i := range all {
		j := &all[i]
		means[j.field].add(j)
		counts[j.field][j.Outcome]++
		if j.Before.Samples > 0 && j.After.Samples > 0 {
			b.Tested += which(!j.Undecided)
			b.Undecided += which(j.Undecided)
			b.Significant += which(j.Significant(b.filter.level))
		}
		if b.filter.significant && !j.Significant(b.filter.level) || !(b.filter.minChange == 0 || absolute(j.Change)*100 >= b.filter.minChange) {
			continue
		}
		total[j.Outcome]++
		if b.Filter.Show == "" || j.Outcome.Key() == b.Filter.Show {
			kept = append(kept, j)
		}
	}
	b.ByChance = int(float64(b.Tested) * b.filter.level)
	b.count(total, means, counts, in)
	sortJudgements(kept, b.filter.sort, names)
	b.Pager.Total = len(kept)
	return kept
}

func absolute(v float64) float64 { return max(v, -v) }

// count makes the means and the tabs.
func (b *compareBody) count(total [outcomes]int, means []geomean, counts [][outcomes]int, in suiteView) {
	for _, m := range in.realMetrics() {
		g := means[m.Index]
		if lo.Sum(counts[m.Index][:]) == 0 {
			continue
		}
		row := metricMean{Metric: m, Tests: g.Tests, Counts: counts[m.Index]}
		if g.Tests > 0 {
			row.Before, row.After = quantities(m.Metric, g.Before, g.After)
		}
		if ratio := g.Ratio(); ratio == ratio { //nolint:gocritic // not a number is what has no ratio
			row.Change = percent(ratio)
			row.Bad = absolute(ratio) >= minAnyChange && (ratio > 0) != m.BiggerIsBetter
			row.Good = absolute(ratio) >= minAnyChange && !row.Bad
		}
		b.Means = append(b.Means, row)
	}
	base := b.Pager.Query
	b.Tabs = []tab{{Text: "All", Address: withoutShow(base), Count: lo.Sum(total[:]), Current: b.Filter.Show == ""}}
	for o := range outcomes {
		if total[o] > 0 || b.Filter.Show == o.Key() {
			r := compareRow{judgement: judgement{Outcome: o}}
			b.Tabs = append(b.Tabs, tab{
				Text: o.Title(), Address: withoutShow(base) + "show=" + o.Key(), Count: total[o], Current: b.Filter.Show == o.Key(),
				Class: lo.Ternary(r.Bad(), "bad", lo.Ternary(r.Good(), "good", "")),
			})
		}
	}
}

// withoutShow takes the tab out of a page's query that ends so that something can be added.
func withoutShow(query string) string {
	kept := lo.Filter(strings.Split(strings.Trim(query, "?&"), "&"), func(p string, _ int) bool {
		return p != "" && !strings.HasPrefix(p, "show=")
	})
	if len(kept) == 0 {
		return "?"
	}
	return "?" + strings.Join(kept, "&") + "&"
}

// fillCompare gives the results of one page their names and texts.
func (s *Service) fillCompare(c *fiber.Ctx, l links, in suiteView, body *compareBody, kept []*judgement, names map[uint32]string) error {
	first := min(len(kept), (body.Pager.Page-1)*body.Pager.Rows)
	shown := kept[first:min(len(kept), first+body.Pager.Rows)]
	if names == nil {
		var err error
		names, err = s.testNames(c.UserContext(), in, lo.Map(shown, func(j *judgement, _ int) uint32 { return j.test }))
		if err != nil {
			return err
		}
	}
	machine, order := body.After.Found[0].MachineID, body.After.Found[0].OrderID
	others, _ := lo.Difference(body.Before.machines(), []uint32{machine})
	body.Rows = lo.Map(shown, func(j *judgement, _ int) compareRow {
		return s.compareRowOf(l, in, j, names, body.filter.level, machine, others, order)
	})
	rest := addressWithout(c, "page", "format", "before.runs", "before.machine", "before.newest", "before.from", "before.to",
		"after.runs", "after.machine", "after.newest", "after.from", "after.to")
	body.Permalink = l.Compare(in.Database, in.Name) + strings.TrimSuffix(rest+body.Before.pinned()+"&"+body.After.pinned(), "&")
	swapped := strings.NewReplacer("before.runs=", "after.runs=", "after.runs=", "before.runs=")
	body.Swap = rest + swapped.Replace(body.Before.pinned()) + "&" + swapped.Replace(body.After.pinned())
	body.CSV = addressWithout(c, "page", "format") + "format=csv"
	body.JSON = addressWithout(c, "page", "format") + "format=json"
	return nil
}

func (s *Service) compareRowOf(l links, in suiteView, j *judgement, names map[uint32]string, level float64, machine uint32, others []uint32, order uint32) compareRow {
	metric := in.Metrics[j.field]
	row := compareRow{judgement: *j, Test: names[j.test], Metric: metricChoice{j.field, metric}, IsSignificant: j.Significant(level)}
	switch {
	case j.Before.Samples > 0 && j.After.Samples > 0:
		row.BeforeText, row.AfterText = quantities(metric, j.Before.Median, j.After.Median)
		row.EffectText = fixed(j.Effect, 2)
		row.PT = chance(j.P)
	case j.Before.Samples > 0:
		row.BeforeText = quantity(metric, j.Before.Median)
	case j.After.Samples > 0:
		row.AfterText = quantity(metric, j.After.Median)
	}
	row.BeforeSpread, row.AfterSpread = spreadText(metric, j.Before), spreadText(metric, j.After)
	if j.Change == j.Change { //nolint:gocritic // not a number is what has no change
		row.ChangeText = percent(j.Change)
	}
	plots := []plot{{machine, j.test, j.field}}
	for _, other := range others[:min(len(others), s.cfg.MaxPlots-1)] {
		plots = append(plots, plot{other, j.test, j.field})
	}
	row.Graph = l.Graph(in.Database, in.Name, plots...) + "&order=" + digitsOf(order)
	return row
}

func spreadText(m suite.Metric, l level) string {
	if l.Samples < 2 {
		return ""
	}
	if l.Spread == 0 {
		return "±0"
	}
	return "±" + quantity(m, l.Spread)
}

// chance shows a p value.
func chance(p float64) string {
	if p < 0.001 {
		return "< 0.001"
	}
	return strconv.FormatFloat(p, 'f', 3, 64)
}

// Compare is the page that compares two sets of runs.
func (l links) Compare(database, suite string) string { return l.Suite(database, suite) + "compare" }

// CompareRuns compares two runs.
func (l links) CompareRuns(database, suite string, before, after uint32) string {
	return l.Compare(database, suite) + "?before.runs=" + digitsOf(before) + "&after.runs=" + digitsOf(after)
}

// CompareMachine begins a comparison with a machine's newest runs on the side after.
func (l links) CompareMachine(database, suite, machine string) string {
	return l.Compare(database, suite) + "?after.machine=" + url.QueryEscape(machine)
}

// HeatMap is the page of tests by orders.
func (l links) HeatMap(database, suite string) string { return l.Suite(database, suite) + "heatmap" }
