package detector

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/store"
	"tidemark/sql"
)

// portionSamples is about how many samples a portion of a pass judges: a second or three.
const portionSamples = 1_000_000

// fullKey is a suite and who looks at it.
type fullKey struct {
	database, suite string
	role            role
}

// fullPass is a pass under way over a suite: every series of the machines that changed since the last one is judged from end to end. It
// is kept in memory; the position moves when it ends, so a process that starts begins it anew.
type fullPass struct {
	to uint64 // the data's position when it began, and the rules'
	// machines are those still to do, the first of them under way: picks are what is left of its series.
	machines []uint32
	picks    []pick
	begun    bool
}

// full works on passes that are due, for as long as the budget says. Slots come first: the pass heals what they let by.
func (d *Detector) full(ctx context.Context, at time.Time, rules map[string]suiteRules, positions map[string][]reached) error {
	until := d.deps.Clock().Add(d.cfg.Full.Budget)
	var problems []error
	for _, r := range rolesOnce(rules) {
		for _, p := range positions[r.fullJob()] {
			key := fullKey{p.Database, p.Suite, r}
			of := rules[p.Database+"/"+p.Suite]
			// Without the last of its rules a role has nothing to judge, but still to take back what stands.
			works := d.works(r, of, p.Database, p.Suite) || of.ended[r] > p.SeenSeq
			if !works || !d.isDue(key, p, of, at) {
				continue
			}
			p.pendingKey = p.Database + "/" + p.Suite + "/" + r.job()
			if err := d.fullSuite(ctx, at, until, key, p.progress, of); err != nil {
				problems = append(problems, fmt.Errorf("%s of %s/%s: %w", r.fullJob(), p.Database, p.Suite, err))
			}
			if ctx.Err() != nil || d.deps.Clock().After(until) {
				return errors.Join(problems...)
			}
		}
	}
	return errors.Join(problems...)
}

// isDue says that a pass is under way, or that there is something to judge and it is time.
func (d *Detector) isDue(key fullKey, p reached, of suiteRules, at time.Time) bool {
	if at.Sub(d.failed[key]) < d.cfg.Full.Every {
		return false
	}
	if d.passes[key] != nil || d.bulk[key] {
		return true
	}
	last := p.LastAt
	if last.Before(d.first) {
		last = d.first
	}
	isNew := p.DataSeq > p.SeenSeq || of.seq > p.SeenSeq
	// Rules are followed at once: what they say now holds for what is stored, too.
	return isNew && (of.seq > p.SeenSeq || at.Sub(last) >= d.cfg.Full.Every)
}

// fullSuite goes on with a pass until it or the budget ends.
func (d *Detector) fullSuite(ctx context.Context, at, until time.Time, key fullKey, p progress, of suiteRules) error {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout)
	defer cancel()
	run := slotRun{job: key.role.fullJob(), at: at, started: d.deps.Clock(), progress: p, to: p.SeenSeq}
	pass, err := d.beginPass(ctx, key, p, of)
	for err == nil && len(pass.machines) > 0 && !d.deps.Clock().After(until) {
		ok, waitErr := d.await(ctx, p, d.cfg.LNT.Wait)
		if err = waitErr; err != nil || !ok {
			break
		}
		var n int
		n, err = d.fullPortion(ctx, key, pass, p, of)
		run.found += n
	}
	run.err = err
	switch {
	case err != nil:
		d.failed[key] = at
		delete(d.passes, key)
	case len(pass.machines) == 0:
		run.to = pass.to
		delete(d.passes, key)
	}
	return d.record(ctx, run)
}

// beginPass is the pass under way, or a new one.
func (d *Detector) beginPass(ctx context.Context, key fullKey, p progress, of suiteRules) (*fullPass, error) {
	if pass := d.passes[key]; pass != nil {
		return pass, nil
	}
	pass := &fullPass{to: max(p.DataSeq, of.seq)}
	if p.SeenSeq == 0 || of.seq > p.SeenSeq {
		type row struct {
			MachineID uint32 `ch:"machine_id"`
		}
		rows, err := store.Select[row](ctx, d.deps.Store, sql.MustQuery("detect_machines"), store.Params{"database": p.Database, "suite": p.Suite})
		if err != nil {
			return pass, err
		}
		pass.machines = lo.Map(rows, func(r row, _ int) uint32 { return r.MachineID })
	} else {
		runs, err := d.touchedRuns(ctx, p)
		if err != nil {
			return pass, err
		}
		pass.machines = lo.Uniq(lo.Map(runs, func(r touchedRun, _ int) uint32 { return r.MachineID }))
		slices.Sort(pass.machines)
	}
	delete(d.bulk, key) // what comes now is a matter of the next one
	d.passes[key] = pass
	return pass, nil
}

// fullPortion judges some series of the pass's first machine.
func (d *Detector) fullPortion(ctx context.Context, key fullKey, pass *fullPass, p progress, of suiteRules) (int, error) {
	pl, err := d.newPlan(ctx, p, key.role, of.rules)
	if err != nil {
		return 0, err
	}
	id := pass.machines[0]
	machines, err := d.newMachines(ctx, p, pl, []uint32{id}, nil)
	if err != nil {
		return 0, fmt.Errorf("machine %d: %w", id, err)
	}
	m := machines[0]
	if !pass.begun {
		if pass.picks, err = d.measured(ctx, m); err != nil {
			return 0, fmt.Errorf("machine %d: %w", id, err)
		}
		pass.begun = true
		// Also those that have findings and no values any more, or that nobody judges any more.
		pass.picks = lo.Uniq(append(pass.picks, slices.Collect(maps.Keys(m.known))...))
		slices.SortFunc(pass.picks, comparePicks)
	}
	n := min(len(pass.picks), max(1, portionSamples/max(1, len(m.line))))
	m.picks = lo.Filter(pass.picks[:n], func(s pick, _ int) bool {
		return pl.of(id, s.Metric, s.TestID) != nil || len(m.known[s]) > 0
	})
	found, err := d.judgeMachines(ctx, p, pl, machines)
	if err != nil {
		return 0, fmt.Errorf("machine %d: %w", id, err)
	}
	if pass.picks = pass.picks[n:]; len(pass.picks) == 0 {
		pass.machines, pass.begun = pass.machines[1:], false
	}
	return found, nil
}
