package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The built program, and the folder that goes with the test process.
var binary, folderOfAll string

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
	binary, folderOfAll = filepath.Join(dir, "tidemark"), dir
	build := exec.CommandContext(context.Background(), "go", "build", "-ldflags", "-X main.version="+builtVersion, "-o", binary, "tidemark/services/tidemark")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build: %v\n%s", err, out))
	}
	m.Run() // its code is the process's, once this returns
	for _, s := range all.servers {
		_ = s.end()
	}
}

// all are the servers that tests use together, each with a database for every
// test that asks.
var all struct {
	sync.Mutex
	servers []*server
	users   int
}

const databasesEach = 40

// shared is a shared server, seen from an empty database of the test's own.
func shared(t *testing.T) *server {
	t.Helper()
	all.Lock()
	defer all.Unlock()
	n := all.users % databasesEach
	if n == 0 {
		s, err := launchShared()
		if err != nil {
			t.Fatal(err)
		}
		all.servers = append(all.servers, s)
	}
	all.users++
	own := *all.servers[len(all.servers)-1]
	own.database = databaseName(n)
	return &own
}

func databaseName(n int) string { return fmt.Sprintf("db%02d", n+1) }

func launchShared() (*server, error) {
	names := []string{"default"}
	for n := range databasesEach {
		names = append(names, databaseName(n))
	}
	data := filepath.Join(folderOfAll, "shared", strconv.Itoa(len(all.servers)+1))
	return launch(data, "--auth-token", token, "--databases", strings.Join(names, ","), "--intake-body-limit", "8MiB")
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
// engine is stays. What killed processes leave goes with the folder of all.
func cleanEnvironment() []string {
	out := []string{"TMPDIR=" + folderOfAll}
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if name == "TMPDIR" {
			continue
		}
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
