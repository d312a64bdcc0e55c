package synth

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/samber/lo"
)

// metric is a metric of the suite nts and the range of its levels.
type metric struct {
	name      string
	low, high float64
	noisy     bool
	whole     bool
	share     float64 // of tests that have it
}

var metrics = []metric{
	{name: "execution_time", low: 1e-7, high: 100, noisy: true, share: 1},
	{name: "compile_time", low: 0.05, high: 30, noisy: true, share: 0.6},
	{name: "code_size", low: 1e3, high: 1e7, whole: true, share: 0.4},
	{name: "score", low: 10, high: 1e5, noisy: true, share: 0.2},
}

// Run is one report.
type Run struct {
	Machine, Order string
	// Body is a version 2 report for the suite nts, JSON.
	Body []byte
}

// Truth is what was planted.
type Truth struct {
	Seed   uint64        `json:"seed"`
	Series []SeriesTruth `json:"series"`
}

// SeriesTruth is a series with its changes, none for most.
type SeriesTruth struct {
	Machine string   `json:"machine"`
	Test    string   `json:"test"`
	Metric  string   `json:"metric"`
	Shape   Shape    `json:"shape"`
	Noise   float64  `json:"noise"`
	Changes []Change `json:"changes"`
}

// Generator makes one history.
type Generator struct {
	cfg      Config
	machines []string
	swapped  []string
	tests    []string
	orders   []string
	series   map[string]map[string]map[string]*series // machine, test, metric
}

// New draws everything but the samples.
func New(cfg Config) (*Generator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("synthetic history: %w", err)
	}
	g := &Generator{cfg: cfg}
	order := random(cfg.Seed, "orders")
	next := cfg.FirstOrder
	for range cfg.Orders {
		next += 2 + order.IntN(2)
		g.orders = append(g.orders, strconv.Itoa(next))
	}
	for i := range cfg.Machines {
		g.machines = append(g.machines, machineName(i))
	}
	g.swapped = g.machines[cfg.Machines-cfg.MachineSwaps:]
	for i := range cfg.Tests {
		g.tests = append(g.tests, testName(i))
	}
	g.series = lo.SliceToMap(g.machines, func(m string) (string, map[string]map[string]*series) { return m, g.machineSeries(m) })
	return g, nil
}

func (g *Generator) machineSeries(machine string) map[string]map[string]*series {
	return lo.SliceToMap(g.tests, func(test string) (string, map[string]*series) {
		has := random(g.cfg.Seed, "metrics", test)
		out := map[string]*series{}
		for _, m := range metrics {
			if has.Float64() < m.share {
				out[m.name] = g.newSeries(machine, test, m)
			}
		}
		return test, out
	})
}

func machineName(i int) string {
	kinds := []string{"x86_64-zen4", "aarch64-v2", "x86_64-icelake", "riscv64-p670"}
	return fmt.Sprintf("bench-%02d__clang__%s", i+1, kinds[i%len(kinds)])
}

func testName(i int) string {
	groups := []string{"SingleSource/sort", "SingleSource/hash", "MultiSource/parser", "MultiSource/raytrace", "MicroBenchmarks/alloc", "MicroBenchmarks/string"}
	return fmt.Sprintf("%s/case-%03d", groups[i%len(groups)], i/len(groups)+1)
}

// Count is how many runs [Generator.Runs] yields.
func (g *Generator) Count() int { return len(g.arrivals()) }

// Orders are the orders, first to last.
func (g *Generator) Orders() []string { return g.orders }

// Truth lists every series with what was planted in it, in a fixed order.
func (g *Generator) Truth() Truth {
	t := Truth{Seed: g.cfg.Seed}
	for _, machine := range g.machines {
		for _, test := range g.tests {
			for _, m := range metrics {
				if s, ok := g.series[machine][test][m.name]; ok {
					t.Series = append(t.Series, SeriesTruth{
						Machine: machine, Test: test, Metric: m.name, Shape: s.shape, Noise: s.noise,
						Changes: append([]Change{}, s.changes...),
					})
				}
			}
		}
	}
	return t
}

// arrival is a run in the order in which it is sent.
type arrival struct {
	machine string
	place   int
}

// arrivals leaves runs out and lets some come late, by up to five orders.
func (g *Generator) arrivals() []arrival {
	r := random(g.cfg.Seed, "arrivals")
	late := map[int][]arrival{}
	var out []arrival
	for place := range g.orders {
		for _, machine := range g.machines {
			missing, delayed, by := r.Float64() < g.cfg.MissingRate, r.Float64() < g.cfg.LateRate, 1+r.IntN(5)
			switch a := (arrival{machine: machine, place: place}); {
			case missing:
			case delayed && place+by < len(g.orders):
				late[place+by] = append(late[place+by], a)
			default:
				out = append(out, a)
			}
		}
		out = append(out, late[place]...)
	}
	return out
}

// Runs yields the reports in the order in which they arrive.
func (g *Generator) Runs() iter.Seq[Run] {
	return func(yield func(Run) bool) {
		for _, a := range g.arrivals() {
			if !yield(Run{Machine: a.machine, Order: g.orders[a.place], Body: g.report(a)}) {
				return
			}
		}
	}
}

// report is the body of one run.
func (g *Generator) report(a arrival) []byte {
	r := g.source(a)
	started := g.cfg.Start.Add(time.Duration(a.place) * g.cfg.Every)
	tests := make([]map[string]any, 0, len(g.tests))
	for _, name := range g.tests {
		tests = append(tests, g.test(r, a, name))
	}
	body, err := json.Marshal(map[string]any{
		"format_version": "2",
		"machine":        map[string]any{"name": a.machine, "hardware": a.machine[len("bench-00__clang__"):], "os": "linux 6.12", "cores": 16},
		"run": map[string]any{
			"llvm_project_revision": g.orders[a.place],
			"start_time":            started.Format("2006-01-02T15:04:05"),
			"end_time":              started.Add(40 * time.Minute).Format("2006-01-02T15:04:05"),
			"compiler":              "clang version 23.0.0",
		},
		"tests": tests,
	})
	if err != nil {
		panic(fmt.Sprintf("a report of finite numbers and strings does not encode: %v", err))
	}
	return body
}

func (g *Generator) test(r *rand.Rand, a arrival, name string) map[string]any {
	test := map[string]any{"name": name}
	measured, failed := g.measure(r, a, name)
	if failed {
		test["execution_status"] = 1
		return test
	}
	for metric, values := range measured {
		if len(values) == 1 {
			test[metric] = values[0]
		} else {
			test[metric] = values
		}
	}
	return test
}

// measure gives a test's samples by metric, none when it failed. It draws from the run's source, test by test.
func (g *Generator) measure(r *rand.Rand, a arrival, name string) (measured map[string][]float64, failed bool) {
	samples := 1 + r.IntN(g.cfg.Samples)
	if g.cfg.FailureRate > 0 && r.Float64() < g.cfg.FailureRate {
		return nil, true
	}
	measured = map[string][]float64{}
	for _, m := range metrics {
		s, ok := g.series[a.machine][name][m.name]
		if !ok {
			continue
		}
		values := s.values(a.place, lo.Ternary(m.noisy, samples, 1))
		if m.whole {
			values = lo.Map(values, func(v float64, _ int) float64 { return math.Round(v) })
		}
		measured[m.name] = values
	}
	return measured, false
}

// source is what a run's numbers are drawn from.
func (g *Generator) source(a arrival) *rand.Rand {
	return random(g.cfg.Seed, "run", a.machine, g.orders[a.place])
}
