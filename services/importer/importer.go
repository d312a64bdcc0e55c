package importer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"tidemark/pkg/suite"
)

// Deps are what an import works with.
type Deps struct {
	Logger *slog.Logger
	// Out takes the summary, Err the progress.
	Out, Err io.Writer
	Now      func() time.Time
	HTTP     *http.Client // nil: one without redirects
}

// Importer does one import.
type Importer struct {
	cfg  Config
	deps Deps
	zstd *zstd.Encoder
	bar  *progress

	mu       sync.Mutex
	problems []string
}

// New checks and opens nothing.
func New(cfg Config, deps Deps) (*Importer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	encoder, err := newCompressor()
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return &Importer{cfg: cfg, deps: deps, zstd: encoder}, nil
}

// Different says that the target does not hold what the source does.
type Different struct{ Problems []string } //nolint:errname // callers read importer.Different

func (e *Different) Error() string {
	if len(e.Problems) == 1 {
		return "source and target differ: " + e.Problems[0]
	}
	return fmt.Sprintf("source and target differ: %s (and %d more)", e.Problems[0], len(e.Problems)-1)
}

// job is one suite to import.
type job struct {
	route  route
	name   string
	source Suite
	target *target
	// order the ids of which equal orders are one: LNT can hold the same order twice.
	same map[uint32]uint32
	// orders are the ids of the orders that were given theirs, by their values.
	orders map[string]uint32
}

func (j *job) String() string { return j.route.to + "/" + j.name }

// Run imports everything. It returns nil when the target then holds what the source does, a [*Different] when not.
func (i *Importer) Run(ctx context.Context) error {
	source, err := i.open(ctx)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // it was only read
	jobs, err := i.jobs(ctx, source)
	if err != nil {
		return err
	}
	i.bar = newProgress(i.deps.Err, i.deps.Now)
	defer i.bar.close()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(i.cfg.Jobs)
	for _, j := range jobs {
		group.Go(func() error {
			if err := i.suite(ctx, source, j); err != nil {
				return fmt.Errorf("%s: %w", j, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if len(i.problems) > 0 {
		return &Different{i.problems}
	}
	return nil
}

func (i *Importer) open(ctx context.Context) (Source, error) {
	if i.cfg.URL != "" {
		return &restSource{newSite(i.cfg.URL, "", i.cfg, i.deps.HTTP)}, nil
	}
	return openDatabase(ctx, i.cfg)
}

func (i *Importer) jobs(ctx context.Context, source Source) ([]*job, error) {
	var jobs []*job
	for _, r := range i.cfg.routes() {
		names := i.cfg.Suites
		if len(names) == 0 {
			var err error
			if names, err = source.Suites(ctx, r.from); err != nil {
				return nil, err
			}
		}
		for _, name := range names {
			jobs = append(jobs, &job{route: r, name: name, target: &target{
				site: newSite(i.cfg.To, i.cfg.Token, i.cfg, i.deps.HTTP), database: r.to, suite: name,
				detect: i.cfg.Detect, decideFor: i.cfg.DecideFor,
			}})
		}
	}
	return jobs, nil
}

// suite imports one suite: what it declares, its ids, its runs; then compares.
func (i *Importer) suite(ctx context.Context, source Source, j *job) error {
	var err error
	if j.source, err = source.Open(ctx, j.route.from, j.name); err != nil {
		return err
	}
	machines, heads, err := i.list(ctx, j)
	if err != nil {
		return err
	}
	if i.cfg.DryRun {
		return i.plan(ctx, j, machines, heads)
	}
	if err := i.define(ctx, j); err != nil {
		return err
	}
	if i.cfg.KeepIDs {
		if err := i.seed(ctx, j, machines, heads); err != nil {
			return err
		}
	}
	name := journalName(i.cfg.State, source.Name(), j.target.shown(), i.cfg.Salt, j.route.to, j.name)
	done, err := openJournal(name, source.Name()+" to "+j.target.shown()+" "+j.String())
	if err != nil {
		return err
	}
	defer done.close() //nolint:errcheck // every line was synced
	began := i.deps.Now()
	m := mover{i: i, j: j, done: done, source: source.Name()}
	if err := m.move(ctx, heads); err != nil {
		return err
	}
	took := i.deps.Now().Sub(began)
	i.report(j, m, machines, heads, took)
	i.count(m.refusals)
	here := func(mark BaselineMark) bool {
		_, seeded := j.orders[strings.Join(mark.Order, orderKey)]
		return seeded || slices.ContainsFunc(heads, func(h Head) bool {
			_, stored := done.stored[h.ID]
			return h.OrderID == mark.OrderID && stored
		})
	}
	if err := i.judgements(ctx, j, here, strings.TrimSuffix(name, ".runs")+".judgements.json"); err != nil {
		return err
	}
	heads = slices.DeleteFunc(heads, func(h Head) bool { return m.gone[h.ID] })
	differences, err := (&verifier{i: i, j: j, done: done, machines: machines}).verify(ctx, heads)
	if err != nil {
		return err
	}
	i.count(differences)
	return nil
}

func (i *Importer) count(problems []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.problems = append(i.problems, problems...)
}

func (i *Importer) say(format string, args ...any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.bar.clear()
	fmt.Fprintf(i.deps.Out, format+"\n", args...)
}

// list finds the machines and runs to import, runs by ascending id.
func (i *Importer) list(ctx context.Context, j *job) ([]Machine, []Head, error) {
	machines, err := j.source.Machines(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list machines: %w", err)
	}
	if len(i.cfg.Machines) > 0 {
		machines = slices.DeleteFunc(machines, func(m Machine) bool {
			return !slices.Contains(i.cfg.Machines, m.Name) && !slices.Contains(i.cfg.Machines, strconv.FormatUint(uint64(m.ID), 10))
		})
	}
	heads, err := j.source.Heads(ctx, machines)
	if err != nil {
		return nil, nil, fmt.Errorf("list runs: %w", err)
	}
	if !i.cfg.Since.IsZero() {
		heads = slices.DeleteFunc(heads, func(h Head) bool { return h.Start.Before(i.cfg.Since) })
	}
	slices.SortFunc(heads, func(a, b Head) int { return cmp.Compare(a.ID, b.ID) })
	if i.cfg.Limit > 0 && len(heads) > i.cfg.Limit {
		heads = heads[:i.cfg.Limit]
	}
	return machines, heads, nil
}

// plan says what would be imported.
func (i *Importer) plan(ctx context.Context, j *job, machines []Machine, heads []Head) error {
	tests := 0
	if err := j.source.Tests(ctx, func(Test) error { tests++; return nil }); err != nil {
		return err
	}
	orders := map[uint32]bool{}
	for _, h := range heads {
		orders[h.OrderID] = true
	}
	i.say("%s: would import %d runs of %d machines at %d orders; %d tests, %d metrics", j, len(heads), len(machines), len(orders), tests, len(j.source.Schema().Metrics))
	judged, err := j.source.Judgements(ctx)
	if err != nil || judged == nil {
		return err
	}
	i.say("%s: %s", j, judged.sentence())
	return nil
}

// define makes sure that the target's suite has everything the source's has, in the same order as long as nothing was measured.
func (i *Importer) define(ctx context.Context, j *job) error {
	have, err := j.target.schema(ctx)
	if err != nil {
		return err
	}
	source := j.source.Schema()
	want, changed := completed(have, source)
	reordered := false
	if have != nil && i.cfg.Token != "" && movedFields(want, source) != "" {
		if reordered, err = j.target.empty(ctx); err != nil {
			return err
		}
	}
	if reordered {
		want.Metrics = inOrderOf(source.Metrics, want.Metrics)
	}
	if changed || reordered {
		if err := j.target.define(ctx, want); err != nil && changed {
			return err
		}
		if have, err = j.target.schema(ctx); err != nil {
			return err
		}
		want = *cmp.Or(have, &want)
		i.deps.Logger.InfoContext(ctx, "suite defined", "suite", j.String(), "metrics", len(want.Metrics))
	}
	if moved := movedFields(want, source); moved != "" {
		i.say("%s: fields have other indexes here, so links to graphs that name them by index show others: %s", j, moved)
	}
	return nil
}

// inOrderOf gives metrics in the order of first; the others follow.
func inOrderOf(first, metrics []suite.Metric) []suite.Metric {
	rank := map[string]int{}
	for at, m := range first {
		rank[m.Name] = at - len(first)
	}
	out := slices.Clone(metrics)
	slices.SortStableFunc(out, func(a, b suite.Metric) int { return cmp.Compare(rank[a.Name], rank[b.Name]) })
	return out
}

// movedFields says which indexes of LNT's are others here.
func movedFields(here, source suite.Schema) string {
	var moved []string
	for at, m := range source.Metrics {
		if now, _, _ := here.Metric(m.Name); now != at {
			moved = append(moved, fmt.Sprintf("%s %d, there %d", m.Name, now, at))
		}
	}
	return strings.Join(moved, "; ")
}

// completed is have with what only source declares behind it; changed says that there is something.
func completed(have *suite.Schema, source suite.Schema) (want suite.Schema, changed bool) {
	if have == nil {
		return source, true
	}
	want = have.Clone()
	for _, m := range source.Metrics {
		if _, _, ok := want.Metric(m.Name); !ok {
			want.Metrics, changed = append(want.Metrics, m), true
		}
	}
	for _, f := range source.RunFields {
		if !slices.ContainsFunc(want.RunFields, func(g suite.Field) bool { return g.Name == f.Name }) {
			want.RunFields, changed = append(want.RunFields, f), true
		}
	}
	for _, f := range source.MachineFields {
		if !slices.ContainsFunc(want.MachineFields, func(g suite.Field) bool { return g.Name == f.Name }) {
			want.MachineFields, changed = append(want.MachineFields, f), true
		}
	}
	return want, changed
}

// report says what was done.
func (i *Importer) report(j *job, m mover, machines []Machine, heads []Head, took time.Duration) {
	rate := ""
	if s := took.Seconds(); m.runs > 0 && s > 0 {
		rate = fmt.Sprintf(", %.1f runs/s, %.0f values/s", float64(m.runs)/s, float64(m.values)/s)
	}
	i.say("%s: %d runs of %d imported now, %d had been before, %d refused; %d rows, %d values in %s%s",
		j, m.runs, len(heads), m.before, len(m.refusals), m.rows, m.values, took.Round(time.Millisecond), rate)
	for _, line := range m.notes.lines() {
		i.say("%s: %s", j, line)
	}
	if i.cfg.KeepIDs {
		return
	}
	with := map[uint32]bool{}
	for _, h := range heads {
		with[h.MachineID] = true
	}
	if idle := len(machines) - len(with); idle > 0 {
		i.say("%s: %d machines without runs are not imported; --keep-ids brings them", j, idle)
	}
}

// judgements writes what LNT knows about changes to a file. Regressions are imported with it, if machines, tests and orders have LNT's
// ids, and the baselines of orders that are here.
func (i *Importer) judgements(ctx context.Context, j *job, here func(BaselineMark) bool, file string) error {
	judged, err := j.source.Judgements(ctx)
	if err != nil {
		return fmt.Errorf("read regressions: %w", err)
	}
	if judged == nil || judged.FieldChanges+judged.Ignored+len(judged.Regressions)+len(judged.Baselines)+judged.Profiles == 0 {
		return nil
	}
	body, err := json.MarshalIndent(judged, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(body, '\n'), 0o600); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	i.say("%s: %s", j, judged.sentence())
	if i.cfg.Profiles == "" && judged.Profiles > 0 {
		i.say("%s: %d profiles are not imported; --profiles names the folder of their files", j, judged.Profiles)
	}
	what := "ignored changes are not imported"
	if i.cfg.KeepIDs && len(judged.Regressions) > 0 {
		notes, err := i.regressions(ctx, j, judged)
		if err != nil {
			return err
		}
		for _, note := range notes {
			i.say("%s: %s", j, note)
		}
	} else {
		what = "regressions, which --keep-ids brings, and " + what
	}
	if len(judged.Baselines) > 0 {
		notes, err := i.baselines(ctx, j, judged.Baselines, here)
		if err != nil {
			return err
		}
		for _, note := range notes {
			i.say("%s: %s", j, note)
		}
	}
	i.say("%s: %s; they are written down in %s", j, what, filepath.ToSlash(file))
	return nil
}

func (j *Judgements) sentence() string {
	return fmt.Sprintf("LNT has %d regressions over %d field changes, %d ignored changes, %d baselines", len(j.Regressions), j.FieldChanges, j.Ignored, len(j.Baselines))
}
