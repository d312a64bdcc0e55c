package backtester

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	waiting prometheus.Gauge
	runs    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidemark_backtests_waiting", Help: "Backtests that wait or run, over all suites.",
		}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidemark_backtests_total", Help: "Backtests that ended, by how; running is one that a stop of the process interrupted.",
		}, []string{"state"}),
	}
	reg.MustRegister(m.waiting, m.runs)
	return m
}
