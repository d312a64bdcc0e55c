package web

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
)

// memberRow is a change point of a regression.
type memberRow struct {
	findingRow
	ChangeID   uint32  `ch:"change_id"`
	Cause      string  `ch:"cause"`
	EffectLow  float64 `ch:"effect_low"`
	EffectHigh float64 `ch:"effect_high"`
}

// member is a change point of a regression as its page shows it.
type member struct {
	finding
	ChangeID uint32
	// Sure is the range that the change lies in with 95 %, "" where the detector does not say.
	Sure  string
	Spark *spark
}

// stepRow is one step of a regression's history.
type stepRow struct {
	Seq        uint64    `ch:"seq"`
	EventType  string    `ch:"event_type"`
	At         time.Time `ch:"at"`
	Actor      string    `ch:"actor"`
	Title      string    `ch:"title"`
	Bug        string    `ch:"bug"`
	State      uint8     `ch:"state"`
	Owner      string    `ch:"owner"`
	Tags       []string  `ch:"tags"`
	Note       string    `ch:"note"`
	Changes    uint64    `ch:"change_count"`
	Deleted    uint8     `ch:"deleted"`
	MergedInto uint32    `ch:"merged_into"`
}

// step is one step of a regression's history, told as what changed by it.
type step struct {
	stepRow
	Done []string
	// CanUndo is true for what people decided last: what came before it can be undone after it.
	CanUndo bool
}

type regressionBody struct {
	R       regressionView
	Members []member
	Pager   pager
	Steps   []step
	States  []stateChoice
	TagText string
	Range   string
	Triage  bool
	API     string
}

// Bounds of one page.
const (
	maxSteps     = 200
	sparkSeries  = 12
	sparkOrders  = 60
	sparkWidth   = 160.0
	sparkHeight  = 34.0
	sparkPadding = 3.0
)

// regression answers /regressions/<id>.
func (s *Service) regression(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "", "regressions")
	if err != nil {
		return err
	}
	id, err := pathID(c, "regression", "regression")
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	machines, err := s.fleet(ctx, in.Database, in.Name)
	if err != nil {
		return err
	}
	rows, err := s.regressionRows(ctx, []regressionKey{{Database: in.Database, Suite: in.Name, ID: id}}, machines)
	if err != nil {
		return err
	}
	row, found := lo.First(rows)
	body := regressionBody{API: v.L.API(in.Database, in.Name), States: stateChoices(row.State)}
	if body.Steps, err = s.steps(ctx, in, id); err != nil {
		return err
	}
	if !found {
		return goneRegression(v.L, in, id, body.Steps)
	}
	body.R = newRegressionView(v.L, in, row, math.Abs(row.Largest.Effect))
	body.TagText = strings.Join(row.Tags, ", ")
	if body.Pager, err = readPager(c, s.cfg.ListRows); err != nil {
		return err
	}
	body.Pager.Total = int(row.Changes)
	if body.Members, err = s.members(ctx, v.L, in, id, body.Pager); err != nil {
		return err
	}
	if body.Triage, err = v.May("triage"); err != nil {
		return err
	}
	v.Title = lo.CoalesceOrEmpty(body.R.Name, "Regression "+digitsOf(id))
	v.Crumbs = append(v.Crumbs, crumb{"Regressions", v.L.Regressions(in.Database, in.Name)})
	v.crumb(digitsOf(id))
	v.Script = "triage.js"
	v.Body = body
	return s.render(c, "regression", v)
}

// goneRegression says what became of one that is not there any more.
func goneRegression(l links, in suiteView, id uint32, steps []step) error {
	what, hint := "Suite "+in.Name+" has no regression "+digitsOf(id)+".", "Choose one from the list."
	back, text := l.Regressions(in.Database, in.Name)+"?state=all", "Regressions of "+in.Name
	if len(steps) > 0 {
		last := steps[0]
		what = fmt.Sprintf("Regression %d was deleted by %s on %s.", id, lo.CoalesceOrEmpty(last.Actor, "the server"), instant(last.At))
		if last.MergedInto != 0 {
			what = fmt.Sprintf("Regression %d was merged into %d by %s on %s.", id, last.MergedInto, lo.CoalesceOrEmpty(last.Actor, "the server"), instant(last.At))
			hint, back, text = "The other one has its change points.", l.Regression(in.Database, in.Name, last.MergedInto), "Regression "+digitsOf(last.MergedInto)
		}
	}
	return notHere(what, hint, back, text)
}

func (s *Service) members(ctx context.Context, l links, in suiteView, id uint32, p pager) ([]member, error) {
	rows, err := list[memberRow](ctx, s, "page_regression_members", with(ofSuite(in), store.Params{
		"regression_id": id, "limit": uint32(p.Rows), "offset": p.offset(),
	}))
	if err != nil {
		return nil, err
	}
	called := names{}
	for _, r := range rows {
		called.wantFinding(r.findingRow)
	}
	if err := s.read(ctx, called); err != nil {
		return nil, err
	}
	rows = lo.FilterMap(rows, func(r memberRow, _ int) (memberRow, bool) {
		known := called.fill(&r.findingRow)
		return r, known
	})
	sparks, err := s.sparks(ctx, in, lo.Slice(rows, 0, sparkSeries))
	if err != nil {
		return nil, err
	}
	return lo.Map(rows, func(r memberRow, _ int) member {
		m := member{finding: newFinding(l, in, r.findingRow), ChangeID: r.ChangeID}
		if r.EffectLow != 0 || r.EffectHigh != 0 {
			m.Sure = between(r.EffectLow, r.EffectHigh)
		}
		if levels, ok := sparks[lineKey{r.MachineID, r.Metric, r.TestID}]; ok {
			m.Spark = newSpark(levels, r.OrderID)
		}
		return m
	}), nil
}

type sparkRow struct {
	MachineID uint32    `ch:"machine_id"`
	Metric    string    `ch:"metric"`
	TestID    uint32    `ch:"test_id"`
	OrderIDs  []uint32  `ch:"order_ids"`
	Levels    []float64 `ch:"levels"`
}

func (s *Service) sparks(ctx context.Context, in suiteView, rows []memberRow) (map[lineKey]sparkRow, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	found, err := list[sparkRow](ctx, s, "page_sparks", with(ofSuite(in), store.Params{
		"machine_ids": lo.Map(rows, func(r memberRow, _ int) uint32 { return r.MachineID }),
		"metrics":     lo.Map(rows, func(r memberRow, _ int) string { return r.Metric }),
		"test_ids":    lo.Map(rows, func(r memberRow, _ int) uint32 { return r.TestID }),
		"order_ids":   lo.Map(rows, func(r memberRow, _ int) uint32 { return r.OrderID }),
		"orders":      uint32(sparkOrders),
	}))
	return lo.KeyBy(found, func(r sparkRow) lineKey { return lineKey{r.MachineID, r.Metric, r.TestID} }), err
}

// spark is a small picture of a series: a line, and where its change is.
type spark struct {
	Width, Height float64
	Points        string
	MarkX         float64
	HasMark       bool
}

func newSpark(r sparkRow, at uint32) *spark {
	if len(r.Levels) < 2 {
		return nil
	}
	least, most := lo.Min(r.Levels), lo.Max(r.Levels)
	out := &spark{Width: sparkWidth, Height: sparkHeight}
	var points strings.Builder
	for i, level := range r.Levels {
		x := sparkPadding + (sparkWidth-2*sparkPadding)*float64(i)/float64(len(r.Levels)-1)
		y := sparkHeight / 2
		if most > least {
			y = sparkHeight - sparkPadding - (sparkHeight-2*sparkPadding)*(level-least)/(most-least)
		}
		fmt.Fprintf(&points, "%.1f,%.1f ", x, y)
		if r.OrderIDs[i] == at {
			out.MarkX, out.HasMark = x, true
		}
	}
	out.Points = strings.TrimSpace(points.String())
	return out
}

func (s *Service) steps(ctx context.Context, in suiteView, id uint32) ([]step, error) {
	rows, err := list[stepRow](ctx, s, "page_regression_history", with(ofSuite(in), store.Params{"regression_id": id, "limit": uint32(maxSteps + 1)}))
	if err != nil {
		return nil, err
	}
	out := make([]step, len(rows))
	for i, r := range rows {
		var before *stepRow
		if i+1 < len(rows) {
			before = &rows[i+1]
		}
		out[i] = step{stepRow: r, Done: changed(before, r), CanUndo: i == 0 && undoable(r.EventType)}
	}
	return lo.Slice(out, 0, maxSteps), nil
}

// undoable are the steps that people take.
func undoable(kind string) bool {
	switch event.Type(kind) { //nolint:exhaustive // all others are the server's
	case event.RegressionTriaged, event.RegressionMerged, event.RegressionSplit, event.RegressionDeleted, event.RegressionRestored, event.ChangeIgnored:
		return true
	}
	return false
}

// changed says what a step changed, in a few words each.
func changed(before *stepRow, now stepRow) []string {
	if before == nil {
		return []string{"opened as " + stateTitle(now.State) + " with " + countOf(now.Changes, "change point")}
	}
	var out []string
	say := func(differs bool, format string, args ...any) {
		if differs {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	say(before.State != now.State, "%s → %s", stateTitle(before.State), stateTitle(now.State))
	say(before.Title != now.Title, "titled “%s”", now.Title)
	say(before.Owner != now.Owner, "owner %s", lo.CoalesceOrEmpty(now.Owner, "nobody"))
	say(before.Bug != now.Bug, "bug %s", lo.CoalesceOrEmpty(now.Bug, "none"))
	added, removed := lo.Difference(now.Tags, before.Tags)
	say(len(added) > 0, "tagged %s", strings.Join(added, ", "))
	say(len(removed) > 0, "tag %s removed", strings.Join(removed, ", "))
	say(before.Changes != now.Changes, "%s, before %d", countOf(now.Changes, "change point"), before.Changes)
	say(now.MergedInto != 0 && before.MergedInto == 0, "merged into %d", now.MergedInto)
	say(now.Deleted != 0 && now.MergedInto == 0, "deleted")
	say(len(out) == 0 && now.Note == "", "looked at again, nothing changed")
	return out
}

func countOf(n uint64, what string) string {
	return integer(n) + " " + what + lo.Ternary(n == 1, "", "s")
}
