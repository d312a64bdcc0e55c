package intake

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/auth"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/report"
)

// Appender makes records durable; eventlog.Log is one. An error that is eventlog.ErrTooLarge is the record's own fault, any
// other error the log's.
type Appender interface {
	Append(ctx context.Context, topic string, recs ...eventlog.Record) ([]eventlog.Position, error)
}

// Deps are what a Service uses from its surroundings.
type Deps struct {
	Log        Appender
	Tail       Tailer
	Results    ResultsOf             // nil: answers are without test results
	Lookup     Lookup                // nil: v5's writes take numbers alone
	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: metrics are counted but not shown
	Now        func() time.Time      // nil: time.Now
	Random     io.Reader             // nil: crypto/rand
	Backtests  Backtests             // nil: nothing can be tried on history
	// Reports announces a report and gives its reading, which is called once; nil: with report.Parse.
	Reports func(body []byte) (read func() error)
}

// Service takes submissions in.
type Service struct {
	cfg       Config
	log       Appender
	results   ResultsOf
	lookup    Lookup
	logger    *slog.Logger
	now       func() time.Time
	random    io.Reader
	reports   func(body []byte) (read func() error)
	outcomes  *Outcomes
	budget    *budget
	checks    chan struct{} // one slot per report being checked: that is work for a core, and memory beyond the report
	metrics   *metrics
	keys      *auth.Keys
	opened    func(ctx context.Context, database string) error // nil: nothing is to be there
	backtests Backtests
}

// New checks the configuration and remembers it; it opens nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("intake: %w", err)
	}
	if deps.Log == nil || deps.Tail == nil {
		return nil, fmt.Errorf("intake: needs a log to append to and one to follow")
	}
	s := &Service{
		cfg: cfg, log: deps.Log, results: deps.Results, lookup: deps.Lookup, logger: deps.Logger, now: deps.Now, random: deps.Random, reports: deps.Reports, backtests: deps.Backtests,
		checks: make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
	}
	var err error
	if s.keys, err = auth.NewKeys(cfg.Token, cfg.Tokens); err != nil {
		return nil, fmt.Errorf("intake: %w", err)
	}
	if s.lookup == nil {
		s.lookup = noLookup{}
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.reports == nil {
		s.reports = report.NewHandover(0, s.now).Offer
	}
	s.outcomes = NewOutcomes(deps.Tail, cfg.MaxWaiters, s.logger)
	if s.metrics, err = newMetrics(deps.Registerer, s.outcomes.Waiters); err != nil {
		return nil, fmt.Errorf("intake: register metrics: %w", err)
	}
	s.budget = newBudget(cfg.InFlightLimit, cfg.AdmitTimeout, s.metrics.inFlight)
	return s, nil
}

// Run follows the outcomes until ctx ends. Submissions are taken without it, and answered with a receipt.
func (s *Service) Run(ctx context.Context) error { return s.outcomes.Run(ctx) }

// Ready reports whether submissions can be answered with their outcome.
func (s *Service) Ready() bool { return s.outcomes.Ready() }
