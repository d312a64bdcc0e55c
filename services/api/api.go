package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/openapi"
	"tidemark/pkg/readsql"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
)

// Deps are what the service works with.
type Deps struct {
	Store *store.Store
	Log   *slog.Logger
	// Serves says whether a database exists; nil means that Config.Databases decides.
	Serves func(ctx context.Context, database string) (bool, error)
	// Writes are the operations that another service answers on v5's addresses: the document tells of them, too.
	Writes []openapi.Operation
	// SQL answers people's own statements; nil answers none.
	SQL *readsql.Gate
	// Keep keeps answers until the data move; nil keeps none.
	Keep *httpx.Keeper
}

// Service answers reads.
type Service struct {
	cfg    Config
	read   reads
	log    *slog.Logger
	serves func(ctx context.Context, database string) (bool, error)
	writes []openapi.Operation
	sql    *readsql.Gate
	keep   *httpx.Keeper
}

// New checks the configuration and opens nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Store == nil || deps.Log == nil {
		return nil, errors.New("api: a store and a logger are needed")
	}
	return &Service{
		cfg: cfg, read: storeReads{deps.Store}, log: deps.Log, serves: deps.Serves, writes: deps.Writes, sql: deps.SQL, keep: deps.Keep,
	}, nil
}

// key names a suite: every read is within one.
type key struct{ database, suite string }

// errUnknownDatabase and errUnknownSuite say which part of an address leads nowhere.
var (
	errUnknownDatabase = errors.New("unknown database")
	errUnknownSuite    = errors.New("unknown suite")
)

// schema finds the schema of a suite: as events left it, else built in.
func (s *Service) schema(ctx context.Context, k key) (suite.Schema, error) {
	if err := s.findDatabase(ctx, k.database); err != nil {
		return suite.Schema{}, err
	}
	encoded, found, err := s.read.Schema(ctx, k)
	if err != nil {
		return suite.Schema{}, err
	}
	if found {
		schema, err := suite.Decode([]byte(encoded))
		if err != nil {
			return suite.Schema{}, fmt.Errorf("schema of %s/%s: %w", k.database, k.suite, err)
		}
		return schema, nil
	}
	if schema, ok := suite.BuiltIn(k.suite); ok {
		return schema, nil
	}
	return suite.Schema{}, errUnknownSuite
}

func (s *Service) findDatabase(ctx context.Context, name string) error {
	found := slices.Contains(s.cfg.Databases, name)
	if !found && s.serves != nil {
		var err error
		if found, err = s.serves(ctx, name); err != nil {
			return fmt.Errorf("find database: %w", err)
		}
	}
	if !found {
		return errUnknownDatabase
	}
	return nil
}

// limited is the context of one request's reads.
func (s *Service) limited(c *fiber.Ctx) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.UserContext(), s.cfg.QueryTimeout)
}

// overloaded says whether err means "not now": the pool is full or the time is up.
func overloaded(err error) bool {
	return errors.Is(err, store.ErrBusy) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
