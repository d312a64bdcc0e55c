package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// product is a running tidemark.
type product struct {
	b          *testing.B
	cmd        *exec.Cmd
	data       string
	http, sql  string
	admin      string
	client     *http.Client
	startedFor time.Duration
}

var listeners = regexp.MustCompile(`REST (\S+) SQL (\S+) admin (\S+)`)

// start runs bin/tidemark on data and waits for its ready line.
func start(b *testing.B, data string, args ...string) *product {
	b.Helper()
	pace(b, "before")
	bin, err := filepath.Abs("../../../bin/tidemark")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		b.Fatalf("build first (make bench does): %v", err)
	}
	p := &product{b: b, data: data, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}}}
	args = append([]string{
		"up", "--data", data, "--listen", "127.0.0.1:0", "--sql-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-level", "warn",
	}, args...)
	// The process outlives no benchmark: stop ends it by its own pid.
	p.cmd = exec.CommandContext(context.WithoutCancel(b.Context()), bin, args...)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		p.stop()
		pace(b, "after")
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	p.startedFor = time.Since(began)
	m := listeners.FindStringSubmatch(line)
	if m == nil {
		b.Fatalf("no ready line: %q, %v", line, err)
	}
	p.http, p.sql, p.admin = m[1], m[2], m[3]
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return p
}

func (p *product) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// submit posts a report and returns how long the answer took.
func (p *product) submit(body []byte, async bool) (time.Duration, error) {
	form := []byte("merge=append&input_data=" + url.QueryEscape(string(body)))
	return p.post("db_default/v4/nts/submitRun", "application/x-www-form-urlencoded", form, async)
}

// submitRaw posts a report as it is: what the measurements of the server use.
func (p *product) submitRaw(body []byte, async bool) (time.Duration, error) {
	return p.post("db_default/v4/nts/submitRun?merge=append", "application/json", body, async)
}

func (p *product) post(path, media string, body []byte, async bool) (time.Duration, error) {
	req, err := http.NewRequestWithContext(p.b.Context(), http.MethodPost, p.http+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", media)
	if async {
		req.Header.Set("Prefer", "respond-async")
	}
	began := time.Now()
	res, err := p.client.Do(req)
	if err != nil {
		return 0, err
	}
	answer, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	took := time.Since(began)
	if want := map[bool]int{true: 202, false: 200}[async]; err == nil && res.StatusCode != want {
		err = fmt.Errorf("status %d: %.200s", res.StatusCode, answer)
	}
	return took, err
}

// number asks SQL for one number.
func (p *product) number(statement string) float64 {
	p.b.Helper()
	res, err := p.client.Post(p.sql, "text/plain", strings.NewReader(statement)) //nolint:noctx // bounded by the server
	if err != nil {
		p.b.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	n, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	if err != nil {
		p.b.Fatalf("%s: %s", statement, text)
	}
	return n
}

// waitRuns polls until that many runs are readable.
func (p *product) waitRuns(n int) {
	p.b.Helper()
	deadline := time.Now().Add(10 * time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if p.number("SELECT count() FROM tidemark.v_runs") >= float64(n) {
			return
		}
		if time.Now().After(deadline) {
			p.b.Fatalf("%d runs were not readable in time", n)
		}
	}
}

// waitQuiet polls until the detector has seen everything and no merge is under
// way: what is measured after it is the weight of history, not of its arrival.
func (p *product) waitQuiet() {
	p.b.Helper()
	const behind = `SELECT
		(SELECT count() FROM tidemark.v_positions AS p LEFT JOIN
			(SELECT database, suite, max(to_seq) AS seen FROM tidemark.v_job_runs WHERE error = '' GROUP BY database, suite) AS j
			ON j.database = p.database AND j.suite = p.suite WHERE p.data_seq > j.seen)
		+ (SELECT value FROM system.metrics WHERE metric = 'Merge')`
	deadline := time.Now().Add(10 * time.Minute)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if p.number(behind) == 0 {
			return
		}
		if time.Now().After(deadline) {
			p.b.Fatal("merges or detection did not come to rest in time")
		}
	}
}

// residentMB is the process's resident memory now and at its highest.
func (p *product) residentMB() (now, peak float64) {
	p.b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.b.Fatal(err)
	}
	field := func(name string) float64 {
		m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(text)
		kb, _ := strconv.ParseFloat(string(m[1]), 64)
		return kb / 1024
	}
	return field("VmRSS"), field("VmHWM")
}
