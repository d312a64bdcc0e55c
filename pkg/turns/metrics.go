package turns

import "github.com/prometheus/client_golang/prometheus"

var (
	running = prometheus.NewDesc("tidemark_reads_running", "Reads under way.", []string{"share"}, nil)
	waiting = prometheus.NewDesc("tidemark_reads_waiting", "Reads waiting for their turn.", []string{"share"}, nil)
	entered = prometheus.NewDesc("tidemark_reads_entered_total", "Reads that got their turn.", []string{"share"}, nil)
	shed    = prometheus.NewDesc("tidemark_reads_shed_total", "Reads that got no turn: the queue was full, the wait was over (late), or the client had gone (left).", []string{"share", "reason"}, nil)
	waited  = prometheus.NewDesc("tidemark_reads_waited_seconds_total", "Time that reads waited for their turn, all together.", []string{"share"}, nil)
)

// Describe and Collect make a pool a prometheus collector.
func (p *Pool) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{running, waiting, entered, shed, waited} {
		to <- d
	}
}

// Collect sends what each share says of itself.
func (p *Pool) Collect(to chan<- prometheus.Metric) {
	for _, s := range p.Shares() {
		l := s.Load()
		send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, kind, value, append([]string{s.name}, labels...)...)
		}
		send(running, prometheus.GaugeValue, float64(l.Running))
		send(waiting, prometheus.GaugeValue, float64(l.Waiting))
		send(entered, prometheus.CounterValue, float64(l.Entered))
		send(waited, prometheus.CounterValue, l.Waited.Seconds())
		send(shed, prometheus.CounterValue, float64(l.Full), "full")
		send(shed, prometheus.CounterValue, float64(l.Late), "late")
		send(shed, prometheus.CounterValue, float64(l.Left), "left")
	}
}
