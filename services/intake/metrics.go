package intake

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The results a request can have, each a label of tidemark_intake_submissions_total.
const (
	resultAccepted     = "accepted"
	resultRejected     = "rejected"  // by the projector
	resultDuplicate    = "duplicate" // the original's answer was given
	resultRefused      = "refused"   // by intake
	resultTooLarge     = "too_large"
	resultAsync        = "async"   // 202, as asked for
	resultPending      = "pending" // 202, because the outcome took too long
	resultBusy         = "busy"
	resultUnavailable  = "unavailable"
	resultSlow         = "slow"
	resultAborted      = "aborted"
	resultUnauthorized = "unauthorized"
	resultForbidden    = "forbidden"
	resultUnknown      = "unknown_database"
)

// The stages a request goes through.
const (
	stageDecode  = "decode"
	stageAppend  = "append"
	stageWait    = "wait"
	stageResults = "results"
)

type metrics struct {
	submissions   *prometheus.CounterVec
	changes       *prometheus.CounterVec
	wireBytes     prometheus.Counter
	reportBytes   prometheus.Counter
	seconds       *prometheus.HistogramVec
	inFlight      prometheus.Gauge
	resultsMissed prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, waiters func() int) (*metrics, error) {
	m := &metrics{
		submissions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidemark_intake_submissions_total", Help: "Submissions answered, by result.",
		}, []string{"result"}),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidemark_intake_changes_total", Help: "Changes of machines, runs and suites answered, by result.",
		}, []string{"result"}),
		wireBytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidemark_intake_body_bytes_total", Help: "Bytes of request bodies received, as sent.",
		}),
		reportBytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tidemark_intake_report_bytes_total", Help: "Bytes of reports received, decompressed and decoded.",
		}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tidemark_intake_stage_seconds", Help: "Time a submission spent in a stage: decode (receive and check), append (to the log), wait (for the outcome), results (compare the run).",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16),
		}, []string{"stage"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidemark_intake_in_flight_bytes", Help: "Bytes of submissions in memory now.",
		}),
	}
	m.resultsMissed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tidemark_intake_results_missed_total", Help: "Submissions answered without test results because comparing them failed or took too long.",
	})
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tidemark_intake_waiters", Help: "Requests waiting for their outcome now.",
	}, func() float64 { return float64(waiters()) })
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.submissions, m.changes, m.wireBytes, m.reportBytes, m.seconds, m.inFlight, m.resultsMissed, waiting} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) stage(name string, took time.Duration) {
	m.seconds.WithLabelValues(name).Observe(took.Seconds())
}
