package notifier

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	deliveries *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	told       *prometheus.HistogramVec
	lost       prometheus.Counter
	failed     prometheus.Counter
	behind     prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidemark_notifier_deliveries_total", Help: "Attempts to deliver a message, by channel and what became of them.",
		}, []string{"channel", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tidemark_notifier_send_seconds", Help: "Time a receiver took, by channel.", Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}, []string{"channel"}),
		told: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tidemark_notifier_found_to_told_seconds", Help: "Time from the event that found, changed or closed something to the receiver's answer that it has the message, by channel and how often it is told.",
			Buckets: []float64{0.5, 1, 2, 5, 10, 20, 30, 60, 300, 900, 3600, 14400, 86400, 172800},
		}, []string{"channel", "every"}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidemark_notifier_claims_lost_total", Help: "Deliveries that another notifier had claimed.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidemark_notifier_failed_passes_total", Help: "Looks at a suite that did not finish and are repeated.",
		}),
		behind: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidemark_notifier_behind_events", Help: "Events of suites with subscriptions that were not looked at yet.",
		}),
	}
	reg.MustRegister(m.deliveries, m.seconds, m.told, m.lost, m.failed, m.behind)
	return m
}
