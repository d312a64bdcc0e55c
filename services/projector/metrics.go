package projector

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/event"
)

// stages of the work, as the label of tidemark_projector_stage_seconds.
const (
	stageFetch   = "fetch"
	stageDecode  = "decode"
	stageDecide  = "decide"
	stageLoad    = "load"
	stageInsert  = "insert"
	stagePublish = "publish"
	stageCommit  = "commit"
)

type metrics struct {
	lag        *prometheus.GaugeVec
	held       *prometheus.GaugeVec
	lastFlush  prometheus.Gauge
	events     *prometheus.CounterVec
	rejected   *prometheus.CounterVec
	samples    prometheus.Counter
	batchRows  prometheus.Histogram
	batchBytes prometheus.Histogram
	batchSmpls prometheus.Histogram
	stage      *prometheus.HistogramVec
	retries    *prometheus.CounterVec
	lost       *prometheus.CounterVec
	suites     *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	gauges := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tidemark_projector_" + name, Help: help}, []string{"partition"})
	}
	counters := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tidemark_projector_" + name, Help: help}, []string{label})
	}
	sizes := func(name, help string, start float64, count int) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tidemark_projector_" + name, Help: help, Buckets: prometheus.ExponentialBuckets(start, 4, count),
		})
	}
	m := &metrics{
		lag:  gauges("lag_records", "Records in the log that are not taken up yet."),
		held: gauges("held", "1 while a partition cannot move on without a person: the schema differs or a view throws."),
		lastFlush: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tidemark_projector_last_flush_timestamp_seconds", Help: "When rows were last stored, in seconds since 1970.",
		}),
		events:     counters("events_total", "Events stored, by status.", "status"),
		rejected:   counters("rejected_total", "Events refused, by HTTP status.", "code"),
		samples:    prometheus.NewCounter(prometheus.CounterOpts{Name: "tidemark_projector_samples_total", Help: "Values of metrics stored."}),
		batchRows:  sizes("batch_rows", "Events per insert.", 1, 7),
		batchBytes: sizes("batch_bytes", "Bytes of bodies per insert.", 1024, 10),
		batchSmpls: sizes("batch_samples", "Values of metrics per insert.", 1, 12),
		stage: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tidemark_projector_stage_seconds", Help: "Time spent per batch, by stage.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 18),
		}, []string{"stage"}),
		retries: counters("retries_total", "Failed attempts that were or will be repeated, by class of error.", "class"),
		lost:    counters("failures_total", "Steps given up: outcomes nobody was told, positions not moved.", "stage"),
		suites:  gauges("suites", "Suites whose state is in memory."),
	}
	if reg != nil {
		reg.MustRegister(m.lag, m.held, m.lastFlush, m.events, m.rejected, m.samples, m.batchRows, m.batchBytes, m.batchSmpls,
			m.stage, m.retries, m.lost, m.suites)
	}
	return m
}

// partitionMetrics are the metrics of one partition's worker.
type partitionMetrics struct {
	*metrics
	label string
}

func (m *metrics) of(partition int) partitionMetrics {
	return partitionMetrics{metrics: m, label: strconv.Itoa(partition)}
}

// forget drops the gauges of a partition that is somebody else's now.
func (m partitionMetrics) forget() {
	for _, g := range []*prometheus.GaugeVec{m.lag, m.held, m.suites} {
		g.DeleteLabelValues(m.label)
	}
}

func (m partitionMetrics) took(stage string, d time.Duration) {
	m.stage.WithLabelValues(stage).Observe(d.Seconds())
}

func (m partitionMetrics) inserted(b *batch, at time.Time) {
	m.batchRows.Observe(float64(len(b.rows)))
	m.batchBytes.Observe(float64(b.bytes))
	m.batchSmpls.Observe(float64(b.samples))
	m.samples.Add(float64(b.samples))
	m.lastFlush.Set(float64(at.UnixMilli()) / 1000)
	for i := range b.rows {
		m.events.WithLabelValues(b.rows[i].Status).Inc()
		if b.rows[i].Status == string(event.Rejected) {
			m.rejected.WithLabelValues(strconv.Itoa(int(b.rows[i].Code))).Inc()
		}
	}
}
