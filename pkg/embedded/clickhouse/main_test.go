package clickhouse_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"tidemark/pkg/embedded/clickhouse"
)

// engine is the one of this process; every test has a database of its own in it.
var engine *clickhouse.Engine

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tidemark-engine-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cfg := clickhouse.DefaultConfig()
	cfg.Path = dir
	if engine, err = clickhouse.New(cfg); err == nil {
		err = engine.Open(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := engine.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
