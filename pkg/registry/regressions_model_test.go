package registry_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/samber/lo"
	"pgregory.net/rapid"

	"tidemark/pkg/event"
	"tidemark/pkg/registry"
)

// groupModel is what findings and people's decisions amount to, told as plainly as possible: lists that are searched from end to end,
// ranges that are worked out anew for every question. Places in history are order ids.
type groupModel struct {
	found   []*modelChange // by change id - 1
	groups  map[uint32]*modelGroup
	last    uint32
	seq     uint64
	changed map[uint64]map[uint32]*modelGroup // by event: what each group that it changed was before; nil when it was not
	wasOut  map[uint64]map[int]modelOut
}

type modelChange struct {
	step step
	out  modelOut
}

type modelOut struct {
	dismissed bool
	effect    float64
	seq       uint64
}

type modelGroup struct {
	state      uint8
	kind       event.Kind
	cause      string
	members    []uint32
	start, end uint32
	touched    bool
	owner      string
	bug        bool
	seq        uint64
	// back says that findings made it one to be verified, former what it was before.
	back   bool
	former uint8
}

func (g *modelGroup) clone() *modelGroup {
	if g == nil {
		return nil
	}
	next := *g
	next.members = slices.Clone(g.members)
	return &next
}

func newGroupModel(seq uint64) *groupModel {
	return &groupModel{groups: map[uint32]*modelGroup{}, seq: seq, changed: map[uint64]map[uint32]*modelGroup{}, wasOut: map[uint64]map[int]modelOut{}}
}

func (s step) effect() float64 {
	f := s.finding("steps")
	return f.Effect
}

func (s step) kind() event.Kind { return s.finding("steps").Kind }

func (m *groupModel) stands(id uint32) bool {
	return id >= 1 && int(id) <= len(m.found) && !m.found[id-1].step.gone && !m.found[id-1].out.dismissed
}

// event lets something happen, and remembers what was before. It puts back what was when do says no.
func (m *groupModel) event(do func() bool) bool {
	m.seq++
	before := map[uint32]*modelGroup{}
	for id, g := range m.groups {
		before[id] = g.clone()
	}
	outs := lo.Map(m.found, func(c *modelChange, _ int) modelOut { return c.out })
	if !do() {
		m.groups = before
		return false
	}
	m.conclude()
	changed := map[uint32]*modelGroup{}
	for id := uint32(1); id <= m.last; id++ {
		was, is := before[id], m.groups[id]
		if (was == nil) != (is == nil) || is != nil && is.seq == m.seq || is != nil && fmt.Sprint(*was) != fmt.Sprint(*is) {
			changed[id] = was
			if is != nil {
				is.seq = m.seq
			}
		}
	}
	m.changed[m.seq] = changed
	m.wasOut[m.seq] = map[int]modelOut{}
	for i, out := range outs {
		if m.found[i].out.seq == m.seq {
			m.wasOut[m.seq][i] = out
		}
	}
	return true
}

func (m *groupModel) sameSeries(a, b step) bool {
	return a.machine == b.machine && a.test == b.test && a.metric == b.metric
}

func (m *groupModel) recovered(id uint32) bool {
	c := m.found[id-1].step.finding("steps")
	return slices.ContainsFunc(m.found, func(other *modelChange) bool {
		o := other.step.finding("steps")
		return m.sameSeries(m.found[id-1].step, other.step) && !other.step.gone && !other.out.dismissed && o.Direction != c.Direction && o.OrderID > c.OrderID &&
			math.Abs(o.After-c.Before) <= math.Abs(c.After-c.Before)/2
	})
}

func (m *groupModel) fold(g *modelGroup) (start, end uint32) {
	for i, id := range g.members {
		s := m.found[id-1].step
		switch {
		case i == 0:
			start, end = s.from, s.to
		case s.from < end && start < s.to || s.from == start && s.to == end:
			start, end = max(start, s.from), min(end, s.to)
		}
	}
	if len(g.members) == 0 {
		return g.start, g.end
	}
	return start, end
}

// rechecked are the groups that an event may have ended.
var rechecked map[uint32]bool

func (m *groupModel) conclude() {
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		g := m.groups[id]
		if rechecked[id] {
			if len(g.members) == 0 && !g.touched {
				delete(m.groups, id)
				continue
			}
			if (g.state == 0 || g.state == 1 || g.state == 10) && lo.EveryBy(g.members, m.recovered) {
				g.state, g.back, g.former = event.StateVerify, true, g.state
			} else if g.state == event.StateVerify && g.back && !lo.EveryBy(g.members, m.recovered) {
				g.state, g.back, g.former = g.former, false, 0
			}
		}
		g.start, g.end = m.fold(g)
	}
}

func (m *groupModel) leave(change uint32, of func(*modelGroup) bool) {
	for id, g := range m.groups {
		if slices.Contains(g.members, change) && of(g) {
			g.members = lo.Without(g.members, change)
			g.seq = m.seq
			rechecked[id] = true
		}
	}
}

func (m *groupModel) open(g modelGroup) *modelGroup {
	m.last++
	g.seq = m.seq
	if len(g.members) > 0 && g.kind == "" {
		first := m.found[g.members[0]-1].step
		g.kind, g.cause = first.kind(), lo.CoalesceOrEmpty(first.cause, "code")
	}
	m.groups[m.last] = &g
	return &g
}

func (m *groupModel) join(change uint32) {
	s := m.found[change-1].step
	var touching *modelGroup
	var to *modelGroup
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		g := m.groups[id]
		open := g.state == 0 || g.state == 1 || g.state == 10 || g.state == event.StateVerify
		if !open || g.kind != s.kind() || g.cause != lo.CoalesceOrEmpty(s.cause, "code") {
			continue
		}
		if s.cause == "machine" && (len(g.members) == 0 || m.found[g.members[0]-1].step.machine != s.machine) {
			continue
		}
		start, end := m.fold(g)
		if start < s.to && s.from < end {
			to = g
			break
		}
		if touching == nil && (end == s.from || start == s.to) {
			touching = g
		}
	}
	if to == nil {
		to = touching
	}
	if to == nil {
		m.open(modelGroup{members: []uint32{change}})
		return
	}
	to.members = append(to.members, change)
	to.seq = m.seq
	if to.state == event.StateVerify {
		to.state, to.back, to.former = event.StateDetected, false, 0
	}
	for id, g := range m.groups {
		if g == to {
			rechecked[id] = true
		}
	}
}

func (m *groupModel) record(steps []step) bool {
	var fresh, all []uint32
	for _, s := range steps {
		at := slices.IndexFunc(m.found, func(c *modelChange) bool { return c.step.finding("steps").ID == s.finding("steps").ID })
		known := at >= 0
		var was modelChange
		if known {
			was = *m.found[at]
			m.found[at].step = s
		} else {
			m.found = append(m.found, &modelChange{step: s})
			at = len(m.found) - 1
		}
		id, c := uint32(at+1), m.found[at]
		all = append(all, id)
		if c.out.dismissed && !s.gone && math.Abs(s.effect()) > 2*math.Abs(c.out.effect) {
			c.out = modelOut{seq: m.seq}
		}
		switch {
		case s.gone:
			m.leave(id, func(*modelGroup) bool { return true })
		case c.out.dismissed:
		case !known || was.step.gone || was.out.dismissed:
			fresh = append(fresh, id)
		case was.step.cause != s.cause:
			m.leave(id, func(g *modelGroup) bool { return !g.touched })
			if !lo.SomeBy(lo.Values(m.groups), func(g *modelGroup) bool { return slices.Contains(g.members, id) }) {
				fresh = append(fresh, id)
			}
		}
	}
	for _, id := range fresh {
		m.join(id)
	}
	m.recheck(all...)
	return true
}

// recheck notes the groups of the series of changes.
func (m *groupModel) recheck(changes ...uint32) {
	for _, id := range changes {
		for group, g := range m.groups {
			if slices.ContainsFunc(g.members, func(other uint32) bool { return m.sameSeries(m.found[other-1].step, m.found[id-1].step) }) {
				rechecked[group] = true
			}
		}
	}
}

func (m *groupModel) dismiss(ids []uint32, restore bool) bool {
	for _, id := range ids {
		if int(id) > len(m.found) || restore && !m.found[id-1].out.dismissed {
			return false
		}
	}
	var fresh []uint32
	for _, id := range ids {
		c := m.found[id-1]
		c.out = modelOut{!restore, 0, m.seq}
		if !restore {
			c.out.effect = c.step.effect()
			m.leave(id, func(*modelGroup) bool { return true })
		} else if !c.step.gone {
			fresh = append(fresh, id)
		}
	}
	for _, id := range fresh {
		m.join(id)
	}
	m.recheck(ids...)
	return true
}

func (m *groupModel) all(ids []uint32) bool {
	return lo.EveryBy(ids, func(id uint32) bool { return m.groups[id] != nil })
}

func (m *groupModel) merge(ids []uint32) bool {
	if !m.all(ids) {
		return false
	}
	slices.Sort(ids)
	like := *m.groups[ids[0]].clone()
	for _, id := range ids {
		if m.groups[id].bug { // the last one with a bug, which what was merged has
			like = *m.groups[id].clone()
		}
	}
	like.touched, like.members = true, nil
	for _, id := range ids {
		g := m.groups[id]
		like.members = lo.Union(like.members, g.members)
		like.owner = lo.CoalesceOrEmpty(like.owner, g.owner)
		g.members, g.touched, g.state, g.seq, g.bug, g.back, g.former = nil, true, event.StateIgnored, m.seq, true, false, 0
	}
	m.open(like)
	return true
}

func (m *groupModel) split(id uint32, ids []uint32) bool {
	g := m.groups[id]
	if g == nil || !lo.Every(g.members, ids) {
		return false
	}
	moved := lo.Intersect(g.members, ids)
	g.members, g.touched, g.seq = lo.Without(g.members, ids...), true, m.seq
	m.open(modelGroup{state: g.state, back: g.back, former: g.former, kind: g.kind, cause: g.cause, members: moved, touched: true})
	return true
}

// undo puts back what an event changed, when none of it was changed since.
func (m *groupModel) undo(seq uint64) bool {
	now := func(id uint32) uint64 {
		for at := m.seq - 1; at > 0; at-- {
			if _, ok := m.changed[at][id]; ok {
				return at
			}
		}
		return 0
	}
	for id := range m.changed[seq] {
		if now(id) != seq {
			return false
		}
	}
	for i := range m.wasOut[seq] {
		if m.found[i].out.seq != seq {
			return false
		}
	}
	for i, out := range m.wasOut[seq] {
		m.found[i].out = modelOut{out.dismissed, out.effect, m.seq}
	}
	for id, was := range m.changed[seq] {
		delete(m.groups, id)
		if was != nil {
			g := was.clone()
			g.members, g.seq = lo.Filter(g.members, func(id uint32, _ int) bool { return m.stands(id) }), m.seq
			m.groups[id] = g
		}
	}
	for i := range m.wasOut[seq] {
		if m.found[i].out.dismissed {
			m.leave(uint32(i+1), func(*modelGroup) bool { return true })
		}
		m.recheck(uint32(i + 1))
	}
	return true
}

// retitled notes what the model knows nothing of: a group of which the title alone was changed, by what was found.
func (m *groupModel) retitled(t *rapid.T, by event.Type, rows []registry.RegressionRow) {
	for _, row := range rows {
		if _, ok := m.changed[m.seq][row.ID]; ok {
			continue
		}
		if by != event.ChangeFound && by != event.RegressionRestored {
			t.Fatalf("%s changed regression %d for no reason", by, row.ID)
		}
		m.changed[m.seq][row.ID] = m.groups[row.ID].clone()
	}
}

func (m *groupModel) lines() []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(m.groups)) {
		g := m.groups[id]
		out = append(out, fmt.Sprintf("%d state %d %s %s (%d,%d] %v touched %t owner %q back %t to %d", id, g.state, g.kind, g.cause, g.start, g.end, g.members, g.touched, g.owner, g.back, g.former))
	}
	for i, c := range m.found {
		out = append(out, fmt.Sprintf("change %d gone %t dismissed %t at %d of %.3f", i+1, c.step.gone, c.out.dismissed, c.out.seq, c.out.effect))
	}
	return out
}

func linesOf(snap registry.Snapshot) []string {
	out := lo.Map(snap.Regressions, func(r registry.RegressionRow, _ int) string {
		return fmt.Sprintf("%d state %d %s %s (%d,%d] %v touched %t owner %q back %t to %d", r.ID, r.State, r.Kind, r.Cause, r.StartOrderID, r.EndOrderID, r.ChangeIDs, r.Touched, r.Owner, r.Recovered, r.FormerState)
	})
	return append(out, lo.Map(snap.Findings, func(f registry.FindingRow, _ int) string {
		return fmt.Sprintf("change %d gone %t dismissed %t at %d of %.3f", f.ChangeID, !f.Active, f.Dismissed, f.DismissedSeq, f.DismissedEffect)
	})...)
}

// rowsBefore remembers the rows of every event, as the history views have them, and says how an event is undone.
type rowsBefore struct {
	regressions map[uint32][]registry.RegressionRow
	findings    map[uint32][]registry.FindingRow
}

func (h *rowsBefore) keep(d registry.Decision) {
	for _, r := range d.Rows.Regressions {
		h.regressions[r.ID] = append(h.regressions[r.ID], r)
	}
	for _, f := range d.Rows.Findings {
		h.findings[f.ChangeID] = append(h.findings[f.ChangeID], f)
	}
}

func (h *rowsBefore) undoing(seq uint64) event.RegressionRestoration {
	e := event.RegressionRestoration{Undoes: seq, Reason: "undone"}
	for _, id := range slices.Sorted(maps.Keys(h.regressions)) {
		rows := h.regressions[id]
		i := slices.IndexFunc(rows, func(r registry.RegressionRow) bool { return r.Seq == seq })
		if i == 0 || i > 0 && rows[i-1].Deleted {
			e.Regressions = append(e.Regressions, registry.RegressionRow{ID: id, Deleted: true})
		} else if i > 0 {
			e.Regressions = append(e.Regressions, rows[i-1])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(h.findings)) {
		rows := h.findings[id]
		i := slices.IndexFunc(rows, func(f registry.FindingRow) bool { return f.DismissedSeq == seq })
		if i > 0 {
			before := rows[i-1]
			e.Dismissals = append(e.Dismissals, event.PriorDismissal{ChangeID: id, Dismissed: before.Dismissed, Effect: before.DismissedEffect})
		}
	}
	return e
}

func drawStep(r *rapid.T) step {
	from := rapid.Uint32Range(1, 6).Draw(r, "from")
	s := step{
		machine: rapid.Uint32Range(1, 2).Draw(r, "machine"), test: rapid.Uint32Range(1, 2).Draw(r, "test"), metric: score,
		from: from, to: from + rapid.Uint32Range(1, 3).Draw(r, "length"), down: rapid.IntRange(0, 3).Draw(r, "down") == 0,
		gone: rapid.IntRange(0, 4).Draw(r, "gone") == 0, first: rapid.Uint32Range(4, 6).Draw(r, "first"), before: 100, after: 110,
	}
	if s.down {
		s.before, s.after = 110, 100
	}
	s.after = rapid.SampledFrom([]float64{s.after, s.after, s.before + 3*(s.after-s.before)}).Draw(r, "after")
	if rapid.IntRange(0, 5).Draw(r, "cause") == 0 {
		s.cause = event.CauseMachine
	}
	return s
}

// TestGroups_AnyEvents_AsThePlainModel holds the state to the model, to what it decides after loading, and refused events to changing
// nothing.
func TestGroups_AnyEvents_AsThePlainModel(t *testing.T) {
	reasons := map[string]int{}
	rapid.Check(t, func(r *rapid.T) {
		l := world(t)
		m := newGroupModel(l.state.Seq())
		again := world(t) // the same log, decided by another
		history := &rowsBefore{regressions: map[uint32][]registry.RegressionRow{}, findings: map[uint32][]registry.FindingRow{}}
		known := map[uuid.UUID]bool{}
		var undoable []uint64
		ids := rapid.SliceOfNDistinct(rapid.Uint32Range(1, 6), 1, 3, rapid.ID[uint32])
		for range rapid.IntRange(1, 25).Draw(r, "events") {
			rechecked = map[uint32]bool{}
			id := rapid.Uint32Range(1, 5).Draw(r, "id")
			kind := rapid.IntRange(0, 13).Draw(r, "type")
			var e event.Envelope
			want := false
			encode := func(t event.Type, body interface{ Encode() ([]byte, error) }) { e = lo.Must(encoded(t, body)) }
			switch kind {
			case 0, 1:
				some := ids.Draw(r, "changes")[:1]
				encode(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: some, Restore: kind == 1})
				want = m.event(func() bool { return m.dismiss(some, kind == 1) })
			case 2:
				some, state := ids.Draw(r, "regressions"), rapid.SampledFrom(event.States()).Draw(r, "state")
				encode(event.RegressionTriaged, event.RegressionTriage{RegressionIDs: some, State: &state, Owner: lo.ToPtr(fmt.Sprint(state))})
				want = m.event(func() bool {
					if !m.all(some) {
						return false
					}
					for _, id := range some {
						g := m.groups[id]
						g.state, g.owner, g.touched, g.seq, g.back, g.former = state, fmt.Sprint(state), true, m.seq, false, 0
					}
					return true
				})
			case 3:
				some := ids.Draw(r, "regressions")
				encode(event.RegressionMerged, event.RegressionMerge{RegressionIDs: some})
				want = m.event(func() bool { return m.merge(slices.Clone(some)) })
			case 4:
				some := ids.Draw(r, "changes")[:1]
				if g := m.groups[id]; g != nil && len(g.members) > 0 {
					some = g.members[:1]
				}
				encode(event.RegressionSplit, event.RegressionSplitting{RegressionID: id, ChangeIDs: some})
				want = m.event(func() bool { return m.split(id, slices.Clone(some)) })
			case 5:
				encode(event.RegressionDeleted, event.RegressionDeletion{RegressionIDs: []uint32{id}})
				want = m.event(func() bool {
					ok := m.groups[id] != nil
					delete(m.groups, id)
					return ok
				})
			case 6:
				some := ids.Draw(r, "changes")
				encode(event.RegressionExtended, event.RegressionExtension{RegressionID: id, ChangeIDs: some})
				want = m.event(func() bool {
					g := m.groups[id]
					if g == nil || !lo.EveryBy(some, m.stands) {
						return false
					}
					g.members, g.touched, g.seq = lo.Union(g.members, some), true, m.seq
					return true
				})
			case 7:
				some := ids.Draw(r, "changes")
				encode(event.RegressionOpened, event.RegressionOpening{ChangeIDs: some, State: event.StateActive})
				want = m.event(func() bool {
					if !lo.EveryBy(some, m.stands) {
						return false
					}
					m.open(modelGroup{state: event.StateActive, members: some, touched: true})
					return true
				})
			case 8, 9:
				if len(undoable) == 0 {
					continue
				}
				seq := undoable[max(0, len(undoable)-rapid.IntRange(1, 2).Draw(r, "which"))]
				undo := history.undoing(seq)
				if len(undo.Regressions)+len(undo.Dismissals) == 0 {
					continue
				}
				encode(event.RegressionRestored, undo)
				want = m.event(func() bool { return m.undo(seq) })
			default:
				some := rapid.SliceOfNDistinct(rapid.Custom(drawStep), 1, 4, func(s step) uuid.UUID { return s.finding("steps").ID }).Draw(r, "found")
				for i, s := range some { // the first time it is where its identity says
					if !known[s.finding("steps").ID] {
						some[i].from, some[i].to = s.first-1, s.first
					}
					known[s.finding("steps").ID] = true
				}
				e = stepsFound(some...)
				want = m.event(func() bool { return m.record(some) })
			}
			e.ID = uuid.New()
			snap := l.state.Snapshot()
			reloaded, err := registry.Load("default", "nts", snap)
			if err != nil {
				r.Fatal(err)
			}
			prepared := registry.Prepare(e)
			got := l.state.Decide(prepared)
			if (got.Status == event.Accepted) != want {
				r.Fatalf("%s %s is %s (%s), want accepted %t", e.Type, e.Body, got.Status, got.Error, want)
			}
			for who, other := range map[string]*registry.State{"after loading": reloaded, "by another": again.state} {
				if diff := cmp.Diff(other.Decide(prepared), got); diff != "" {
					r.Fatalf("%s - before +\n%s", who, diff)
				}
			}
			if !want {
				if diff := cmp.Diff(l.state.Snapshot(), snap, cmpopts.IgnoreFields(registry.Snapshot{}, "LastSeq", "Seen")); diff != "" {
					r.Fatalf("refused, but changed - +\n%s", diff)
				}
			} else {
				reasons[fmt.Sprint(e.Type, " ", kind)]++
				history.keep(got)
				m.retitled(r, e.Type, got.Rows.Regressions)
				if e.Type != event.ChangeFound && len(got.Rows.Regressions)+len(got.Rows.Findings) > 0 {
					undoable = append(undoable, got.Seq)
				}
			}
			if diff := cmp.Diff(linesOf(l.state.Snapshot()), m.lines(), cmpopts.EquateEmpty()); diff != "" {
				r.Fatalf("after %s %s: state - model +\n%s", e.Type, e.Body, diff)
			}
			checkRegressions(r, l.state.Snapshot())
			if diff := cmp.Diff(reloaded.Snapshot(), l.state.Snapshot()); diff != "" {
				r.Fatalf("state after loading - before +\n%s", diff)
			}
		}
	})
	for kind := range 10 {
		if !lo.SomeBy(lo.Keys(reasons), func(k string) bool { return k[len(k)-2:] == fmt.Sprint(" ", kind) }) {
			t.Errorf("no event of case %d was accepted: %v", kind, reasons)
		}
	}
}

// TestUndo_OfAnything_GivesTheRowsBack is about one event and its undoing at once: all is as it was, but who did it last.
func TestUndo_OfAnything_GivesTheRowsBack(t *testing.T) {
	t.Parallel()
	both := []uint32{1, 2}
	for name, e := range map[string]event.Envelope{
		"triage":    lo.Must(encoded(event.RegressionTriaged, event.RegressionTriage{RegressionIDs: both, Title: lo.ToPtr("x"), Bug: lo.ToPtr("b"), State: lo.ToPtr(event.StateFixed), Owner: lo.ToPtr("o"), AddTags: []string{"t"}})),
		"merge":     lo.Must(encoded(event.RegressionMerged, event.RegressionMerge{RegressionIDs: []uint32{1, 2, 3}})),
		"split":     lo.Must(encoded(event.RegressionSplit, event.RegressionSplitting{RegressionID: 1, ChangeIDs: []uint32{2}})),
		"delete":    lo.Must(encoded(event.RegressionDeleted, event.RegressionDeletion{RegressionIDs: both})),
		"open":      lo.Must(encoded(event.RegressionOpened, event.RegressionOpening{ChangeIDs: both, State: event.StateActive})),
		"extend":    lo.Must(encoded(event.RegressionExtended, event.RegressionExtension{RegressionID: 3, ChangeIDs: both})),
		"dismiss":   lo.Must(encoded(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{1, 3, 4}})),
		"undismiss": lo.Must(encoded(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{5}, Restore: true})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := world(t)
			history := &rowsBefore{regressions: map[uint32][]registry.RegressionRow{}, findings: map[uint32][]registry.FindingRow{}}
			for _, e := range []event.Envelope{
				stepsFound(step{machine: 1, test: 1, metric: score, from: 1, to: 3}, step{machine: 1, test: 2, metric: score, from: 2, to: 3}, step{machine: 1, test: 2, metric: score, from: 6, to: 7}),
				lntFound(change{1, 1, score, 1, 2, false, 0}),
				stepsFound(step{machine: 2, test: 3, metric: score, from: 7, to: 8}),
				lo.Must(encoded(event.ChangeIgnored, event.ChangeDismissal{ChangeIDs: []uint32{5}, Note: "noise"})),
				lo.Must(encoded(event.RegressionTriaged, event.RegressionTriage{RegressionIDs: []uint32{2, 3}, AddTags: []string{"old"}, Bug: lo.ToPtr("old"), Note: "n"})),
			} {
				history.keep(l.took(e))
			}
			before := l.state.Snapshot()
			d := l.took(e)
			history.keep(d)
			undo := history.undoing(d.Seq)
			part := undo
			if len(part.Regressions) > 1 {
				part.Regressions = part.Regressions[1:]
				l.refuse(lo.Must(encoded(event.RegressionRestored, part)), 400, fmt.Sprintf("regressions: regression %d is missing, which event %d changed, too", undo.Regressions[0].ID, d.Seq))
			}
			restored := l.do(event.RegressionRestored, undo)
			history.keep(restored)
			opts := []cmp.Option{
				cmpopts.IgnoreFields(registry.RegressionRow{}, "Seq", "Note"), cmpopts.IgnoreFields(registry.FindingRow{}, "DismissedSeq", "Note"), cmpopts.EquateEmpty(),
			}
			after := l.state.Snapshot()
			if diff := cmp.Diff(after.Regressions, before.Regressions, opts...); diff != "" {
				t.Errorf("regressions after - before +\n%s", diff)
			}
			if diff := cmp.Diff(after.Findings, before.Findings, opts...); diff != "" {
				t.Errorf("findings after - before +\n%s", diff)
			}
			l.refuse(lo.Must(encoded(event.RegressionRestored, undo)), 409, l.decide(lo.Must(encoded(event.RegressionRestored, undo))).Error)
			// and undoing the undoing is doing it
			l.do(event.RegressionRestored, history.undoing(restored.Seq))
			done := l.state.Snapshot()
			for _, r := range d.Rows.Regressions {
				now, stands := lo.Find(done.Regressions, func(other registry.RegressionRow) bool { return other.ID == r.ID })
				if stands == r.Deleted {
					t.Errorf("regression %d stands: %t", r.ID, stands)
				}
				if diff := cmp.Diff(now, r, opts...); diff != "" && stands {
					t.Errorf("done again - at first +\n%s", diff)
				}
			}
		})
	}
}
