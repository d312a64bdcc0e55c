package web

import (
	"context"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// finding is a finding as pages show it.
type finding struct {
	findingRow
	MetricTitle string
	// Change is the relative change with its sign, for example +12.3%.
	Change      string
	BeforeText  string
	AfterText   string
	Bad, Up     bool
	Graph       string
	HasGraph    bool
	MachineLink string
	OrderLink   string
	// Note is what was said when it was dismissed.
	Note string
}

// findingQuery is what page_findings asks; zero values mean any.
type findingQuery struct {
	Database, Suite                   string
	MachineID, TestID, OrderID        uint32
	Machine, Metric, Test, Kind, Sort string
	Limit, Offset                     uint32
}

func (q findingQuery) params() store.Params {
	return store.Params{
		"database": q.Database, "suite": q.Suite, "machine_id": q.MachineID, "machine": q.Machine,
		"metric": q.Metric, "test_id": q.TestID, "test": q.Test, "kind": q.Kind, "order_id": q.OrderID,
		"sort": lo.CoalesceOrEmpty(q.Sort, "newest"), "limit": q.Limit, "offset": q.Offset,
	}
}

func (s *Service) findings(ctx context.Context, l links, schemas map[string]suiteView, q findingQuery) ([]finding, error) {
	rows, err := list[findingRow](ctx, s, "page_findings", q.params())
	if err != nil {
		return nil, err
	}
	called := names{}
	for _, r := range rows {
		called.wantFinding(r)
	}
	if err := s.read(ctx, called); err != nil {
		return nil, err
	}
	return lo.FilterMap(rows, func(r findingRow, _ int) (finding, bool) {
		known := called.fill(&r)
		return newFinding(l, schemas[r.Database+"/"+r.Suite], r), known
	}), nil
}

// wantFinding asks for the names that a finding has ids of.
func (n names) wantFinding(r findingRow) {
	for _, w := range r.named() {
		n[w] = ""
	}
}

// fill gives a finding its names; false when one of them cannot be read yet.
func (n names) fill(r *findingRow) bool {
	of := r.named()
	r.Machine, r.Test, r.Order, r.PreviousOrder = n[of[0]], n[of[1]], n[of[2]], n[of[3]]
	return n.all(of[:3]...)
}

// named are what the finding has ids of: machine, test, order and the order before.
func (r findingRow) named() [4]nameKey {
	return [4]nameKey{
		{aMachine, r.Database, r.Suite, r.MachineID},
		{aTest, r.Database, r.Suite, r.TestID},
		{anOrder, r.Database, r.Suite, r.OrderID},
		{anOrder, r.Database, r.Suite, r.PreviousID},
	}
}

func newFinding(l links, in suiteView, r findingRow) finding {
	index, metric, ok := in.Metric(r.Metric)
	if !ok {
		metric = suite.Metric{Name: r.Metric}
	}
	f := finding{
		findingRow: r, MetricTitle: metric.Title(),
		Bad: r.Kind == string(event.Regression), Up: r.Direction == string(event.Up),
		MachineLink: l.Machine(r.Database, r.Suite, r.MachineID), OrderLink: l.Order(r.Database, r.Suite, r.OrderID),
		HasGraph: ok,
	}
	f.BeforeText, f.AfterText = quantities(metric, r.Before, r.After)
	f.Change = percent(r.Effect)
	if r.Before == 0 {
		f.Change = lo.Ternary(f.Up, "from 0", "from 0 down")
	}
	if ok {
		f.Graph = l.GraphAt(r.Database, r.Suite, plot{r.MachineID, r.TestID, index}, r.OrderID)
	}
	return f
}

// counts are findings by kind.
type counts struct{ Regressions, Improvements uint64 }

// Total is the number of findings of both kinds.
func (n counts) Total() int { return n.total("") }

func (n counts) total(kind string) int {
	switch kind {
	case string(event.Regression):
		return int(n.Regressions)
	case string(event.Improvement):
		return int(n.Improvements)
	}
	return int(n.Regressions + n.Improvements)
}

func (s *Service) countFindings(ctx context.Context, q findingQuery) (counts, error) {
	p := q.params()
	for _, name := range []string{"kind", "sort", "limit", "offset"} {
		delete(p, name)
	}
	rows, err := list[kindCountRow](ctx, s, "page_findings_count", p)
	if err != nil {
		return counts{}, err
	}
	var n counts
	for _, row := range rows {
		if row.Kind == string(event.Regression) {
			n.Regressions = row.Count
		} else {
			n.Improvements += row.Count
		}
	}
	return n, nil
}

type findingsBody struct {
	writing
	// Dismissed says that the list is of those that people dismissed.
	Dismissed bool
	Findings  []finding
	Counts    counts
	Pager     pager
	Query     findingQuery
	Metrics   []metricChoice
	Machines  []machineNameRow
	// Narrowed says that a filter is set.
	Narrowed bool
	// Kinds lead to the same list of one kind.
	Kinds []tab
}

// tab is one of several views of a list.
type tab struct {
	Text, Address string
	Count         int
	Current       bool
	Class         string
}

// findingsPage answers /findings.
func (s *Service) findingsPage(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Findings", "findings")
	if err != nil {
		return err
	}
	v.crumb("Findings")
	body := findingsBody{Metrics: in.realMetrics()}
	if body.Query, err = readFindingQuery(c, in); err != nil {
		return err
	}
	if body.Pager, err = readPager(c, s.cfg.ListRows); err != nil {
		return err
	}
	body.Query.Limit, body.Query.Offset = uint32(body.Pager.Rows), body.Pager.offset()
	ctx := c.UserContext()
	if body.writing, err = v.writing(c, in, "triage", "findings"); err != nil {
		return err
	}
	show, err := choice(c, "show", "", "dismissed")
	if err != nil {
		return err
	}
	if body.Dismissed = show == "dismissed"; body.Dismissed {
		if err := s.dismissed(ctx, v.L, in, &body); err != nil {
			return err
		}
		v.Body = body
		return s.render(c, "findings", v)
	}
	if body.Counts, err = s.countFindings(ctx, body.Query); err != nil {
		return err
	}
	body.Pager.Total = body.Counts.total(body.Query.Kind)
	schemas := map[string]suiteView{in.Database + "/" + in.Name: in}
	if body.Findings, err = s.findings(ctx, v.L, schemas, body.Query); err != nil {
		return err
	}
	if body.Machines, err = list[machineNameRow](ctx, s, "page_machine_names", ofSuite(in)); err != nil {
		return err
	}
	body.Narrowed = body.Query.MachineID != 0 || body.Query.Machine+body.Query.Metric+body.Query.Test != ""
	body.Kinds = kindTabs(c, body)
	v.Body = body
	return s.render(c, "findings", v)
}

// dismissed fills the list with what people said is none.
func (s *Service) dismissed(ctx context.Context, l links, in suiteView, body *findingsBody) error {
	rows, err := list[struct {
		findingRow
		Note  string `ch:"note"`
		Total uint64 `ch:"total_count"`
	}](ctx, s, "page_dismissed", with(ofSuite(in), store.Params{"limit": body.Query.Limit, "offset": body.Query.Offset}))
	if err != nil {
		return err
	}
	for _, r := range rows {
		f := newFinding(l, in, r.findingRow)
		f.Note, body.Pager.Total = r.Note, int(r.Total)
		body.Findings = append(body.Findings, f)
	}
	body.Kinds = []tab{{Text: "All that stand", Address: "?"}, {Text: "Dismissed", Address: "?show=dismissed", Count: body.Pager.Total, Current: true}}
	return nil
}

func kindTabs(c *fiber.Ctx, body findingsBody) []tab {
	base := addressWithout(c, "kind", "page")
	kindTab := func(text, kind, class string) tab {
		return tab{Text: text, Address: base + "kind=" + kind, Count: body.Counts.total(kind), Current: body.Query.Kind == kind, Class: class}
	}
	all := kindTab("All", "", "")
	all.Address = strings.TrimSuffix(base, "&")
	return []tab{
		all,
		kindTab("Regressions", string(event.Regression), "bad"),
		kindTab("Improvements", string(event.Improvement), "good"),
		{Text: "Dismissed", Address: "?show=dismissed", Count: -1},
	}
}

func readFindingQuery(c *fiber.Ctx, in suiteView) (findingQuery, error) {
	q := findingQuery{Database: in.Database, Suite: in.Name}
	machine, err := number(c, "machine_id", 1<<32-1)
	if err != nil {
		return q, err
	}
	q.MachineID = uint32(machine)
	if q.Machine, err = text(c, "machine"); err != nil {
		return q, err
	}
	if q.Test, err = text(c, "test"); err != nil {
		return q, err
	}
	if q.Metric, err = readMetric(c, in); err != nil {
		return q, err
	}
	if q.Kind, err = choice(c, "kind", "", string(event.Regression), string(event.Improvement)); err != nil {
		return q, err
	}
	q.Sort, err = choice(c, "sort", "newest", "order", "effect")
	return q, err
}

// readMetric reads the name of a metric that has values.
func readMetric(c *fiber.Ctx, in suiteView) (string, error) {
	name := c.Query("metric")
	if name == "" {
		return "", nil
	}
	names := lo.Map(in.realMetrics(), func(m metricChoice, _ int) string { return m.Name })
	if !lo.Contains(names, name) {
		return "", badParameter("metric", name, fmt.Sprintf("Suite %s measures: %s.", in.Name, strings.Join(names, ", ")))
	}
	return name, nil
}

// ofSuite are the parameters every question about a suite has.
func ofSuite(in suiteView) store.Params {
	return store.Params{"database": in.Database, "suite": in.Name}
}

// with adds parameters.
func with(p store.Params, more store.Params) store.Params { return lo.Assign(p, more) }
