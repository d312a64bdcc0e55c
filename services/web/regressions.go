package web

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// regressionListRow is a regression with what its change points add up to.
type regressionListRow struct {
	ID         uint32    `ch:"regression_id"`
	Title      string    `ch:"title"`
	Bug        string    `ch:"bug"`
	State      uint8     `ch:"state"`
	Kind       string    `ch:"kind"`
	Cause      string    `ch:"cause"`
	Detector   string    `ch:"detector"`
	Owner      string    `ch:"owner"`
	Tags       []string  `ch:"tags"`
	Note       string    `ch:"note"`
	Seq        uint64    `ch:"seq"`
	ChangedAt  time.Time `ch:"changed_at"`
	Actor      string    `ch:"actor"`
	StartID    uint32    `ch:"start_order_id"`
	EndID      uint32    `ch:"end_order_id"`
	Changes    uint64    `ch:"change_count"`
	Tests      uint64    `ch:"test_count"`
	MachineIDs []uint32  `ch:"machine_ids"`
	Metrics    []string  `ch:"metrics"`
	Effects    []float64 `ch:"effects"`
	// looked up for the rows that are shown; of the machines the first three by name
	Start, End, LargestTest string
	Machines                []string
	LargestTestID           uint32  `ch:"largest_test_id"`
	LargestMetric           string  `ch:"largest_metric"`
	LargestBefore           float64 `ch:"largest_before"`
	LargestAfter            float64 `ch:"largest_after"`
	LargestEffect           float64 `ch:"largest_effect"`
	TotalEffect             float64 `ch:"total_effect"`
	Total                   uint64  `ch:"total_count"`
}

// MachineCount is how many machines moved.
func (r regressionListRow) MachineCount() uint64 { return uint64(len(r.MachineIDs)) }

// regressionView is a regression as pages show it.
type regressionView struct {
	regressionListRow
	StateName, StateWord string
	Bad, Up, MachineOwn  bool
	// Change is the largest change of one series, Mean the size of all of them: the geometric mean of how far they went, either way.
	Change, Mean string
	MetricNames  []string
	BeforeText   string
	AfterText    string
	Bars         []bar
	Link         string
	HasBug       bool
}

// bar is a rectangle of a small picture, in its own units.
type bar struct {
	X, Y, Height float64
	Bad          bool
}

// barBox is the height of the picture of bars.
const barBox = 26.0

// bars are the changes of a regression, largest first, on a scale from nothing to the largest of the page.
func bars(effects []float64, bad bool, largest float64) []bar {
	return lo.Map(effects, func(e float64, i int) bar {
		height := math.Max(1.5, barBox*math.Sqrt(math.Min(1, math.Abs(e)/largest)))
		return bar{X: float64(i) * 4, Y: barBox - height, Height: height, Bad: bad}
	})
}

// stateKind is a state of regressions; open ones wait for somebody.
type stateKind struct {
	Number uint8
	Name   string
	Open   bool
}

// states are all of them, in the order in which they are worked through.
var states = []stateKind{
	{event.StateDetected, "Detected", true},
	{event.StateStaged, "Staged", true},
	{event.StateActive, "Active", true},
	{event.StateVerify, "Verify", true},
	{event.StateFixed, "Fixed", false},
	{event.StateNotToBeFixed, "Not to be fixed", false},
	{event.StateIgnored, "False positive", false},
}

// stateChoice is a state that a regression can be put into.
type stateChoice struct {
	Name, Word string
	Current    bool
}

func stateChoices(current uint8) []stateChoice {
	out := make([]stateChoice, len(states))
	for i, s := range states {
		out[i] = stateChoice{s.Name, openapi.StateName(s.Number), s.Number == current}
	}
	return out
}

func stateTitle(number uint8) string {
	for _, s := range states {
		if s.Number == number {
			return s.Name
		}
	}
	return "state " + strconv.Itoa(int(number))
}

func newRegressionView(l links, in suiteView, r regressionListRow, largest float64) regressionView {
	_, metric, ok := in.Metric(r.LargestMetric)
	if !ok {
		metric = suite.Metric{Name: r.LargestMetric}
	}
	v := regressionView{
		regressionListRow: r, StateName: stateTitle(r.State), StateWord: openapi.StateName(r.State),
		Bad: r.Kind != string(event.Improvement), Up: r.LargestEffect > 0, MachineOwn: r.Cause == "machine",
		Change: percent(r.LargestEffect), Mean: percentOf(math.Expm1(r.TotalEffect / float64(max(r.Changes, 1)))),
		Link:   l.Regression(in.Database, in.Name, r.ID),
		HasBug: strings.HasPrefix(r.Bug, "https://") || strings.HasPrefix(r.Bug, "http://"),
	}
	v.Bars = bars(r.Effects, v.Bad, math.Max(largest, 1e-9))
	v.BeforeText, v.AfterText = quantities(metric, r.LargestBefore, r.LargestAfter)
	v.MetricNames = lo.Map(r.Metrics, func(name string, _ int) string {
		if _, m, ok := in.Metric(name); ok {
			return m.Title()
		}
		return name
	})
	return v
}

// percentOf is a size without a sign.
func percentOf(v float64) string { return strings.TrimPrefix(percent(math.Abs(v)), "+") }

// regressionQuery is what page_regressions asks; zero values mean any.
type regressionQuery struct {
	States                                               []uint8
	MachineID                                            uint32
	Machine, Metric, Test, Owner, Tag, Kind, Sort, State string
}

func (q regressionQuery) params(in suiteView) store.Params {
	return with(ofSuite(in), store.Params{
		"states": q.States, "machine_id": q.MachineID, "machine": q.Machine, "metric": q.Metric, "test": q.Test, "owner": q.Owner,
		"tag": q.Tag, "kind": q.Kind, "sort": q.Sort, "regression_id": uint32(0),
	})
}

// Narrowed says that a filter besides the state is set.
func (q regressionQuery) Narrowed() bool {
	return q.MachineID != 0 || q.Machine+q.Metric+q.Test+q.Owner+q.Tag+q.Kind != ""
}

func readRegressionQuery(c *fiber.Ctx, in suiteView) (q regressionQuery, err error) {
	if q.State, q.States, err = readState(c); err != nil {
		return q, err
	}
	machine, err := number(c, "machine_id", 1<<32-1)
	if err != nil {
		return q, err
	}
	q.MachineID = uint32(machine)
	for name, into := range map[string]*string{"machine": &q.Machine, "test": &q.Test, "owner": &q.Owner, "tag": &q.Tag} {
		if *into, err = text(c, name); err != nil {
			return q, err
		}
	}
	if q.Machine == "" { // LNT's name for it
		if q.Machine, err = text(c, "machine_filter"); err != nil {
			return q, err
		}
	}
	if q.Metric, err = readMetric(c, in); err != nil {
		return q, err
	}
	if q.Kind, err = choice(c, "kind", "", string(event.Regression), string(event.Improvement), "machine"); err != nil {
		return q, err
	}
	q.Sort, err = choice(c, "sort", "effect", "newest")
	return q, err
}

// readState reads a state by its name in REST or by LNT's number; "open" is every state that waits for somebody, "all" and LNT's -1
// are every one.
func readState(c *fiber.Ctx) (string, []uint8, error) {
	word := c.Query("state", "open")
	switch word {
	case "open":
		return word, lo.FilterMap(states, func(s stateKind, _ int) (uint8, bool) { return s.Number, s.Open }), nil
	case "all", "-1":
		return "all", []uint8{}, nil
	}
	if number, ok := openapi.StateNumber(word); ok {
		return openapi.StateName(number), []uint8{number}, nil
	}
	number, err := strconv.ParseUint(word, 10, 8)
	if err == nil && slices.ContainsFunc(states, func(s stateKind) bool { return s.Number == uint8(number) }) {
		return openapi.StateName(uint8(number)), []uint8{uint8(number)}, nil
	}
	return "", nil, badParameter("state", word, "state must be open, all or one of: "+strings.Join(openapi.StateNames(), ", ")+".")
}

type regressionsBody struct {
	Rows     []regressionView
	Pager    pager
	Query    regressionQuery
	Tabs     []tab
	Metrics  []metricChoice
	Machines []machineNameRow
	States   []stateChoice
	// Triage says that the reader may decide; API is where.
	Triage bool
	API    string
}

// regressions answers /regressions: what waits for somebody, largest first, and for those who may, the board to decide about many.
func (s *Service) regressions(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Regressions", "regressions")
	if err != nil {
		return err
	}
	v.crumb("Regressions")
	body := regressionsBody{Metrics: in.realMetrics(), States: stateChoices(255), API: v.L.API(in.Database, in.Name)}
	if body.Query, err = readRegressionQuery(c, in); err != nil {
		return err
	}
	if body.Pager, err = readPager(c, s.cfg.ListRows); err != nil {
		return err
	}
	ctx := c.UserContext()
	rows, err := s.regressionRows(ctx, in, with(body.Query.params(in), store.Params{
		"limit": uint32(body.Pager.Rows), "offset": body.Pager.offset(),
	}))
	if err != nil {
		return err
	}
	largest := 0.0
	for _, r := range rows {
		body.Pager.Total = int(r.Total)
		largest = math.Max(largest, math.Abs(r.LargestEffect))
	}
	body.Rows = lo.Map(rows, func(r regressionListRow, _ int) regressionView {
		return newRegressionView(v.L, in, r, largest)
	})
	if body.Tabs, err = s.stateTabs(c, in, body.Query.State); err != nil {
		return err
	}
	if body.Machines, err = list[machineNameRow](ctx, s, "page_machine_names", ofSuite(in)); err != nil {
		return err
	}
	if body.Triage, err = v.May("triage"); err != nil {
		return err
	}
	v.Script = "triage.js"
	v.Body = body
	return s.render(c, "regressions", v)
}

// regressionRows are regressions with the names of their orders and of the tests that moved most.
func (s *Service) regressionRows(ctx context.Context, in suiteView, p store.Params) ([]regressionListRow, error) {
	rows, err := list[regressionListRow](ctx, s, "page_regressions", p)
	if err != nil || len(rows) == 0 {
		return rows, err
	}
	of := func(kind string, id uint32) nameKey { return nameKey{kind, in.Database, in.Name, id} }
	called := names{}
	for _, r := range rows {
		called[of(aTest, r.LargestTestID)], called[of(anOrder, r.StartID)], called[of(anOrder, r.EndID)] = "", "", ""
		for _, id := range r.MachineIDs {
			called[of(aMachine, id)] = ""
		}
	}
	err = s.read(ctx, called)
	for i := range rows {
		r := &rows[i]
		r.LargestTest, r.Start, r.End = called[of(aTest, r.LargestTestID)], called[of(anOrder, r.StartID)], called[of(anOrder, r.EndID)]
		r.Machines = lo.Uniq(lo.Map(r.MachineIDs, func(id uint32, _ int) string { return called[of(aMachine, id)] }))
		slices.Sort(r.Machines)
		r.Machines = r.Machines[:min(len(r.Machines), 3)]
	}
	return rows, err
}

// stateTabs lead to the same list in another state.
func (s *Service) stateTabs(c *fiber.Ctx, in suiteView, current string) ([]tab, error) {
	counted, err := list[struct {
		State uint8  `ch:"state"`
		Count uint64 `ch:"regression_count"`
	}](c.UserContext(), s, "page_regression_counts", ofSuite(in))
	if err != nil {
		return nil, err
	}
	byState, open, all := map[uint8]int{}, 0, 0
	for _, n := range counted {
		byState[n.State] = int(n.Count)
		all += int(n.Count)
	}
	base := addressWithout(c, "state", "page")
	var named []tab
	for _, st := range states {
		word := openapi.StateName(st.Number)
		named = append(named, tab{Text: st.Name, Address: base + "state=" + word, Count: byState[st.Number], Current: word == current})
		if st.Open {
			open += byState[st.Number]
		}
	}
	tabs := append([]tab{{Text: "Open", Address: base + "state=open", Count: open, Current: current == "open"}}, named...)
	return append(tabs, tab{Text: "All", Address: base + "state=all", Count: all, Current: current == "all"}), nil
}

// toNewFindings answers LNT's list of changes that are in no regression.
func (s *Service) toNewFindings(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	return c.Redirect(v.L.Findings(in.Database, in.Name), fiber.StatusFound)
}

// toMarkedGraph answers LNT's address that made a regression of a point by reading it: reading changes nothing here, and leads to
// the point.
func (s *Service) toMarkedGraph(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "")
	if err != nil {
		return err
	}
	p, err := parsePlot(fmt.Sprintf("%s.%s.%s", c.Params("machine"), c.Params("test"), c.Params("field")))
	if err != nil {
		return badParameter("plot", c.Path(), err.Error())
	}
	return c.Redirect(v.L.Graph(in.Database, in.Name, p)+"&highlight_run="+c.Params("run"), fiber.StatusFound)
}
