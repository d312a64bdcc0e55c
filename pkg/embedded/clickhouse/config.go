package clickhouse

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
)

// Config says where the engine lives and how much it may use.
type Config struct {
	Path           string       // data folder, made when missing; one process at a time
	Library        string       // libchdb; empty: FindLibrary
	MaxConnections int          // statements at once through Dial; more wait their turn
	MemoryLimit    int64        // bytes for all statements together; 0: the engine's own limit, 90% of memory
	Logger         *slog.Logger // nil: nothing is logged
}

// DefaultConfig has no Path; the caller sets it. MaxConnections is above clickhouse-go's
// default of ten open connections, so a goroutine that holds rows can ask another question.
func DefaultConfig() Config {
	return Config{MaxConnections: 16}
}

// Validate reports every problem at once.
func (c Config) Validate() error {
	var problems []error
	if c.Path == "" {
		problems = append(problems, errors.New("path: a data folder is needed"))
	}
	if c.MaxConnections < 0 {
		problems = append(problems, fmt.Errorf("max_connections: %d is negative", c.MaxConnections))
	}
	if c.MemoryLimit < 0 {
		problems = append(problems, fmt.Errorf("memory_limit: %d is negative", c.MemoryLimit))
	}
	return errors.Join(problems...)
}

func (c Config) withDefaults() (Config, error) {
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return c, fmt.Errorf("path %s: %w", c.Path, err)
	}
	c.Path = path
	if c.MaxConnections == 0 {
		c.MaxConnections = DefaultConfig().MaxConnections
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
