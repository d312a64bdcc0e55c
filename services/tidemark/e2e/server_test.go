package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a running `tidemark up`.
type server struct {
	url, sql, admin string // roots, without the slash at the end
	database        string
	seq, id         string // of the last answer that told them
	data            string
	process         *process
}

// process is the operating system's side of a server.
type process struct {
	cmd    *exec.Cmd
	stderr *tail
	ended  chan struct{} // closed once the process is gone
}

// patience is how long a start, a stop or a submission may take on a busy machine.
const patience = 2 * time.Minute

// readyPart is one address in the line that says that a process is ready.
var readyPart = regexp.MustCompile(`(pages and REST|SQL|admin|engine|broker) (\S+?)/?(?: |$)`)

// start starts a server on free ports and ends it with the test.
func start(t *testing.T, data string, args ...string) *server {
	t.Helper()
	s, err := launch(data, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.process.kill()
		if t.Failed() {
			t.Logf("the server's last words:\n%s", s.process.stderr)
		}
	})
	return s
}

// spawn starts a server on free ports and returns at once.
func spawn(data string, args ...string) (*process, *watcher, error) {
	return begin(append([]string{
		"up", "--data", data, "--listen", "127.0.0.1:0", "--sql-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
		"--intake-wait", patience.String(), "--store-max-wait", patience.String(),
	}, args...)...)
}

// begin starts the program and returns at once.
func begin(args ...string) (*process, *watcher, error) { return beginWith(nil, args...) }

// beginWith is begin with variables of the environment.
func beginWith(environment []string, args ...string) (*process, *watcher, error) {
	p := &process{cmd: exec.Command(binary, args...), stderr: &tail{}, ended: make(chan struct{})} //nolint:noctx // outlives the test that starts it; see end
	said := &watcher{lines: make(chan string, 16)}
	p.cmd.Stdout, p.cmd.Stderr = said, p.stderr
	p.cmd.Env = append(cleanEnvironment(), environment...)
	p.cmd.SysProcAttr = diesWithUs()
	if err := p.cmd.Start(); err != nil {
		return nil, nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	return p, said, nil
}

// launch starts a server on free ports and returns when it is ready.
func launch(data string, args ...string) (*server, error) {
	p, said, err := spawn(data, args...)
	if err != nil {
		return nil, err
	}
	at, err := p.ready(said)
	if err != nil {
		return nil, err
	}
	return &server{url: at["pages and REST"], sql: at["SQL"], admin: at["admin"], database: "default", data: data, process: p}, nil
}

// ready waits for the line that says that the process is ready, and gives its addresses.
func (p *process) ready(said *watcher) (map[string]string, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case line := <-said.lines:
		rest, ok := strings.CutPrefix(line, "tidemark is ready:")
		if !ok {
			p.kill()
			return nil, fmt.Errorf("first line is %q", line)
		}
		at := map[string]string{}
		for _, m := range readyPart.FindAllStringSubmatch(rest, -1) {
			at[m[1]] = m[2]
		}
		return at, nil
	case <-p.ended:
		return nil, fmt.Errorf("ended with %d before it was ready:\n%s", p.cmd.ProcessState.ExitCode(), p.stderr)
	case <-late.C:
		p.kill()
		return nil, fmt.Errorf("not ready after %s:\n%s", patience, p.stderr)
	}
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// terminate sends SIGTERM and does not wait.
func (s *server) terminate() error { return s.process.cmd.Process.Signal(syscall.SIGTERM) }

// end stops the server as an operator does, and says how it went.
func (s *server) end() error {
	if err := s.terminate(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return s.wait()
}

// wait returns once the process has ended; any exit code but 0 is an error.
func (s *server) wait() error {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-s.process.ended:
	case <-late.C:
		s.process.kill()
		return fmt.Errorf("still there %s after SIGTERM:\n%s", patience, s.process.stderr)
	}
	if code := s.process.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("exit code %d:\n%s", code, s.process.stderr)
	}
	return nil
}

// watcher passes on whole lines.
type watcher struct {
	partial string
	lines   chan string
}

func (w *watcher) Write(p []byte) (int, error) {
	w.partial += string(p)
	for {
		line, rest, whole := strings.Cut(w.partial, "\n")
		if !whole {
			return len(p), nil
		}
		w.partial = rest
		select {
		case w.lines <- line:
		default: // nobody reads beyond the first
		}
	}
}

// tail keeps the end of what was written.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 256 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text = append(t.text, p...); len(t.text) > 2*tailBytes {
		t.text = append([]byte(nil), t.text[len(t.text)-tailBytes:]...)
	}
	return len(p), nil
}

// String leaves out the lines of requests.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var kept []string
	for line := range strings.Lines(string(t.text)) {
		if !strings.Contains(line, `msg="request answered"`) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[max(0, len(kept)-60):], "")
}

// has says whether the end of the log holds the words.
func (t *tail) has(words string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Contains(string(t.text), words)
}
