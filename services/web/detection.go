package web

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/backtest"
	"tidemark/pkg/detect"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// detectionTabs are the pages about how changes are found and who is told.
func detectionTabs(l links, in suiteView, current string) []tab {
	return lo.Map([]tab{
		{Text: "Detectors", Address: "detectors"},
		{Text: "Backtests", Address: "backtests"},
		{Text: "Subscriptions", Address: "subscriptions"},
		{Text: "Job runs", Address: "job_runs"},
	}, func(t tab, _ int) tab {
		t.Current = t.Address == current
		t.Address = l.Suite(in.Database, in.Name) + t.Address
		return t
	})
}

// detectionPage starts one of them.
func (s *Service) detectionPage(c *fiber.Ctx, title, page string) (view, suiteView, []tab, error) {
	v, in, err := s.suitePage(c, title, "detection")
	v.crumb(title)
	return v, in, detectionTabs(v.L, in, page), err
}

type ruleStep struct {
	Detector  string            `ch:"detector"`
	Mode      string            `ch:"mode"`
	Machine   string            `ch:"machine"`
	Test      string            `ch:"test"`
	Metric    string            `ch:"metric"`
	Preset    string            `ch:"preset"`
	Params    map[string]string `ch:"params"`
	Reason    string            `ch:"reason"`
	Seq       uint64            `ch:"seq"`
	ChangedAt time.Time         `ch:"changed_at"`
	Actor     string            `ch:"actor"`
	Deleted   uint8             `ch:"deleted"`
	Stands    uint8             `ch:"stands"`
}

// Settings are the rule's parameters in the order of their names.
func (r ruleStep) Settings() string { return settingsText(r.Preset, r.Params) }

func settingsText(preset string, params map[string]string) string {
	var out []string
	if preset != "" {
		out = append(out, "preset "+preset)
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		out = append(out, name+"="+params[name])
	}
	return strings.Join(out, ", ")
}

type detectorsBody struct {
	writing
	Tabs          []tab
	Form          ruleForm
	Detectors     []sql.SeriesDetector
	Failing       []*sql.FileError
	Rules, Before []ruleStep
}

// detectors answers /detectors.
func (s *Service) detectors(c *fiber.Ctx) error {
	v, in, tabs, err := s.detectionPage(c, "Detectors", "detectors")
	if err != nil {
		return err
	}
	body := detectorsBody{Tabs: tabs}
	body.Detectors, body.Failing = detect.List()
	rules, err := list[ruleStep](c.UserContext(), s, "page_rule_history", with(ofSuite(in), store.Params{"limit": uint32(maxSteps)}))
	if err != nil {
		return err
	}
	body.Rules, body.Before = lo.FilterReject(rules, func(r ruleStep, _ int) bool { return r.Stands == 1 && r.Deleted == 0 })
	if body.writing, err = v.writing(c, in, "manage", "detectors"); err != nil {
		return err
	}
	if body.Form, err = readRuleForm(c); err != nil {
		return err
	}
	if body.Form.Tried {
		if err := s.tryRule(c, in, &body.Form, body.Rules); err != nil {
			return err
		}
	}
	v.Body = body
	return s.render(c, "detectors", v)
}

type jobRunRow struct {
	Job       string    `ch:"job"`
	SlotAt    time.Time `ch:"slot_at"`
	StartedAt time.Time `ch:"started_at"`
	Took      float64   `ch:"took_ms"`
	From      uint64    `ch:"from_seq"`
	To        uint64    `ch:"to_seq"`
	Rows      uint64    `ch:"rows"`
	Missed    uint32    `ch:"missed_slots"`
	Error     string    `ch:"error"`
}

type jobRunsBody struct {
	Tabs    []tab
	Failing bool
	Runs    []jobRunRow
	Broken  []*sql.FileError
}

// jobRuns answers /job_runs.
func (s *Service) jobRuns(c *fiber.Ctx) error {
	v, in, tabs, err := s.detectionPage(c, "Job runs", "job_runs")
	if err != nil {
		return err
	}
	which, err := choice(c, "show", "", "failing")
	if err != nil {
		return err
	}
	body := jobRunsBody{Tabs: tabs, Failing: which == "failing"}
	_, body.Broken = detect.List()
	body.Runs, err = list[jobRunRow](c.UserContext(), s, "page_job_runs", with(ofSuite(in), store.Params{
		"failing": lo.Ternary(body.Failing, uint8(1), 0), "limit": uint32(s.cfg.ListRows),
	}))
	if err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "job_runs", v)
}

type subscriptionRow struct {
	ID        uuid.UUID `ch:"id"`
	Name      string    `ch:"name"`
	Channel   string    `ch:"channel"`
	Target    string    `ch:"target"`
	Machine   string    `ch:"machine"`
	Test      string    `ch:"test"`
	Metric    string    `ch:"metric"`
	Kinds     []string  `ch:"kinds"`
	On        []string  `ch:"on"`
	MinEffect float64   `ch:"min_effect"`
	Every     string    `ch:"every"`
	ChangedAt time.Time `ch:"changed_at"`
	Actor     string    `ch:"actor"`
	Delivered uint64    `ch:"delivered_count"`
	Failed    uint64    `ch:"failed_count"`
	LastAt    time.Time `ch:"last_at"`
}

// Wanted is what the subscriber wants to know.
func (r subscriptionRow) Wanted() string {
	out := []string{lo.CoalesceOrEmpty(strings.Join(r.Kinds, ", "), "everything")}
	for _, p := range []struct{ what, glob string }{{"machine", r.Machine}, {"test", r.Test}, {"metric", r.Metric}} {
		if p.glob != "" && p.glob != "*" {
			out = append(out, p.what+" "+p.glob)
		}
	}
	if r.MinEffect > 0 {
		out = append(out, "from "+percentOf(r.MinEffect)+" on")
	}
	return strings.Join(out, " · ")
}

type deliveryRow struct {
	ID            uuid.UUID `ch:"id"`
	Subscription  uuid.UUID `ch:"subscription_id"`
	Status        string    `ch:"status"`
	Attempt       uint16    `ch:"attempt"`
	Code          uint16    `ch:"code"`
	Error         string    `ch:"error"`
	ChangeIDs     []uint32  `ch:"change_ids"`
	RegressionIDs []uint32  `ch:"regression_ids"`
	Signals       []string  `ch:"signals"`
	ChangedAt     time.Time `ch:"changed_at"`
}

type subscriptionsBody struct {
	writing
	Tabs          []tab
	Subscriptions []subscriptionRow
	Deliveries    []deliveryRow
	Names         map[uuid.UUID]string
}

// subscriptions answers /subscriptions. Where messages go is shown to those who may manage alone: addresses can hold secrets.
func (s *Service) subscriptions(c *fiber.Ctx) error {
	v, in, tabs, err := s.detectionPage(c, "Subscriptions", "subscriptions")
	if err != nil {
		return err
	}
	ctx, body := c.UserContext(), subscriptionsBody{Tabs: tabs}
	if body.Subscriptions, err = list[subscriptionRow](ctx, s, "page_subscriptions", ofSuite(in)); err != nil {
		return err
	}
	if body.writing, err = v.writing(c, in, "manage", "subscriptions"); err != nil {
		return err
	}
	for i := range body.Subscriptions {
		if !body.May {
			body.Subscriptions[i].Target = ""
		}
	}
	body.Names = lo.SliceToMap(body.Subscriptions, func(r subscriptionRow) (uuid.UUID, string) { return r.ID, r.Name })
	body.Deliveries, err = list[deliveryRow](ctx, s, "page_deliveries", with(ofSuite(in), store.Params{"limit": uint32(s.cfg.ListRows)}))
	if err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "subscriptions", v)
}

type signalRow struct {
	MachineID uint32    `ch:"machine_id"`
	Signal    string    `ch:"signal"`
	Since     time.Time `ch:"since"`
	Detail    string    `ch:"detail"`
}

type backtestsBody struct {
	writing
	Tabs []tab
	// Form fills the form; Detectors are those to choose from. Manage says that the reader may promote.
	Form      ruleForm
	Detectors []sql.SeriesDetector
	Manage    bool
	Rows      []backtest.Shown
	// One is the backtest that the page is about, with what it found.
	One      *backtest.Shown
	Findings []backtestFinding
	Kinds    []tab
	Settings string
}

// backtestFinding is one row of a backtest's difference.
type backtestFinding struct {
	Diff, Label string
	F           finding
}

func (s *Service) queue() *backtest.Queue { return backtest.NewQueue(s.store, s.now) }

// backtests answers /backtests.
func (s *Service) backtests(c *fiber.Ctx) error {
	v, in, tabs, err := s.detectionPage(c, "Backtests", "backtests")
	if err != nil {
		return err
	}
	found, err := s.queue().List(c.UserContext(), backtest.Filter{Database: in.Database, Suite: in.Name, Limit: s.cfg.ListRows})
	if err != nil {
		return err
	}
	body := backtestsBody{Tabs: tabs, Rows: lo.Map(found, func(b backtest.Backtest, _ int) backtest.Shown { return b.Shown(s.now()) })}
	body.Detectors, _ = detect.List()
	if body.writing, err = v.writing(c, in, "submit", "backtests"); err != nil {
		return err
	}
	if body.Form, err = readRuleForm(c); err != nil {
		return err
	}
	v.Body = body
	return s.render(c, "backtests", v)
}

// backtest answers /backtests/<id>.
func (s *Service) backtest(c *fiber.Ctx) error {
	v, in, tabs, err := s.detectionPage(c, "Backtest", "backtests")
	if err != nil {
		return err
	}
	gone := notHere("Suite "+in.Name+" has no backtest "+clip(c.Params("backtest"), 60)+".", "Choose one from the list.",
		v.L.Suite(in.Database, in.Name)+"backtests", "Backtests of "+in.Name)
	id, err := uuid.Parse(c.Params("backtest"))
	if err != nil {
		return gone
	}
	b, err := s.queue().Get(c.UserContext(), in.Database, in.Name, id)
	if errors.Is(err, backtest.ErrUnknown) {
		return gone
	}
	if err != nil {
		return err
	}
	part, err := choice(c, "diff", append([]string{""}, backtest.Diffs()...)...)
	if err != nil {
		return err
	}
	shown := b.Shown(s.now())
	body := backtestsBody{Tabs: tabs, One: &shown, Settings: settingsText(shown.Preset, shown.Params)}
	if body.writing, err = v.writing(c, in, "submit", "backtests/"+b.ID.String()); err != nil {
		return err
	}
	if body.Manage, err = v.May("manage"); err != nil {
		return err
	}
	rows, err := s.queue().Findings(c.UserContext(), b, backtest.Diff(part), 0, s.cfg.ListRows)
	if err != nil {
		return err
	}
	body.Findings = lo.Map(rows, func(r backtest.NamedRow, _ int) backtestFinding {
		return backtestFinding{r.Diff, map[int8]string{1: "real", -1: "not real"}[r.Label], newFinding(v.L, in, findingRow{
			Database: in.Database, Suite: in.Name, MachineID: r.MachineID, Machine: r.Machine, TestID: r.TestID, Test: r.Test, Metric: r.Metric,
			OrderID: r.OrderID, Order: r.Order, Direction: r.Direction, Kind: r.Kind, Before: r.Before, After: r.After, Effect: r.Effect, PValue: r.PValue,
		})}
	})
	if report := shown.Report; report != nil {
		for _, t := range []struct {
			text, word string
			count      uint64
		}{{"All", "", report.New + report.Lost + report.Moved + report.Same}, {"New", "new", report.New}, {"Lost", "lost", report.Lost}, {"Moved", "moved", report.Moved}, {"Same", "same", report.Same}} {
			body.Kinds = append(body.Kinds, tab{Text: t.text, Address: "?diff=" + t.word, Count: int(t.count), Current: t.word == part})
		}
	}
	v.Body = body
	return s.render(c, "backtest", v)
}
