package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The built program and what all tests use together.
var (
	binary     string
	sharedOnce = sync.OnceValues(launchShared)
	sharedDir  string
	databases  atomic.Int64
)

// builtVersion is what the build is told to be.
const builtVersion = "v0.0.0-e2e"

// token is what REST writes on the servers of these tests must carry.
const token = "a-token-of-tests"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tidemark-e2e-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	binary, sharedDir = filepath.Join(dir, "tidemark"), filepath.Join(dir, "shared")
	build := exec.CommandContext(context.Background(), "go", "build", "-ldflags", "-X main.version="+builtVersion, "-o", binary, "tidemark/services/tidemark")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build: %v\n%s", err, out))
	}
	m.Run() // its code is the process's, once this returns
	if databases.Load() > 0 {
		if s, err := sharedOnce(); err == nil {
			_ = s.end()
		}
	}
}

// maxDatabases is how many tests can have a database of their own on the shared server.
const maxDatabases = 40

func launchShared() (*server, error) {
	names := []string{"default"}
	for i := range maxDatabases {
		names = append(names, fmt.Sprintf("db%02d", i+1))
	}
	return launch(sharedDir, "--auth-token", token, "--databases", strings.Join(names, ","), "--intake-body-limit", "8MiB")
}

// shared is the shared server, seen from an empty database of the test's own.
func shared(t *testing.T) *server {
	t.Helper()
	n := databases.Add(1)
	if n > maxDatabases {
		t.Fatal("more tests than databases")
	}
	s, err := sharedOnce()
	if err != nil {
		t.Fatal(err)
	}
	own := *s
	own.database = fmt.Sprintf("db%02d", n)
	return &own
}

// command is a finished run of the program.
type command struct {
	code           int
	stdout, stderr string
}

// run runs the program to its end with no settings but those given.
func run(t *testing.T, stdin []byte, environment []string, args ...string) command {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(cleanEnvironment(), environment...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("%v did not end: %s", args, stderr.String())
	}
	if cmd.ProcessState == nil {
		t.Fatalf("%v did not start: %v", args, err)
	}
	return command{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// want checks the exit code and that stderr holds the words.
func (c command) want(t *testing.T, code int, words ...string) {
	t.Helper()
	if c.code != code {
		t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", c.code, code, c.stdout, c.stderr)
	}
	for _, w := range words {
		if !strings.Contains(c.stderr, w) {
			t.Errorf("stderr does not say %q:\n%s", w, c.stderr)
		}
	}
}

// cleanEnvironment is this process's without the program's settings; where the
// engine is stays.
func cleanEnvironment() []string {
	var out []string
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "TIDEMARK_") || name == "TIDEMARK_LIBCHDB" || name == "TIDEMARK_CACHE" {
			out = append(out, e)
		}
	}
	return out
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, within time.Duration, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}
