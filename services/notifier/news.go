package notifier

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
)

// Step is what one event did to one regression or signal.
type Step struct {
	Seq  uint64
	At   time.Time
	What string
	// Regression is as the event left it, without a signal.
	Regression Regression
	// Findings are those that had not been told of before, largest first; Members all that the regression has or had just lost.
	Findings, Members []Finding
	Signal            *Signal
}

// Regression is one as an event left it.
type Regression struct {
	Seq       uint64    `ch:"seq"`
	EventType string    `ch:"event_type"`
	At        time.Time `ch:"at"`
	Actor     string    `ch:"actor"`

	ID         uint32    `ch:"regression_id"`
	UUID       uuid.UUID `ch:"uuid"`
	Title      string    `ch:"title"`
	Bug        string    `ch:"bug"`
	State      uint8     `ch:"state"`
	Kind       string    `ch:"kind"`
	Cause      string    `ch:"cause"`
	Detector   string    `ch:"detector"`
	Owner      string    `ch:"owner"`
	Tags       []string  `ch:"tags"`
	StartOrder string    `ch:"start_order"`
	EndOrder   string    `ch:"end_order"`
	ChangeIDs  []uint32  `ch:"change_ids"`
	Deleted    uint8     `ch:"deleted"`
}

// Finding is one with its names, as an event left it.
type Finding struct {
	Seq        uint64    `ch:"seq"`
	ChangeID   uint32    `ch:"change_id"`
	ID         uuid.UUID `ch:"finding_id"`
	MachineID  uint32    `ch:"machine_id"`
	Machine    string    `ch:"machine"`
	TestID     uint32    `ch:"test_id"`
	Test       string    `ch:"test"`
	Metric     string    `ch:"metric"`
	OrderID    uint32    `ch:"order_id"`
	Order      string    `ch:"order_name"`
	Previous   string    `ch:"previous_order_name"`
	Direction  string    `ch:"direction"`
	Kind       string    `ch:"kind"`
	Before     float64   `ch:"before"`
	After      float64   `ch:"after"`
	Effect     float64   `ch:"effect"`
	EffectLow  float64   `ch:"effect_low"`
	EffectHigh float64   `ch:"effect_high"`
	PValue     float64   `ch:"p_value"`
	Detector   string    `ch:"detector"`
	Active     uint8     `ch:"active"`
	Dismissed  uint8     `ch:"dismissed"`
	// Earlier is the greatest size the finding had before this event while it was in a regression; -1 when it was in none.
	Earlier float64
}

func (f *Finding) size() float64 { return math.Abs(f.Effect) }

// Signal is a machine's silence or partial reports, beginning or ending.
type Signal struct {
	Seq      uint64    `ch:"seq"`
	At       time.Time `ch:"changed_at"`
	Machine  string    `ch:"machine"`
	ID       uint32    `ch:"machine_id"`
	Signal   string    `ch:"signal"`
	Open     uint8     `ch:"open"`
	Since    string    `ch:"since"`
	Expected float64   `ch:"expected"`
	Seen     float64   `ch:"seen"`
	Unit     string    `ch:"unit"`
	Detail   string    `ch:"detail"`
}

// History is what the store says about a stretch of a suite's log, for [steps].
type History struct {
	// From and To bound the stretch: what is after From, up to To.
	From, To uint64
	// Rows are what the events of the stretch left of regressions, by position; Before how regressions that these rows or changed
	// findings are about were left before the stretch.
	Rows   []Regression
	Before map[uint32]Regression
	// Findings are all versions of the findings that are members in Rows or Before or that changed in the stretch, by position.
	Findings []Finding
	// Members says at which position findings first were in a regression.
	Members map[uint32]uint64
	Signals []Signal
}

// steps are the news of a stretch, by position.
func (h *History) steps() []Step {
	state := maps.Clone(h.Before)
	if state == nil {
		state = map[uint32]Regression{}
	}
	var out []Step
	grown := h.grown()
	for _, row := range h.Rows {
		before, known := state[row.ID]
		state[row.ID] = row
		if quiet(row.EventType) {
			continue
		}
		out = append(out, h.changed(row, before, known && before.Deleted == 0, grown)...)
	}
	out = h.grew(out, grown)
	for _, s := range h.Signals {
		out = append(out, Step{Seq: s.Seq, At: s.At, What: lo.Ternary(s.Open == 1, opened, verify), Signal: &s})
	}
	slices.SortStableFunc(out, func(a, b Step) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

// quiet events bring nothing that is news: history moves in, or a person takes back what was done.
func quiet(eventType string) bool {
	return eventType == "regression.imported" || eventType == "regression.restored"
}

// changed are the steps of one row of a regression: what joined it, and how its state changed.
func (h *History) changed(row, before Regression, known bool, grown map[uint32]map[uint64]float64) []Step {
	if row.Deleted == 1 {
		return nil
	}
	step := Step{Seq: row.Seq, At: row.At, Regression: row}
	var out []Step
	joined, _ := lo.Difference(row.ChangeIDs, before.ChangeIDs)
	for _, id := range joined {
		f, ok := h.at(id, row.Seq)
		if !ok || f.Active == 0 || f.Dismissed == 1 || h.Members[id] < row.Seq {
			continue
		}
		f.Earlier = -1
		delete(grown[id], row.Seq)
		step.Findings = append(step.Findings, f)
	}
	if len(step.Findings) > 0 {
		news := step
		news.What = lo.Ternary(known, extended, opened)
		news.Findings = largestFirst(news.Findings)
		out = append(out, news)
	}
	if known && before.State != row.State {
		turn := step
		turn.Findings = nil
		turn.Members = h.members(row.Seq, append(slices.Clone(row.ChangeIDs), before.ChangeIDs...))
		switch {
		case row.State == event.StateVerify:
			turn.What = verify
			out = append(out, turn)
		case closed(before.State) && !closed(row.State) && row.byData():
			turn.What = returned
			out = append(out, turn)
		}
	}
	return out
}

// byData says that what detectors found moved the regression, not a person.
func (r *Regression) byData() bool {
	return r.EventType == string(event.ChangeFound) || r.Actor == "detector"
}

func closed(state uint8) bool { return state >= event.StateNotToBeFixed }

// grown are, by finding and position, the sizes that findings had before an event of the stretch made them larger.
func (h *History) grown() map[uint32]map[uint64]float64 {
	greatest := map[uint32]float64{}
	out := map[uint32]map[uint64]float64{}
	for _, f := range h.Findings {
		first, member := h.Members[f.ChangeID]
		if !member || f.Active == 0 || f.Dismissed == 1 {
			continue
		}
		earlier, seen := greatest[f.ChangeID]
		if seen && f.Seq > first && f.size() > earlier && f.Seq > h.From && f.Seq <= h.To {
			if out[f.ChangeID] == nil {
				out[f.ChangeID] = map[uint64]float64{}
			}
			out[f.ChangeID][f.Seq] = earlier
		}
		greatest[f.ChangeID] = max(earlier, f.size())
	}
	return out
}

// grew adds what became larger to the steps: to that of the same event and regression where there is one.
func (h *History) grew(out []Step, grown map[uint32]map[uint64]float64) []Step {
	for _, id := range slices.Sorted(maps.Keys(grown)) {
		for _, seq := range slices.Sorted(maps.Keys(grown[id])) {
			row, ok := h.regressionOf(id, seq)
			f, known := h.at(id, seq)
			if !ok || !known {
				continue
			}
			f.Earlier = grown[id][seq]
			i := slices.IndexFunc(out, func(s Step) bool {
				return s.Seq == seq && s.Regression.ID == row.ID && (s.What == opened || s.What == extended)
			})
			if i < 0 {
				i = len(out)
				out = append(out, Step{Seq: seq, At: row.At, What: extended, Regression: row})
			}
			out[i].Findings = largestFirst(append(out[i].Findings, f))
		}
	}
	return out
}

// regressionOf is the regression that has a finding after the event at a position, as it was then.
func (h *History) regressionOf(change uint32, seq uint64) (Regression, bool) {
	then := maps.Clone(h.Before)
	if then == nil {
		then = map[uint32]Regression{}
	}
	for _, row := range h.Rows {
		if row.Seq <= seq {
			then[row.ID] = row
		}
	}
	for _, id := range slices.Sorted(maps.Keys(then)) {
		if row := then[id]; row.Deleted == 0 && slices.Contains(row.ChangeIDs, change) {
			return row, true
		}
	}
	return Regression{}, false
}

// at is a finding as the events up to a position left it.
func (h *History) at(change uint32, seq uint64) (Finding, bool) {
	var newest Finding
	found := false
	for _, f := range h.Findings {
		if f.ChangeID == change && f.Seq <= seq {
			newest, found = f, true
		}
	}
	return newest, found
}

func (h *History) members(seq uint64, changes []uint32) []Finding {
	var out []Finding
	for _, id := range lo.Uniq(changes) {
		if f, ok := h.at(id, seq); ok {
			out = append(out, f)
		}
	}
	return largestFirst(out)
}

func largestFirst(findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.size(), a.size()), cmp.Compare(a.ChangeID, b.ChangeID))
	})
	return findings
}
