package detector

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	slots    *prometheus.CounterVec
	missed   prometheus.Counter
	findings *prometheus.CounterVec
	seconds  prometheus.Histogram
	behind   prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		slots: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidemark_detector_jobs_total", Help: "Jobs run per suite and slot, by job and result.",
		}, []string{"job", "result"}),
		missed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidemark_detector_missed_slots_total", Help: "Slots passed over because the one before took too long.",
		}),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidemark_detector_findings_total", Help: "Findings appended to the log, by what became of them.",
		}, []string{"change"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tidemark_detector_job_seconds", Help: "Time of one job on one suite in one slot.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 14),
		}),
		behind: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidemark_detector_behind_events", Help: "Events that wait to be looked at, over all suites.",
		}),
	}
	reg.MustRegister(m.slots, m.missed, m.findings, m.seconds, m.behind)
	return m
}
