package web

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
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
	Database  string    `ch:"database"`
	Suite     string    `ch:"suite"`
	ID        uint32    `ch:"regression_id"`
	Title     string    `ch:"title"`
	Titled    bool      `ch:"titled"` // by a person; else the title says what moved, where and when
	Bug       string    `ch:"bug"`
	State     uint8     `ch:"state"`
	Kind      string    `ch:"kind"`
	Cause     string    `ch:"cause"`
	Detector  string    `ch:"detector"`
	Owner     string    `ch:"owner"`
	Tags      []string  `ch:"tags"`
	Note      string    `ch:"note"`
	Seq       uint64    `ch:"seq"`
	ChangedAt time.Time `ch:"changed_at"`
	Actor     string    `ch:"actor"`
	StartID   uint32    `ch:"start_order_id"`
	EndID     uint32    `ch:"end_order_id"`
	ChangeIDs []uint32  `ch:"change_ids"`
	// looked up for the rows that are shown
	Start, End, LargestTest string
	regressionSum
}

// regressionSum is what the change points of a regression add up to that stand.
type regressionSum struct {
	Changes, Tests uint64
	MachineIDs     []uint32
	// Machines are the first three by name, Metrics all by name.
	Machines, Metrics []string
	// Effects are the largest ones, largest first.
	Effects []float64
	Largest memberChangeRow
	// LargestOn is the machine that the largest one counts for.
	LargestOn   uint32
	TotalEffect float64
}

// memberChangeRow is a change point of a regression.
type memberChangeRow struct {
	Database   string  `ch:"database"`
	Suite      string  `ch:"suite"`
	ID         uint32  `ch:"change_id"`
	OwnID      uint32  `ch:"own_machine_id"`
	Metric     string  `ch:"metric"`
	TestID     uint32  `ch:"test_id"`
	OrderID    uint32  `ch:"order_id"`
	Before     float64 `ch:"before"`
	After      float64 `ch:"after"`
	Effect     float64 `ch:"effect"`
	EffectLow  float64 `ch:"effect_low"`
	EffectHigh float64 `ch:"effect_high"`
	PValue     float64 `ch:"p_value"`
}

// MachineCount is how many machines moved.
func (r regressionListRow) MachineCount() uint64 { return uint64(len(r.MachineIDs)) }

// regressionView is a regression as pages show it.
type regressionView struct {
	regressionListRow
	StateName, StateWord string
	Bad, Up, MachineOwn  bool
	// Name is the title as it is read: one that nobody gave has the metric's name and the signs of the pages.
	Name string
	// Change is the largest change of one series, Mean the size of all of them: the geometric mean of how far they went, either way.
	Change, Mean string
	MetricNames  []string
	BeforeText   string
	AfterText    string
	// Sure says between what the largest change lies, as sure as its detector is; "" when it says nothing.
	Sure string
	Bars []bar
	// Link is its page, Graph the chart of its largest change, the page where there is none.
	Link, Graph string
	HasBug      bool
}

// bar is a rectangle of a small picture, in its own units.
type bar struct {
	X, Y, Height float64
	Bad          bool
}

// barBox is the height of the picture of bars.
const barBox = 26.0

// maxBars is how many of them a picture has.
const maxBars = 24

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
	index, metric, ok := in.Metric(r.Largest.Metric)
	if !ok {
		metric = suite.Metric{Name: r.Largest.Metric}
	}
	v := regressionView{
		regressionListRow: r, StateName: stateTitle(r.State), StateWord: openapi.StateName(r.State),
		Bad: r.Kind != string(event.Improvement), Up: r.Largest.Effect > 0, MachineOwn: r.Cause == "machine",
		Change: percent(r.Largest.Effect), Mean: percentOf(math.Expm1(r.TotalEffect / float64(max(r.Changes, 1)))),
		Link:   l.Regression(r.Database, r.Suite, r.ID),
		HasBug: strings.HasPrefix(r.Bug, "https://") || strings.HasPrefix(r.Bug, "http://"),
	}
	if r.Largest.EffectLow != 0 || r.Largest.EffectHigh != 0 {
		v.Sure = between(r.Largest.EffectLow, r.Largest.EffectHigh)
	}
	if v.Graph = v.Link; ok {
		v.Graph = l.GraphAt(r.Database, r.Suite, plot{r.LargestOn, r.Largest.TestID, index}, r.Largest.OrderID)
	}
	v.Name = nameOf(in, r)
	v.Bars = bars(r.Effects, v.Bad, math.Max(largest, 1e-9))
	v.BeforeText, v.AfterText = quantities(metric, r.Largest.Before, r.Largest.After)
	v.MetricNames = lo.Map(r.Metrics, func(name string, _ int) string {
		if _, m, ok := in.Metric(name); ok {
			return m.Title()
		}
		return name
	})
	return v
}

// summed are the words of a title that nobody gave that say how far what moved.
var summed = regexp.MustCompile(`(?:^|moved: )(\S+|\d+ metrics up to) ([+-])([0-9.]+) % in `)

// nameOf is the title of a regression with the metric's name and a real minus sign, unless somebody gave it.
func nameOf(in suiteView, r regressionListRow) string {
	if r.Titled {
		return r.Title
	}
	at := summed.FindStringSubmatchIndex(r.Title)
	if at == nil {
		return r.Title
	}
	what, sign := r.Title[at[2]:at[3]], r.Title[at[4]:at[5]]
	if _, m, ok := in.Metric(what); ok {
		what = m.Title()
	}
	return r.Title[:at[2]] + what + " " + lo.Ternary(sign == "-", minus, sign) + r.Title[at[6]:at[7]] + "% in " + r.Title[at[1]:]
}

// percentOf is a size without a sign.
func percentOf(v float64) string { return strings.TrimPrefix(percent(math.Abs(v)), "+") }

// regressionQuery is what page_regressions asks; zero values mean any.
type regressionQuery struct {
	States                                               []uint8
	MachineID                                            uint32
	Machine, Metric, Test, Owner, Tag, Kind, Sort, State string
}

func (q regressionQuery) params(in suiteView, machines fleet) store.Params {
	return with(ofSuite(in), store.Params{
		"states": q.States, "gone": machines.gone(), "machine_ids": q.own(in, machines), "metric": q.Metric, "test": q.Test, "owner": q.Owner,
		"tag": q.Tag, "kind": q.Kind, "sort": q.Sort, "narrowed": lo.Ternary[uint8](q.MachineID != 0 || q.Machine+q.Metric+q.Test != "", 1, 0),
	})
}

// own are the machines that sent what is asked for, none for any; 0, which is no machine, where there is none such.
func (q regressionQuery) own(in suiteView, machines fleet) []uint32 {
	ids := []uint32{}
	if q.MachineID == 0 && q.Machine == "" {
		return ids
	}
	for _, m := range machines.standing() {
		if (q.MachineID == 0 || m.ID == q.MachineID) && (q.Machine == "" || m.Name == q.Machine) {
			ids = append(ids, machines.own(nameKey{aMachine, in.Database, in.Name, m.ID})...)
		}
	}
	if len(ids) == 0 {
		return []uint32{0}
	}
	return ids
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
		return word, openStates(), nil
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
	machines, err := s.fleet(ctx, in.Database, in.Name)
	if err != nil {
		return err
	}
	err = beside(ctx, func(ctx context.Context) error {
		return s.listRegressions(ctx, v.L, in, machines, &body)
	}, func(ctx context.Context) (err error) {
		body.Tabs, err = s.stateTabs(ctx, in, body.Query.State, addressWithout(c, "state", "page"))
		return err
	})
	if err != nil {
		return err
	}
	body.Machines = machines.standing()
	if body.Triage, err = v.May("triage"); err != nil {
		return err
	}
	v.Script = "triage.js"
	v.Body = body
	return s.render(c, "regressions", v)
}

// listRegressions fills a page of the list.
func (s *Service) listRegressions(ctx context.Context, l links, in suiteView, machines fleet, body *regressionsBody) error {
	keys, err := list[regressionKey](ctx, s, "page_regressions", with(body.Query.params(in, machines), store.Params{
		"limit": uint32(body.Pager.Rows), "offset": body.Pager.offset(),
	}))
	if err != nil {
		return err
	}
	for i := range keys {
		keys[i].Database, keys[i].Suite, body.Pager.Total = in.Database, in.Name, int(keys[i].Total)
	}
	rows, err := s.regressionRows(ctx, keys, machines)
	body.Rows = regressionViews(l, map[string]suiteView{in.Database + "/" + in.Name: in}, rows)
	return err
}

// regressionKey is a regression of a list, before anything else of it is read.
type regressionKey struct {
	Database string `ch:"database"`
	Suite    string `ch:"suite"`
	ID       uint32 `ch:"regression_id"`
	// Total is how many the whole list has.
	Total uint64 `ch:"total_count"`
}

// regressionRows are the regressions of a list in its order, with the names of their orders and of the tests that moved most; those
// that are there no more are left out.
func (s *Service) regressionRows(ctx context.Context, keys []regressionKey, machines fleet) ([]regressionListRow, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	databases := lo.Map(keys, func(k regressionKey, _ int) string { return k.Database })
	suites := lo.Map(keys, func(k regressionKey, _ int) string { return k.Suite })
	rows, err := list[regressionListRow](ctx, s, "page_regression_rows", store.Params{
		"databases": databases, "suites": suites,
		"regression_ids": lo.Map(keys, func(k regressionKey, _ int) uint32 { return k.ID }),
	})
	if err != nil {
		return nil, err
	}
	changes, err := s.changes(ctx, lo.Uniq(databases), lo.Uniq(suites), rows)
	if err != nil {
		return nil, err
	}
	called := names{}
	for i := range rows {
		r := &rows[i]
		r.add(changes, machines)
		called.want(aTest, r.Database, r.Suite, r.Largest.TestID)
		called.want(anOrder, r.Database, r.Suite, r.StartID)
		called.want(anOrder, r.Database, r.Suite, r.EndID)
	}
	if err := s.read(ctx, called); err != nil {
		return nil, err
	}
	byKey := map[regressionKey]regressionListRow{}
	for _, r := range rows {
		of := func(kind string, id uint32) string { return called[nameKey{kind, r.Database, r.Suite, id}] }
		r.LargestTest, r.Start, r.End = of(aTest, r.Largest.TestID), of(anOrder, r.StartID), of(anOrder, r.EndID)
		byKey[regressionKey{Database: r.Database, Suite: r.Suite, ID: r.ID}] = r
	}
	return lo.FilterMap(keys, func(k regressionKey, _ int) (regressionListRow, bool) {
		k.Total = 0
		r, found := byKey[k]
		return r, found
	}), nil
}

// changesAtOnce is how many change points one statement asks for by number.
const changesAtOnce = 5000

// memberChangeKey is a change point of a suite.
type memberChangeKey struct {
	database, suite string
	id              uint32
}

// changes are the change points of regressions, as far as they stand.
func (s *Service) changes(ctx context.Context, databases, suites []string, of []regressionListRow) (map[memberChangeKey]memberChangeRow, error) {
	ids := lo.Uniq(lo.FlatMap(of, func(r regressionListRow, _ int) []uint32 { return r.ChangeIDs }))
	out := make(map[memberChangeKey]memberChangeRow, len(ids))
	for some := range slices.Chunk(ids, changesAtOnce) {
		rows, err := list[memberChangeRow](ctx, s, "page_regression_changes", store.Params{"databases": databases, "suites": suites, "change_ids": some})
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[memberChangeKey{r.Database, r.Suite, r.ID}] = r
		}
	}
	return out, nil
}

// add adds up the change points of a regression that stand.
func (r *regressionListRow) add(changes map[memberChangeKey]memberChangeRow, machines fleet) {
	var members []memberChangeRow
	for _, id := range r.ChangeIDs {
		change, stands := changes[memberChangeKey{r.Database, r.Suite, id}]
		own := nameKey{aMachine, r.Database, r.Suite, change.OwnID}
		name, known := machines.called(own)
		if !stands || !known {
			continue
		}
		members = append(members, change)
		r.TotalEffect += change.size()
		if now := machines.now(own).id; !slices.Contains(r.MachineIDs, now) {
			r.MachineIDs, r.Machines = append(r.MachineIDs, now), append(r.Machines, name)
		}
	}
	slices.SortFunc(members, func(a, b memberChangeRow) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Effect), math.Abs(a.Effect)), cmp.Compare(b.TestID, a.TestID), cmp.Compare(a.ID, b.ID))
	})
	r.Largest, _ = lo.First(members)
	r.LargestOn = machines.now(nameKey{aMachine, r.Database, r.Suite, r.Largest.OwnID}).id
	r.Changes = uint64(len(members))
	r.Tests = uint64(len(lo.UniqBy(members, func(c memberChangeRow) uint32 { return c.TestID })))
	r.Effects = lo.Map(lo.Slice(members, 0, maxBars), func(c memberChangeRow, _ int) float64 { return c.Effect })
	r.Metrics = lo.Uniq(lo.Map(members, func(c memberChangeRow, _ int) string { return c.Metric }))
	slices.Sort(r.Metrics)
	slices.Sort(r.Machines)
	r.Machines = lo.Slice(slices.Compact(r.Machines), 0, 3)
}

// size is how far the series went, either way, on a scale on which twice as much is as far as half.
func (c memberChangeRow) size() float64 {
	if c.Before > 0 && c.After > 0 {
		return math.Abs(math.Log(c.After / c.Before))
	}
	return math.Abs(c.Effect)
}

// regressionViews are the regressions of one list; the largest change of all is the scale of their bars.
func regressionViews(l links, schemas map[string]suiteView, rows []regressionListRow) []regressionView {
	largest := 0.0
	for _, r := range rows {
		largest = math.Max(largest, math.Abs(r.Largest.Effect))
	}
	return lo.Map(rows, func(r regressionListRow, _ int) regressionView {
		return newRegressionView(l, schemas[r.Database+"/"+r.Suite], r, largest)
	})
}

// openRegressions are what an overview shows of them: those that changed last, and how many wait for somebody.
type openRegressions struct {
	Rows  []regressionView
	Total uint64
}

func (s *Service) openRegressions(ctx context.Context, l links, schemas map[string]suiteView, machines fleet, database, suiteName string) (openRegressions, error) {
	keys, err := list[regressionKey](ctx, s, "page_open_regressions", store.Params{
		"database": database, "suite": suiteName, "states": openStates(), "limit": uint32(s.cfg.RecentRows),
	})
	if err != nil || len(keys) == 0 {
		return openRegressions{}, err
	}
	rows, err := s.regressionRows(ctx, keys, machines)
	return openRegressions{regressionViews(l, schemas, rows), keys[0].Total}, err
}

// openStates are those that wait for somebody.
func openStates() []uint8 {
	return lo.FilterMap(states, func(s stateKind, _ int) (uint8, bool) { return s.Number, s.Open })
}

// stateTabs lead to the same list in another state.
func (s *Service) stateTabs(ctx context.Context, in suiteView, current, base string) ([]tab, error) {
	counted, err := list[struct {
		State uint8  `ch:"state"`
		Count uint64 `ch:"regression_count"`
	}](ctx, s, "page_regression_counts", ofSuite(in))
	if err != nil {
		return nil, err
	}
	byState, open, all := map[uint8]int{}, 0, 0
	for _, n := range counted {
		byState[n.State] = int(n.Count)
		all += int(n.Count)
	}
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
