package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/auth"
	"tidemark/pkg/config"
	"tidemark/pkg/embedded/clickhouse"
	"tidemark/pkg/embedded/kafka"
	"tidemark/pkg/event"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/readsql"
	"tidemark/pkg/store"
	"tidemark/services/api"
	"tidemark/services/detector"
	"tidemark/services/intake"
	"tidemark/services/notifier"
	"tidemark/services/projector"
	"tidemark/services/watcher"
	"tidemark/services/web"
)

// Settings are all settings of all roles: flags, TIDEMARK_* variables and the
// keys of the YAML file come from this one tree.
type Settings struct {
	Data string `help:"Folder of the embedded engine and broker." default:"data" type:"path" group:"place"`

	Listen      string `help:"Address of pages and REST." default:"127.0.0.1:8080" group:"place"`
	SQLListen   string `name:"sql-listen" help:"Address of read-only SQL over ClickHouse's HTTP interface (embedded engine only); empty for none." default:"127.0.0.1:8123" group:"place"`
	AdminListen string `help:"Address of metrics, health and profiles; empty for none." default:"127.0.0.1:8081" group:"place"`

	Kafka              []string      `help:"Brokers (host:port); none means the embedded broker." group:"place"`
	KafkaListen        string        `help:"TCP address of the embedded broker, which has no authentication; empty for none." group:"place"`
	Clickhouse         config.Secret `help:"ClickHouse address, such as clickhouse://user:password@host:9000; none means the embedded engine." group:"place"`
	ClickhouseListen   string        `help:"TCP address on which the embedded engine answers other roles with every right, over HTTP; empty for none." group:"place"`
	ClickhousePassword config.Secret `help:"Password that other roles need there." group:"place"`
	Libchdb            string        `name:"libchdb" help:"Engine library to load instead of the fetched one." type:"path" group:"place"`
	Partitions         int           `help:"Partitions of the event topic. Cannot change later: a suite lives in one." default:"1" group:"place"`
	Replicas           int           `help:"Copies of each topic on a Kafka cluster; 0 leaves it to the brokers." default:"0" group:"place"`
	MaxLog             config.Bytes  `help:"Size to which the embedded broker's log is trimmed once stored." default:"256MiB" group:"place"`
	EngineMemory       config.Bytes  `help:"Memory the embedded engine may use." default:"4GiB" group:"place"`

	Databases    []string      `help:"Databases served." default:"default" group:"product"`
	NewDatabases bool          `help:"Take submissions to any other database, too: the first one makes it." group:"product"`
	AuthToken    config.Secret `help:"LNT's token, which may do everything: what the AuthToken header must carry on REST writes. Without it, and without a tokens file, 'tidemark up' makes one, in the file token of its data folder." group:"product"`
	TokensFile   string        `help:"YAML file of tokens with a name, a scope and perhaps databases; see 'tidemark token new'. Read again when it changes." type:"path" group:"product"`
	SessionKey   config.Secret `help:"At least 16 characters that seal the sessions of people who signed in; the same for every process that answers them. Without it sessions end with the process." group:"product"`
	SessionTime  time.Duration `help:"How long people stay signed in." default:"12h" group:"product"`
	Anonymous    bool          `help:"Let people without a token read." default:"true" negatable:"" group:"product"`
	Suites       string        `help:"Folder of LNT's schema files (*.yaml); suites that differ are defined at the start, in every database." type:"path" group:"product"`
	LinkStatus   bool          `help:"In these files, let <x>_status decide whether <x>_time, <x>_bytes and <x> count, as link_status: true in a file does. LNT does not." group:"product"`

	Intake   IntakeSettings   `embed:"" prefix:"intake-" group:"intake"`
	Batch    BatchSettings    `embed:"" prefix:"batch-" group:"projector"`
	Store    StoreSettings    `embed:"" prefix:"store-" group:"store"`
	SQL      SQLSettings      `embed:"" prefix:"sql-" group:"sql"`
	Detector DetectorSettings `embed:"" prefix:"detector-" group:"detector"`
	Notifier NotifierSettings `embed:"" prefix:"notifier-" group:"notifier"`
	Watcher  WatcherSettings  `embed:"" prefix:"watcher-" group:"detector"`

	LogLevel  string        `help:"Least level logged: debug, info, warn or error." default:"info" enum:"debug,info,warn,error" group:"process"`
	LogFormat string        `help:"Form of log lines: text or json." default:"text" enum:"text,json" group:"process"`
	Grace     time.Duration `help:"How long each part may take to finish on SIGTERM." default:"20s" group:"process"`

	own ownToken
}

// IntakeSettings bound submissions.
type IntakeSettings struct {
	BodyLimit     config.Bytes  `help:"Largest report, as sent and as decompressed." default:"64MiB"`
	InFlightLimit config.Bytes  `help:"Memory for submissions under way, over all requests." default:"512MiB"`
	Wait          time.Duration `help:"How long a synchronous submission waits to be stored before it is answered 202 with a receipt." default:"10s"`
	ResultsWait   time.Duration `help:"How long a submission waits for its comparison with the run before; 0 answers without test results." default:"2s"`
	RequireToken  bool          `help:"Ask for a token on submitRun as well, one with the scope submit or more."`
}

// BatchSettings bound what the projector stores at once.
type BatchSettings struct {
	Records int          `help:"Most events stored at once." default:"500"`
	Bytes   config.Bytes `help:"Most report bytes stored at once." default:"16MiB"`
	Samples int          `help:"Most samples stored at once." default:"200000"`
}

// StoreSettings bound what is asked of ClickHouse.
type StoreSettings struct {
	Database    string        `help:"ClickHouse database that holds the tables." default:"tidemark"`
	MaxReads    int           `help:"Most reads of people under way at once: pages, graphs, REST and SQL together, each of which may take all but one, SQL half. Pages and REST use as many connections." default:"4"`
	MaxQueued   int           `help:"Most reads of each of these waiting for their turn; more are answered 503." default:"256"`
	MaxWait     time.Duration `help:"Longest a read waits for its turn before it is answered 503." default:"5s"`
	ReadNice    int           `help:"By how much the threads of people's reads stand back behind those that store submissions, where they share processors: 0 not at all, 19 the most." default:"5"`
	ReadTimeout time.Duration `help:"Longest a read, and all reads of one page together, may take." default:"30s"`
	ReadMemory  config.Bytes  `help:"Most memory of one read." default:"2GiB"`
	OwnReads    int           `help:"Most connections with which projector, detector, notifier and comparisons of submissions read; people's reads never take them." default:"4"`
	MaxWrites   int           `help:"Most connections that write." default:"4"`
	KeptAnswers config.Bytes  `help:"Memory for answers that are kept until the data move; 0 keeps none." default:"64MiB"`
}

// SQLSettings bound people's SQL: that of REST and pages, and the read-only listener.
type SQLSettings struct {
	Clickhouse    config.Secret `help:"ClickHouse's HTTP interface with a read-only user, such as http://reader:password@host:8123, for SQL over REST; not needed with the embedded engine."`
	Token         bool          `name:"require-token" help:"Ask for a token with the scope read before SQL over REST is answered."`
	PerMinute     int           `help:"Most statements over REST in a minute, for one token." default:"120"`
	BusyPerMinute time.Duration `help:"Longest that the statements of one token may run in a minute, all together." default:"1m"`
	ResultBytes   config.Bytes  `help:"Most bytes of an answer over REST." default:"64MiB"`
	Timeout       time.Duration `help:"Longest a statement of a person may run." default:"30s"`
	Memory        config.Bytes  `help:"Most memory of one such statement." default:"1GiB"`
	Rows          int64         `help:"Most rows of its answer." default:"1000000"`
	Queries       int           `help:"Most such statements at once, which is also the most connections they use; never more than half of --store-max-reads." default:"4"`
}

// DetectorSettings say how often to look for changes and what to report.
type DetectorSettings struct {
	Interval time.Duration `help:"Length of a slot." default:"5s"`
	Steps    []string      `help:"Suites in which the detector steps looks where no rule says anything, as patterns of database/suite; the word none turns it off." default:"*"`
	// How steps judges there.
	Preset string            `help:"Preset of the detector steps where no rule says anything; see tidemark detect --list."`
	Params map[string]string `name:"param" help:"Parameter of the detector steps where no rule says anything, over the preset's; may be given several times." placeholder:"NAME=VALUE" mapsep:"none"`
	Full   time.Duration     `help:"Time between two passes that judge every changed series from end to end." default:"1h"`
	LNT    []string          `help:"Suites in which LNT's own rules find changes and regressions, as patterns like default/nts, */libcxx or *."`
}

// NotifierSettings say how people and programs are told what was found.
type NotifierSettings struct {
	Interval         time.Duration `help:"How often to look what is new." default:"2s"`
	Timeout          time.Duration `help:"Longest one message may take." default:"10s"`
	Concurrency      int           `help:"Most messages under way at once." default:"8"`
	Attempts         uint16        `help:"Most attempts to deliver a message; with the pauses between, ten take about four hours." default:"10"`
	RetryMin         time.Duration `help:"Pause after the first attempt that failed; then each is three times as long." default:"10s"`
	RetryMax         time.Duration `help:"Longest such pause." default:"1h"`
	KeyFile          string        `help:"File of the key from which webhooks' signing keys are derived, made at the first start; without one notifier.key in the data folder. All notifiers need the same." type:"path"`
	Key              config.Secret `help:"That key itself, at least 32 characters, instead of a file."`
	PublicURL        string        `name:"public-url" help:"Root of the pages as people reach them, for the links in messages; without one there are none."`
	PrivateAddresses bool          `help:"Let webhooks go to loopback, private and link-local addresses." default:"true" negatable:""`
	SMTPAddress      string        `name:"smtp-address" help:"Mail server (host:port); without one there is no mail."`
	SMTPFrom         string        `name:"smtp-from" help:"Sender of mail."`
	SMTPUsername     string        `name:"smtp-username" help:"Name for the mail server; without one nothing is asked."`
	SMTPPassword     config.Secret `name:"smtp-password" help:"Password for the mail server. It is never sent without encryption."`
	SMTPTLS          string        `name:"smtp-tls" help:"Encryption of mail: starttls (needed), opportunistic (STARTTLS where the server has it), implicit (from the first byte) or none." default:"starttls" enum:"starttls,opportunistic,implicit,none"`
}

// WatcherSettings say which machines are missing.
type WatcherSettings struct {
	Interval time.Duration `help:"How often to look for machines that are missing." default:"1m"`
	Floor    time.Duration `help:"Least silence of a machine worth telling; also how long after the start nothing is called silent." default:"15m"`
	Retired  time.Duration `help:"Silence from which on a machine counts as taken out of service." default:"720h"`
	Share    float64       `help:"Part of its usual series below which a machine's run is partial." default:"0.8"`
}

func (s Settings) embeddedKafka() bool      { return len(s.Kafka) == 0 }
func (s Settings) embeddedClickhouse() bool { return s.Clickhouse == "" }

// Validate reports what only the whole of the settings can show.
func (s Settings) Validate() error {
	var problems []error
	if s.Partitions < 1 {
		problems = append(problems, errors.New("partitions: must be at least 1"))
	}
	if s.embeddedKafka() && s.Partitions > 4 {
		problems = append(problems, fmt.Errorf("partitions: the embedded broker works best with one, and with at most 4; got %d", s.Partitions))
	}
	if s.KafkaListen != "" && !s.embeddedKafka() {
		problems = append(problems, errors.New("kafka_listen: belongs to the embedded broker, but kafka names another"))
	}
	if s.ClickhouseListen != "" && !s.embeddedClickhouse() {
		problems = append(problems, errors.New("clickhouse_listen: belongs to the embedded engine, but clickhouse names another"))
	}
	if s.ClickhouseListen != "" && s.ClickhousePassword == "" {
		problems = append(problems, errors.New("clickhouse_password: is needed with clickhouse_listen: whoever connects there may do everything"))
	}
	if s.Grace <= 0 {
		problems = append(problems, errors.New("grace: must be above zero"))
	}
	return errors.Join(problems...)
}

func (s Settings) storeConfig() store.Config {
	c := store.DefaultConfig()
	c.DSN = string(s.Clickhouse)
	c.Database = s.Store.Database
	c.MaxReads, c.MaxWrites = s.Store.OwnReads, s.Store.MaxWrites
	c.MaxQueuedReads = s.Store.MaxQueued
	c.MaxReadWait = s.Store.MaxWait
	c.ReadTimeout = s.Store.ReadTimeout
	c.ReadMemoryBytes = int64(s.Store.ReadMemory)
	return c
}

// readersConfig is the store of people who read, which never writes.
func (s Settings) readersConfig(own store.Config) store.Config {
	own.MaxReads, own.MaxWrites, own.ReadNice = s.Store.MaxReads, 0, s.Store.ReadNice
	return own
}

func (s Settings) logConfig() eventlog.Config {
	c := eventlog.DefaultConfig()
	c.Brokers = s.Kafka
	c.ClientID = "tidemark"
	return c
}

func (s Settings) brokerConfig() kafka.Config {
	c := kafka.DefaultConfig()
	c.Dir = filepath.Join(s.Data, "log")
	c.Listen = s.KafkaListen
	c.MaxLogBytes = int64(s.MaxLog)
	c.Topics = []kafka.Topic{
		{Name: event.TopicEvents, Partitions: s.Partitions, Consumers: []string{s.projectorConfig().Group}},
		{Name: event.TopicOutcomes, Partitions: 1},
	}
	return c
}

func (s Settings) engineConfig() clickhouse.Config {
	c := clickhouse.DefaultConfig()
	c.Path = filepath.Join(s.Data, "engine")
	c.Library = s.Libchdb
	c.MemoryLimit = int64(s.EngineMemory)
	return c
}

// sqlLimits take the statements' turns among all reads of people.
func (s Settings) sqlLimits(reads *store.Store) (clickhouse.Limits, error) {
	l := clickhouse.DefaultLimits()
	secrets, err := readsql.Secrets()
	if err != nil {
		return l, fmt.Errorf("what readers may not read: %w", err)
	}
	l.Secrets = secrets
	l.MaxExecutionTime = s.SQL.Timeout
	l.MaxMemory = int64(s.SQL.Memory)
	l.MaxResultRows = s.SQL.Rows
	l.Concurrent = max(1, min(s.SQL.Queries, s.Store.MaxReads/2))
	l.Turns = reads.Share("sql", l.Concurrent)
	return l, nil
}

func (s Settings) gateConfig(limits readsql.Limits) readsql.Config {
	c := readsql.DefaultConfig()
	c.Database = s.Store.Database
	c.URL = string(s.SQL.Clickhouse)
	c.Limits = limits
	c.Limits.MaxResultBytes = int64(s.SQL.ResultBytes)
	c.StatementsPerMinute, c.BusyPerMinute = s.SQL.PerMinute, s.SQL.BusyPerMinute
	return c
}

func (s Settings) intakeConfig() (intake.Config, error) {
	c := intake.DefaultConfig()
	c.Databases = s.Databases
	c.NewDatabases = s.NewDatabases
	c.Token = string(s.AuthToken)
	if s.TokensFile != "" {
		var err error
		if c.Tokens, err = auth.Load(s.TokensFile); err != nil {
			return c, err
		}
	}
	c.RequireToken = s.Intake.RequireToken
	c.BodyLimit = int64(s.Intake.BodyLimit)
	c.InFlightLimit = int64(s.Intake.InFlightLimit)
	c.WaitTimeout = s.Intake.Wait
	c.ResultsWait = s.Intake.ResultsWait
	return c, nil
}

func (s Settings) doorConfig() auth.DoorConfig {
	c := auth.DefaultDoorConfig()
	c.Key = []byte(s.SessionKey)
	c.Lifetime = s.SessionTime
	c.AnonymousReads = s.Anonymous
	return c
}

func (s Settings) projectorConfig() projector.Config {
	c := projector.DefaultConfig()
	c.BatchRecords = s.Batch.Records
	c.BatchBytes = int(s.Batch.Bytes)
	c.BatchSamples = s.Batch.Samples
	return c
}

func (s Settings) detectorConfig() detector.Config {
	c := detector.DefaultConfig()
	c.Interval = s.Detector.Interval
	c.StepsPreset, c.StepsParams, c.Full.Every = s.Detector.Preset, s.Detector.Params, s.Detector.Full
	c.StepsIn = lo.Without(s.Detector.Steps, "none")
	c.LNT.In = s.Detector.LNT
	return c
}

func (s Settings) notifierConfig() notifier.Config {
	c := notifier.DefaultConfig()
	n := s.Notifier
	c.Interval, c.Timeout, c.Concurrency = n.Interval, n.Timeout, n.Concurrency
	c.Attempts, c.RetryMin, c.RetryMax = n.Attempts, n.RetryMin, n.RetryMax
	c.KeyFile = lo.CoalesceOrEmpty(n.KeyFile, filepath.Join(s.Data, "notifier.key"))
	c.Key = string(n.Key)
	c.PublicURL, c.PrivateAddresses = n.PublicURL, n.PrivateAddresses
	c.SMTP = notifier.SMTP{Address: n.SMTPAddress, From: n.SMTPFrom, Username: n.SMTPUsername, Password: string(n.SMTPPassword), TLS: n.SMTPTLS}
	return c
}

func (s Settings) watcherConfig() watcher.Config {
	c := watcher.DefaultConfig()
	c.Interval, c.Floor, c.Retired, c.Share = s.Watcher.Interval, s.Watcher.Floor, s.Watcher.Retired, s.Watcher.Share
	return c
}

func (s Settings) apiConfig() api.Config {
	c := api.DefaultConfig()
	c.Databases = s.Databases
	c.SQLToken = s.SQL.Token
	return c
}

func (s Settings) webConfig() web.Config {
	c := web.DefaultConfig()
	c.Databases = s.Databases
	return c
}
