package synth

import (
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// Shape is the kind of a series' noise.
type Shape string

// The noises of benchmarks.
const (
	Normal     Shape = "normal"
	Skewed     Shape = "skewed"     // long tail upwards
	Bimodal    Shape = "bimodal"    // two levels a run falls into, by chance
	Trimodal   Shape = "trimodal"   // three of them
	Correlated Shape = "correlated" // a run's samples share most of their noise
	Quantised  Shape = "quantised"  // a coarse clock
	Exact      Shape = "exact"      // hardly any noise: sizes, counters
)

var timeShapes = []Shape{Normal, Normal, Normal, Skewed, Skewed, Bimodal, Trimodal, Correlated, Correlated, Quantised}

// Change is a step planted in a series.
type Change struct {
	// Order is the first order with the new level.
	Order string `json:"order"`
	// Effect is the relative change of the level.
	Effect float64 `json:"effect"`
	// Sigmas is the change in units of the spread of one order's mean.
	Sigmas float64 `json:"sigmas"`
	// Kind is step, revert (back to where it was) or swap (the machine was replaced).
	Kind string `json:"kind"`
}

// series is one test and metric on one machine.
type series struct {
	level, noise float64 // noise is relative to the level
	shape        Shape
	drift        float64 // relative, from the first order to the last
	ramp         ramp
	spikes       float64 // share of orders
	quantum      float64 // what the clock of a quantised series can tell apart
	factor       []float64
	changes      []Change
	seed         uint64
}

// ramp is a slow change between two orders, by a relative amount.
type ramp struct {
	from, to int
	by       float64
}

// at is the ramp's factor at an order.
func (r ramp) at(place int) float64 {
	if r.to <= r.from {
		return 1
	}
	return 1 + r.by*min(max(float64(place-r.from)/float64(r.to-r.from), 0), 1)
}

// random is the source of everything that hangs on these names.
func random(seed uint64, names ...string) *rand.Rand {
	h := fnv.New64a()
	for _, n := range names {
		_, _ = h.Write([]byte(n))
		_, _ = h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(seed, h.Sum64())) //nolint:gosec // reproducible by design
}

// newSeries draws level, noise and changes. Level and noise belong to the test
// and metric, so machines agree about them up to a factor.
func (g *Generator) newSeries(machine, test string, m metric) *series {
	common := random(g.cfg.Seed, "test", test, m.name)
	own := random(g.cfg.Seed, "series", machine, test, m.name)
	s := &series{
		level: m.low * math.Pow(m.high/m.low, common.Float64()) * (0.7 + 0.6*random(g.cfg.Seed, "speed", machine).Float64()),
		shape: Exact,
		seed:  own.Uint64(),
	}
	s.noise = 1e-5
	if m.noisy {
		s.shape = timeShapes[common.IntN(len(timeShapes))]
		s.noise = 0.002 * math.Pow(15, common.Float64())
	}
	if s.shape == Quantised {
		s.quantum = s.level * s.noise * (0.5 + 3*random(g.cfg.Seed, "clock", test, m.name).Float64())
	}
	if m.noisy && own.Float64() < g.cfg.DriftRate {
		s.drift = (own.Float64() - 0.5) * 0.04
	}
	if m.noisy && own.Float64() < g.cfg.SpikeRate {
		s.spikes = 0.01
	}
	if r := random(g.cfg.Seed, "ramp", machine, test, m.name); m.noisy && r.Float64() < g.cfg.RampRate {
		from := r.IntN(len(g.orders))
		s.ramp = ramp{from: from, to: from + 30 + r.IntN(30), by: (r.Float64() - 0.5) * 0.1}
	}
	s.plant(g, own, machine)
	return s
}

// plant chooses the steps and fills in the factor of every order.
func (s *series) plant(g *Generator, r *rand.Rand, machine string) {
	n := len(g.orders)
	at := map[int]Change{}
	if r.Float64() < g.cfg.ChangeRate && n >= 30 {
		s.steps(r, n, at)
	}
	if place, effect, swapped := g.swap(machine); swapped {
		// nobody could tell a step from a swap a few orders away
		maps.DeleteFunc(at, func(step int, _ Change) bool { return max(step-place, place-step) < 10 })
		at[place] = Change{Effect: effect, Kind: "swap"}
	}
	s.factor = make([]float64, n)
	level := 1.0
	for i := range n {
		if c, ok := at[i]; ok {
			level *= 1 + c.Effect
			c.Order = g.orders[i]
			c.Sigmas = math.Abs(c.Effect) / s.spread(g.cfg.Samples)
			s.changes = append(s.changes, c)
		}
		s.factor[i] = level * (1 + s.drift*float64(i)/float64(n)) * s.ramp.at(i)
	}
}

// steps draws one or two steps, 0.2 % to 20 %, up or down.
func (s *series) steps(r *rand.Rand, n int, at map[int]Change) {
	effect := 0.002 * math.Pow(100, r.Float64())
	if r.Float64() < 0.5 {
		effect = -effect / (1 + effect)
	}
	first := n/6 + r.IntN(n*2/3)
	at[first] = Change{Effect: effect, Kind: "step"}
	second := first + 12 + r.IntN(max(1, n/4))
	if second >= n-5 {
		return
	}
	switch roll := r.Float64(); {
	case roll < 0.25:
		at[second] = Change{Effect: 1/(1+effect) - 1, Kind: "revert"}
	case roll < 0.4:
		at[second] = Change{Effect: effect / 2, Kind: "step"}
	}
}

// swap is when a machine is replaced, and by how much that moves everything.
func (g *Generator) swap(machine string) (place int, effect float64, swapped bool) {
	if !slices.Contains(g.swapped, machine) || len(g.orders) < 30 {
		return 0, 0, false
	}
	r := random(g.cfg.Seed, "swap", machine)
	return len(g.orders)/3 + r.IntN(len(g.orders)/3), 0.03 + 0.05*r.Float64(), true
}

// values are the samples of one order.
func (s *series) values(place, samples int) []float64 {
	r := rand.New(rand.NewPCG(s.seed, uint64(place))) //nolint:gosec // reproducible by design
	level := s.level * s.factor[place]
	shared := r.NormFloat64()
	mode := float64(r.IntN(6))
	out := make([]float64, samples)
	for i := range out {
		out[i] = s.round(level * (1 + s.noise*s.deviate(r, shared, mode)))
	}
	if r.Float64() < s.spikes {
		out[r.IntN(samples)] *= 1.3 + r.Float64()
	}
	return out
}

// deviate is the noise of one sample, with a spread of about one.
func (s *series) deviate(r *rand.Rand, shared, mode float64) float64 {
	switch s.shape {
	case Skewed:
		return r.ExpFloat64() - 1
	case Bimodal:
		return 0.6*r.NormFloat64() + map[bool]float64{true: 1.6, false: -0.8}[mode >= 4]
	case Trimodal:
		return 0.5*r.NormFloat64() + 1.1*(math.Floor(mode/2)-1)
	case Correlated:
		return 0.9*shared + 0.45*r.NormFloat64()
	case Normal, Quantised, Exact:
		return r.NormFloat64()
	}
	return 0
}

// spread is that of one order's mean, relative to the level: what a run's samples
// share is not averaged away. An order has one to most samples, each as often.
func (s *series) spread(most int) float64 {
	if s.shape == Exact {
		most = 1
	}
	inverse := 0.0 // the mean of 1/n
	for n := 1; n <= most; n++ {
		inverse += 1 / float64(n) / float64(most)
	}
	own, shared := 1.0, 0.0
	switch s.shape {
	case Bimodal:
		own, shared = 0.36, 1.28
	case Trimodal:
		own, shared = 0.25, 1.21*2/3
	case Correlated:
		own, shared = 0.2025, 0.81
	case Normal, Skewed, Quantised, Exact:
	}
	variance := s.noise * s.noise * (own*inverse + shared)
	if s.shape == Quantised {
		step := s.quantum / s.level
		variance += step * step / 12 * inverse
	}
	return math.Sqrt(variance)
}

// round gives the digits an instrument would.
func (s *series) round(v float64) float64 {
	if s.quantum > 0 {
		v = math.Round(v/s.quantum) * s.quantum
	}
	scale := math.Pow(10, 4-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}
