package web

import (
	"context"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
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

// params ask it of a suite; machines say what was found on which of them.
func (q findingQuery) params(machines fleet) store.Params {
	return store.Params{
		"database": q.Database, "suite": q.Suite, "own_machine_ids": machines.named(q.Database, q.Suite, q.MachineID, q.Machine), "gone": machines.gone(),
		"metric": q.Metric, "test_id": q.TestID, "test": q.Test, "kind": q.Kind, "order_id": q.OrderID,
		"sort": lo.CoalesceOrEmpty(q.Sort, "newest"), "limit": q.Limit, "offset": q.Offset,
	}
}

// named are the machines that sent what counts for one of this id and with this text in its name, none for any; 0, which is no machine,
// where there is none such.
func (f fleet) named(database, suiteName string, id uint32, name string) []uint32 {
	ids := []uint32{}
	if id == 0 && name == "" {
		return ids
	}
	for _, m := range f.standing() {
		if (id == 0 || m.ID == id) && strings.Contains(strings.ToLower(m.Name), strings.ToLower(name)) {
			ids = append(ids, f.own(nameKey{aMachine, database, suiteName, m.ID})...)
		}
	}
	if len(ids) == 0 {
		return []uint32{0}
	}
	return ids
}

// findings are a page of those of a suite, and how many there are on all pages.
func (s *Service) findings(ctx context.Context, l links, in suiteView, machines fleet, q findingQuery) (found []finding, n counts, err error) {
	err = beside(ctx, func(ctx context.Context) error {
		rows, err := list[findingRow](ctx, s, "page_findings", q.params(machines))
		if err != nil {
			return err
		}
		if rows, err = s.calledFindings(ctx, machines, rows); err != nil {
			return err
		}
		found = lo.Map(rows, func(r findingRow, _ int) finding { return newFinding(l, in, r) })
		return nil
	}, func(ctx context.Context) (err error) {
		n, err = s.countFindings(ctx, machines, q)
		return err
	})
	return found, n, err
}

// calledFindings gives findings their names, and the machine that each counts for. One of which a name cannot be read yet is left out.
func (s *Service) calledFindings(ctx context.Context, machines fleet, rows []findingRow) ([]findingRow, error) {
	called := names{}
	for _, r := range rows {
		for _, w := range r.named() {
			if w.kind != aMachine {
				called[w] = ""
			}
		}
	}
	if err := s.read(ctx, called); err != nil {
		return nil, err
	}
	return lo.FilterMap(rows, func(r findingRow, _ int) (findingRow, bool) {
		own := r.named()[0]
		name, known := machines.called(own)
		r.MachineID = machines.now(own).id
		called[r.named()[0]] = name
		return r, called.fill(&r) && known
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

func (s *Service) countFindings(ctx context.Context, machines fleet, q findingQuery) (counts, error) {
	p := q.params(machines)
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
	machines, err := s.fleet(ctx, in.Database, in.Name)
	if err != nil {
		return err
	}
	if body.Dismissed = show == "dismissed"; body.Dismissed {
		if err := s.dismissed(ctx, v.L, in, machines, &body); err != nil {
			return err
		}
		v.Body = body
		return s.render(c, "findings", v)
	}
	if body.Findings, body.Counts, err = s.findings(ctx, v.L, in, machines, body.Query); err != nil {
		return err
	}
	body.Pager.Total = body.Counts.total(body.Query.Kind)
	body.Machines = machines.standing()
	body.Narrowed = body.Query.MachineID != 0 || body.Query.Machine+body.Query.Metric+body.Query.Test != ""
	body.Kinds = kindTabs(c, body)
	v.Body = body
	return s.render(c, "findings", v)
}

// dismissed fills the list with what people said is none.
func (s *Service) dismissed(ctx context.Context, l links, in suiteView, machines fleet, body *findingsBody) error {
	type dismissedRow struct {
		findingRow
		Note  string `ch:"note"`
		Total uint64 `ch:"total_count"`
	}
	rows, err := list[dismissedRow](ctx, s, "page_dismissed", with(ofSuite(in), store.Params{
		"gone": machines.gone(), "limit": body.Query.Limit, "offset": body.Query.Offset,
	}))
	if err != nil {
		return err
	}
	found, err := s.calledFindings(ctx, machines, lo.Map(rows, func(r dismissedRow, _ int) findingRow { return r.findingRow }))
	if err != nil {
		return err
	}
	notes := lo.SliceToMap(rows, func(r dismissedRow) (uuid.UUID, string) { return r.ID, r.Note })
	for _, r := range found {
		f := newFinding(l, in, r)
		f.Note, body.Pager.Total = notes[r.ID], int(rows[0].Total)
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
