package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// healthWait is the longest a process may take to say how it is.
const healthWait = 3 * time.Second

type healthCmd struct {
	Address string `arg:"" optional:"" help:"Where the process has its metrics and health, as its --admin-listen." default:"127.0.0.1:8081"`
}

// Run asks a running process whether it is ready, for whoever restarts it: an image without a shell has no other way.
func (c *healthCmd) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Address+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	text := strings.TrimSpace(string(said))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", strings.ReplaceAll(text, "\n", "; "))
	}
	fmt.Println(text)
	return nil
}
