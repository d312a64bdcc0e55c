package watcher

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	slots   *prometheus.CounterVec
	open    prometheus.Gauge
	changes prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		slots: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidemark_watcher_slots_total", Help: "Looks for missing runs, by result.",
		}, []string{"result"}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidemark_watcher_missing_signals", Help: "Signals missing at the last look, over all suites.",
		}),
		changes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidemark_watcher_changes_total", Help: "Signals told to have opened or closed.",
		}),
	}
	reg.MustRegister(m.slots, m.open, m.changes)
	return m
}
