package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/auth"
	"tidemark/pkg/backtest"
	"tidemark/pkg/embedded/clickhouse"
	"tidemark/pkg/embedded/kafka"
	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/httpx"
	"tidemark/pkg/lifecycle"
	"tidemark/pkg/observe"
	"tidemark/pkg/readsql"
	"tidemark/pkg/report"
	"tidemark/pkg/schema"
	"tidemark/pkg/store"
	"tidemark/services/api"
	"tidemark/services/backtester"
	"tidemark/services/detector"
	"tidemark/services/intake"
	"tidemark/services/notifier"
	"tidemark/services/projector"
	"tidemark/services/watcher"
	"tidemark/services/web"
)

// roles are the parts of the product one process takes on.
type roles struct {
	Intake, Projector, Detector, Notifier, Reads bool
	// Migrate brings the schema up to date at the start.
	Migrate bool
	// Servers keeps the embedded servers open for other processes.
	Servers bool
}

// all is what `tidemark up` runs.
var all = roles{Intake: true, Projector: true, Detector: true, Notifier: true, Reads: true, Migrate: true}

func (r roles) http() bool { return r.Intake || r.Reads }

// process is everything one process runs, built and not yet opened.
type process struct {
	settings Settings
	log      *slog.Logger
	reg      *prometheus.Registry
	checks   observe.Checks
	// store answers people; work answers the services themselves, on connections
	// of its own, so that no crowd of readers can hold up a projector's start or a
	// detector's slot, nor the other way round.
	store, work *store.Store
	results     *api.Results       // compares submissions with those before
	reports     *report.Handover   // from intake to projector
	position    *store.Position    // of all data
	door        *auth.Door         // before every route
	events      *eventlog.Log      // nil for roles that only read
	people      *clickhouse.Reader // the embedded engine's side for people's SQL
	sqlLimits   readsql.Limits
	components  []lifecycle.Component
	listeners   map[string]*listener
	takeTokens  []func([]auth.Token) error
	brokers     func() []string // of the embedded broker, when others may reach it
}

// handedBytes bounds the reports that are kept for the projector to have them without reading them again.
const handedBytes = 8 << 20

// compose builds the graph from the settings, in the order in which its parts
// are opened. It opens nothing.
func compose(s Settings, r roles, log *slog.Logger) (*process, error) {
	p := &process{settings: s, log: log, reg: observe.NewRegistry(), checks: observe.Checks{}, listeners: map[string]*listener{}}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	p.bind(r)
	p.add(lifecycle.Component{Name: "token", Open: s.own.keep})
	storeConfig, engine, err := p.engine()
	if err != nil {
		return nil, err
	}
	if p.events, err = p.broker(r); err != nil {
		return nil, err
	}
	if p.work, err = store.New(storeConfig); err != nil {
		return nil, err
	}
	p.store.UseScratch(p.work) // why a change is one: judged anew, in a table of a moment
	p.gauge("tidemark_clickhouse_connections", "Open connections to ClickHouse, all but those of SQL over REST.", func() float64 {
		return float64(p.store.Connections() + p.work.Connections())
	})
	p.results = api.NewResults(p.work)
	p.position = store.NewPosition(p.work, positionAge(r), time.Now)
	if engine != nil {
		p.position.Counting(engine.Writes)
	}
	kept := 0 // where only one of the two is here, nobody comes for a report
	if r.Intake && r.Projector {
		kept = handedBytes
	}
	p.reports = report.NewHandover(kept, time.Now)
	p.add(lifecycle.Component{Name: "store", Open: p.openStore(storeConfig, r), Close: p.closeStore})
	if engine != nil {
		p.add(lifecycle.Component{Name: "heal", Open: p.heal(engine)})
	}
	if err := p.openDoor(r); err != nil {
		return nil, err
	}
	services, err := p.services(r)
	if err != nil {
		return nil, err
	}
	p.followTokens()
	p.serve(r, engine, services)
	return p, nil
}

func (p *process) add(c lifecycle.Component) { p.components = append(p.components, c) }

func (p *process) named(name string) *slog.Logger { return p.log.With("component", name) }

// bind takes the ports first: a port in use is the commonest mistake, and it
// should be heard of before anything is written.
func (p *process) bind(r roles) {
	p.listeners["admin"] = &listener{addr: p.settings.AdminListen}
	if r.http() {
		p.listeners["http"] = &listener{addr: p.settings.Listen}
	}
	if (r == all || r == serversOnly) && p.settings.embeddedClickhouse() {
		p.listeners["sql"] = &listener{addr: p.settings.SQLListen}
		p.listeners["engine"] = &listener{addr: p.settings.ClickhouseListen}
	}
	p.add(lifecycle.Component{Name: "listeners", Open: p.listen, Close: p.unlisten})
}

func (p *process) listen(ctx context.Context) error {
	for name, l := range p.listeners {
		if err := l.open(ctx); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", name, err), p.unlisten())
		}
	}
	return nil
}

func (p *process) unlisten() error {
	for _, l := range p.listeners {
		l.close()
	}
	return nil
}

// engine is the embedded engine, unless the settings name a server.
func (p *process) engine() (store.Config, *clickhouse.Engine, error) {
	cfg := p.settings.storeConfig()
	if !p.settings.embeddedClickhouse() {
		return cfg, nil, p.readers(cfg)
	}
	engineConfig := p.settings.engineConfig()
	engineConfig.Logger = p.named("engine")
	engine, err := clickhouse.New(engineConfig)
	if err != nil {
		return cfg, nil, err
	}
	cfg.Dial = engine.Dial
	if err := p.readers(cfg); err != nil {
		return cfg, nil, err
	}
	p.people = engine.Reader(p.sqlLimits)
	p.add(lifecycle.Component{Name: "engine", Open: p.openEngine(engine), Close: engine.Close})
	yieldToEngine()
	return cfg, engine, nil
}

// readers are the store and the pool of people's reads.
func (p *process) readers(own store.Config) (err error) {
	if p.store, err = store.New(p.settings.readersConfig(own)); err != nil {
		return err
	}
	p.sqlLimits, err = p.settings.sqlLimits(p.store)
	return err
}

// yieldToEngine gives Go more processors than there are. A call into the engine
// keeps its processor until the scheduler takes it back, up to ten milliseconds
// later: with one per core a statement would hold up everyone who only wants to
// hand a report to the log.
var yieldToEngine = sync.OnceFunc(func() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	}
})

func (p *process) openEngine(engine *clickhouse.Engine) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := os.MkdirAll(p.settings.Data, 0o700); err != nil {
			return fmt.Errorf("make the data folder: %w", err)
		}
		return engine.Open(ctx)
	}
}

func (p *process) openStore(cfg store.Config, r roles) func(context.Context) error {
	return func(ctx context.Context) error {
		if r.Migrate {
			if _, err := schema.Migrate(ctx, cfg, p.named("schema")); err != nil {
				return err
			}
		}
		err := errors.Join(p.store.Open(ctx), p.work.Open(ctx))
		if err != nil && r == (roles{Intake: true}) {
			// Submissions go to the log; the database only says how they compare. It is asked again each time.
			p.log.WarnContext(ctx, "database not reached, answers are without test results", "err", err)
			return nil
		}
		return err
	}
}

// heal fills the tables behind the ledger again with what a machine that stopped without warning may have lost. The ledger
// itself is on the disk when an insert returns. An insert that had begun before everything was synced may have ended after.
func (p *process) heal(engine *clickhouse.Engine) func(context.Context) error {
	return func(ctx context.Context) error {
		since, doubtful := engine.InDoubtSince()
		if !doubtful {
			return nil
		}
		began := time.Now()
		events, err := p.work.Heal(ctx, since.Add(-store.DefaultConfig().WriteTimeout))
		if err != nil {
			return fmt.Errorf("fill tables again after the machine stopped: %w", err)
		}
		p.log.InfoContext(ctx, "tables filled again: the machine had stopped without warning", "since", since, "events", events, "took", time.Since(began))
		return engine.Settled()
	}
}

func (p *process) closeStore() error { return errors.Join(p.store.Close(), p.work.Close()) }

// broker is the log's client, and the embedded broker unless the settings name
// a cluster. Roles that only read need neither.
func (p *process) broker(r roles) (*eventlog.Log, error) {
	if !r.Intake && !r.Projector && !r.Detector && !r.Notifier && !r.Servers {
		return nil, nil
	}
	cfg := p.settings.logConfig()
	if p.settings.embeddedKafka() {
		brokerConfig := p.settings.brokerConfig()
		brokerConfig.Logger = p.named("broker")
		broker, err := kafka.New(brokerConfig)
		if err != nil {
			return nil, err
		}
		cfg.Brokers, cfg.Dial = broker.Brokers(), broker.Dial
		if p.settings.KafkaListen != "" {
			p.brokers = broker.Brokers
		}
		p.add(lifecycle.Component{Name: "broker", Open: broker.Open, Close: broker.Close})
		p.gauge("tidemark_embedded_log_bytes", "Size of the embedded broker's log.", func() float64 { return float64(broker.Size()) })
	}
	log, err := eventlog.New(cfg, eventlog.Deps{Logger: p.named("eventlog")})
	if err != nil {
		return nil, err
	}
	p.add(lifecycle.Component{Name: "eventlog", Open: p.ensureTopics(log), Close: func() error {
		ctx, cancel := context.WithTimeout(context.Background(), p.settings.Grace)
		defer cancel()
		return log.Close(ctx)
	}})
	return log, nil
}

func (p *process) ensureTopics(log *eventlog.Log) func(context.Context) error {
	return func(ctx context.Context) error {
		return log.Ensure(ctx,
			eventlog.TopicSpec{Name: event.TopicEvents, Partitions: p.settings.Partitions, Replicas: p.settings.Replicas},
			eventlog.TopicSpec{Name: event.TopicOutcomes, Partitions: 1, Replicas: p.settings.Replicas},
		)
	}
}

// router is a service with routes of its own.
type router interface{ Routes(r fiber.Router) }

// services are the roles' own parts. Those with routes are returned in the
// order in which their routes are tried.
func (p *process) services(r roles) ([]router, error) {
	var routers []router
	if r.Projector {
		if err := p.projector(r); err != nil {
			return nil, err
		}
	}
	if r.Detector {
		if err := p.detector(); err != nil {
			return nil, err
		}
	}
	if r.Notifier {
		if err := p.notifier(); err != nil {
			return nil, err
		}
	}
	if r.Intake {
		cfg, err := p.settings.intakeConfig()
		if err != nil {
			return nil, err
		}
		rest, err := p.rest(p.work, nil, nil)
		if err != nil {
			return nil, err
		}
		in, err := intake.New(cfg, intake.Deps{
			Log: p.events, Tail: p.events, Logger: p.named("intake"), Registerer: p.reg, Now: time.Now,
			Results: testResults{p.results}, Reports: p.reports.Offer,
			Backtests: backtest.NewQueue(p.work, time.Now), Lookup: rest.Lookup(),
		})
		if err != nil {
			return nil, err
		}
		p.checks["intake"] = func() error {
			if !in.Ready() {
				return errors.New("outcomes are not followed yet")
			}
			return nil
		}
		p.add(lifecycle.Component{Name: "intake", Run: in.Run})
		p.tokensTo(in.SetTokens)
		if err := p.suiteFiles(in); err != nil {
			return nil, err
		}
		routers = append(routers, in)
	}
	if r.Reads {
		reads, err := p.reads()
		if err != nil {
			return nil, err
		}
		routers = append(routers, reads...)
	}
	return routers, nil
}

// projectorStore remembers what it stores where submissions are answered in the same process.
func (p *process) projectorStore(r roles) projector.Store {
	s := moving{projector.ClickHouse(p.work), p.position, p.store.Pool()}
	if !r.Intake || p.settings.Intake.ResultsWait == 0 {
		return s
	}
	return remembering{s, p.results}
}

func (p *process) projector(r roles) error {
	service, err := projector.New(p.settings.projectorConfig(), projector.Deps{
		Events: projector.Kafka(p.events), Outcomes: p.events, Store: p.projectorStore(r),
		Logger: p.named("projector"), Metrics: p.reg, Now: time.Now, Reports: p.reports.Take,
	})
	if err != nil {
		return err
	}
	p.checks["projector"] = service.Ready
	p.add(lifecycle.Component{Name: "projector", Run: service.Run})
	return nil
}

func (p *process) detector() error {
	service, err := detector.New(p.settings.detectorConfig(), detector.Deps{
		Store: p.work, Log: appender{p.events}, Clock: time.Now, Logger: p.named("detector"), Registerer: p.reg,
	})
	if err != nil {
		return err
	}
	p.add(lifecycle.Component{Name: "detector", Run: service.Run})
	return p.backtester()
}

// backtester tries detectors on history, beside the detector's slots.
func (p *process) backtester() error {
	service, err := backtester.New(backtester.DefaultConfig(), backtester.Deps{
		Store: p.work, Clock: time.Now, Logger: p.named("backtester"), Registerer: p.reg,
	})
	if err != nil {
		return err
	}
	p.add(lifecycle.Component{Name: "backtester", Run: service.Run})
	return p.watcher()
}

// watcher tells which machines are missing.
func (p *process) watcher() error {
	service, err := watcher.New(p.settings.watcherConfig(), watcher.Deps{
		Store: p.work, Log: appender{p.events}, Clock: time.Now, Logger: p.named("watcher"), Registerer: p.reg,
	})
	if err != nil {
		return err
	}
	p.add(lifecycle.Component{Name: "watcher", Run: service.Run})
	return nil
}

func (p *process) notifier() error {
	service, err := notifier.New(p.settings.notifierConfig(), notifier.Deps{
		Store: notifier.ClickHouse(p.work), Log: appender{p.events}, Clock: time.Now, Logger: p.named("notifier"), Registerer: p.reg,
	})
	if err != nil {
		return err
	}
	p.add(lifecycle.Component{Name: "notifier", Open: service.Open, Run: service.Run})
	return nil
}

// rest is what answers reads over REST, and looks up for those who write.
func (p *process) rest(reads *store.Store, gate *readsql.Gate, keep *httpx.Keeper) (*api.Service, error) {
	known := &databases{settings: p.settings, store: reads}
	return api.New(p.settings.apiConfig(), api.Deps{Store: reads, Log: p.named("api"), Serves: known.serves, Writes: v5Writes(), SQL: gate, Keep: keep})
}

// gate is the way for people's SQL: none with a ClickHouse server that has no user for it.
func (p *process) gate() (*readsql.Gate, error) {
	limits := p.sqlLimits
	if p.people != nil {
		limits.Turns = nil // the embedded engine's side takes them, for its port as well
	}
	cfg := p.settings.gateConfig(limits)
	switch {
	case p.people != nil:
		cfg.Dial = p.people.Dial
	case cfg.URL == "":
		return nil, nil
	}
	gate, err := readsql.New(cfg, time.Now)
	if err != nil {
		return nil, err
	}
	p.gauge("tidemark_sql_running", "Statements of people under way.", func() float64 { running, _ := gate.Load(); return float64(running) })
	p.gauge("tidemark_sql_waiting", "Statements of people waiting for their turn.", func() float64 { _, waiting := gate.Load(); return float64(waiting) })
	return gate, nil
}

func (p *process) reads() ([]router, error) {
	keep := p.keeper()
	gate, err := p.gate()
	if err != nil {
		return nil, err
	}
	rest, err := p.rest(p.store, gate, keep)
	if err != nil {
		return nil, err
	}
	settings, err := p.settings.listed()
	if err != nil {
		return nil, err
	}
	pages, err := web.New(p.settings.webConfig(), web.Deps{Store: p.store, Log: p.named("web"), Now: time.Now, Version: version, Door: p.door, SQL: rest, Settings: settings, Metrics: p.reg, Keep: keep})
	if err != nil {
		return nil, err
	}
	p.reg.MustRegister(p.store.Pool())
	return []router{p.queues(), rest, pages}, nil
}

func (p *process) gauge(name, help string, value func() float64) {
	p.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// serve opens the doors, last of all.
func (p *process) serve(r roles, engine *clickhouse.Engine, services []router) {
	if l := p.listeners["sql"]; l != nil && l.addr != "" {
		p.add(lifecycle.Component{Name: "sql", Run: func(ctx context.Context) error {
			return p.people.Serve(ctx, l.Listener)
		}})
	}
	if l := p.listeners["engine"]; l != nil && l.addr != "" {
		p.add(lifecycle.Component{Name: "engine port", Run: func(ctx context.Context) error {
			return engine.ServeOwner(ctx, l.Listener, string(p.settings.ClickhousePassword))
		}})
	}
	if l := p.listeners["admin"]; l.addr != "" {
		admin := observe.NewAdmin(p.reg, p.checks)
		p.add(lifecycle.Component{Name: "admin", Run: func(ctx context.Context) error { return admin.Serve(ctx, l.Listener) }})
	}
	if !r.http() {
		return
	}
	app := httpx.New(httpx.DefaultConfig(), p.named("http"), httpx.NewMetrics(p.reg), time.Now)
	app.Use(p.door.Handle, p.written)
	for _, s := range services {
		s.Routes(app)
	}
	app.Use(httpx.NotFound)
	p.add(lifecycle.Component{Name: "http", Run: func(ctx context.Context) error {
		return httpx.Serve(ctx, app, p.listeners["http"].Listener, p.settings.Grace/2)
	}})
}

// listener is an address and, once open, its socket.
type listener struct {
	net.Listener
	addr string
}

func (l *listener) open(ctx context.Context) error {
	if l.addr == "" {
		return nil
	}
	var err error
	l.Listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", l.addr)
	return err
}

func (l *listener) close() {
	if l.Listener != nil {
		_ = l.Close()
	}
}

// url is the listener's address for people.
func (l *listener) url() string {
	if l == nil || l.Listener == nil {
		return ""
	}
	return "http://" + l.Listener.Addr().String() + "/"
}

// appender puts envelopes into the event topic.
type appender struct{ log *eventlog.Log }

func (a appender) Append(ctx context.Context, events ...event.Envelope) error {
	records := make([]eventlog.Record, len(events))
	for i, e := range events {
		key, value, headers, err := event.Encode(e)
		if err != nil {
			return fmt.Errorf("encode event %s: %w", e.ID, err)
		}
		records[i] = eventlog.Record{Key: key, Value: value}
		for _, h := range headers {
			records[i].Headers = append(records[i].Headers, eventlog.Header{Key: h.Key, Value: h.Value})
		}
	}
	_, err := a.log.Append(ctx, event.TopicEvents, records...)
	return err
}
