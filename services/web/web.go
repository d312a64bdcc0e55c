package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tidemark/pkg/auth"
	"tidemark/pkg/config"
	"tidemark/pkg/httpx"
	"tidemark/pkg/readsql"
	"tidemark/pkg/store"
	"tidemark/sql"
)

// Deps are what the pages need.
type Deps struct {
	// Store answers the queries.
	Store *store.Store
	Log   *slog.Logger
	// Now tells how long ago something was.
	Now func() time.Time
	// Version is shown at the foot of every page.
	Version string
	// Door lets people sign in; nil means that nobody can.
	Door *auth.Door
	// SQL answers what people ask in SQL; nil where nobody does.
	SQL Asker
	// Settings are those of this process, secrets hidden, for the admin's page.
	Settings []config.Setting
	// Metrics are this process's, for the same page; nil shows none.
	Metrics prometheus.Gatherer
	// Keep keeps pages until the data move; nil keeps none.
	Keep *httpx.Keeper
}

// Asker answers questions in SQL for a request's sender, by the rules of POST /api/v5/sql. Errors that people can mend are
// [*openapi.Error].
type Asker interface {
	AskSQL(c *fiber.Ctx, asked readsql.Question) (*readsql.Answer, error)
	SQLViews(c *fiber.Ctx) ([]readsql.View, error)
}

// Service serves the pages.
type Service struct {
	cfg      Config
	store    *store.Store
	log      *slog.Logger
	now      func() time.Time
	version  string
	door     *auth.Door
	sql      Asker
	settings []config.Setting
	metrics  prometheus.Gatherer
	keep     *httpx.Keeper
	assets   *assets
	// orderBook and named are filled as they are read.
	orderBook *lru.Cache[nameKey, chartOrderRow]
	named     *lru.Cache[nameKey, string]
	templates map[string]*template.Template
}

// New checks and remembers; it opens nothing. It logs a warning when the binary
// was built without the chart library.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Store == nil || deps.Log == nil || deps.Now == nil {
		return nil, errors.New("web: store, log and clock are needed")
	}
	found, err := loadAssets(embedded)
	if err != nil {
		return nil, err
	}
	pages, err := parseTemplates(found)
	if err != nil {
		return nil, err
	}
	if !found.HasChart() {
		deps.Log.Warn("chart library missing", "path", chartScript, "effect", "charts show a message and their table",
			"remedy", "run services/web/fetch-assets.sh and build again")
	}
	orderBook, err := lru.New[nameKey, chartOrderRow](keptOrders)
	if err != nil {
		return nil, fmt.Errorf("memory for orders: %w", err)
	}
	named, err := lru.New[nameKey, string](keptNames)
	if err != nil {
		return nil, fmt.Errorf("memory for names: %w", err)
	}
	return &Service{
		cfg: cfg, store: deps.Store, log: deps.Log, now: deps.Now, version: deps.Version, door: deps.Door,
		sql: deps.SQL, settings: deps.Settings, metrics: deps.Metrics, keep: deps.Keep,
		assets: found, templates: pages, orderBook: orderBook, named: named,
	}, nil
}

// list runs one of the page queries.
func list[T any](ctx context.Context, s *Service, name string, p store.Params) ([]T, error) {
	q, err := sql.Query(name)
	if err != nil {
		return nil, err
	}
	return store.Select[T](ctx, s.store, q, p)
}

// each hands the scanner of every row of a page query to row: for many rows, which list is slow for.
func (s *Service) each(ctx context.Context, name string, p store.Params, row func(scan func(...any) error) error) error {
	q, err := sql.Query(name)
	if err != nil {
		return err
	}
	return s.store.Each(ctx, q, p, row)
}

// one is list for a query that has one row or none.
func one[T any](ctx context.Context, s *Service, name string, p store.Params) (row T, found bool, err error) {
	rows, err := list[T](ctx, s, name, p)
	if err != nil || len(rows) == 0 {
		return row, false, err
	}
	if len(rows) > 1 {
		return row, false, fmt.Errorf("query %s: %d rows, want one", name, len(rows))
	}
	return rows[0], true, nil
}
