package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// role starts one part of the product in a process of its own.
func role(t *testing.T, args ...string) (*process, map[string]string) {
	t.Helper()
	return roleWith(t, nil, args...)
}

// roleWith is role with variables of the environment.
func roleWith(t *testing.T, environment []string, args ...string) (*process, map[string]string) {
	t.Helper()
	p, said, err := beginWith(environment, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the last words of %s:\n%s", args[0], p.stderr)
		}
	})
	at, err := p.ready(said)
	if err != nil {
		t.Fatal(err)
	}
	return p, at
}

// Promise 1, for roles apart: what was answered with a receipt survives the loss of the process that was to store it.
func TestRoles_InProcessesOfTheirOwn_MeetOnTheServersAndSurviveEachOther(t *testing.T) {
	t.Parallel()
	const password = "a-password-of-tests"
	_, servers := role(t, "servers", "--data", t.TempDir(), "--sql-listen", "", "--admin-listen", "",
		"--kafka-listen", "127.0.0.1:0", "--clickhouse-listen", "127.0.0.1:0", "--clickhouse-password", password)
	shared := []string{
		"--admin-listen", "", "--listen", "127.0.0.1:0", "--kafka", servers["broker"],
		"--clickhouse", strings.Replace(servers["engine"], "://", "://default:"+password+"@", 1),
	}
	projector, _ := role(t, append([]string{"projector"}, shared...)...)
	_, in := role(t, append([]string{"intake", "--intake-wait", patience.String()}, shared...)...)
	_, reads := role(t, append([]string{"api", "--store-max-wait", patience.String()}, shared...)...)
	intake := &server{url: in["pages and REST"], database: "default"}
	api := &server{url: reads["pages and REST"], database: "default"}

	if run, _ := intake.submit(t, reportOf("m", "1")); run != 1 {
		t.Errorf("the first run is %d", run)
	}
	if runs := api.v4(t, "machines/m").list(t, "runs"); len(runs) != 1 {
		t.Errorf("%d runs are read", len(runs))
	}

	projector.kill()
	said := mustAsk(t, http.MethodPost, intake.submitURL(), reportOf("m", "2"), "Content-Type", "application/json", "Prefer", "respond-async")
	if said.code != http.StatusAccepted {
		t.Fatalf("without a projector: %d %s", said.code, said.text)
	}
	role(t, append([]string{"projector"}, shared...)...)
	if got := api.receipt(t, said.document(t).text(t, "event_id")); got["status"] != "accepted" {
		t.Errorf("the receipt says %v", got)
	}
	if runs := api.v4(t, "machines/m").list(t, "runs"); len(runs) != 2 {
		t.Errorf("%d runs are read after the takeover", len(runs))
	}
	crowd(t, servers["engine"], shared)
}

// crowd is a hundred readers of a process that may have three connections for them, and two of its own.
func crowd(t *testing.T, engine string, shared []string) {
	t.Helper()
	way := passage(t, strings.TrimSuffix(strings.TrimPrefix(engine, "http://"), "/"))
	through := slices.Clone(shared)
	for i, arg := range through {
		through[i] = strings.Replace(arg, way.to, way.Addr().String(), 1)
	}
	_, at := role(t, append([]string{"api", "--store-max-reads", "3", "--store-own-reads", "1", "--store-max-writes", "1", "--store-max-queued", "20"}, through...)...)
	var readers sync.WaitGroup
	var answered, shed atomic.Int64
	for i := range 100 {
		readers.Go(func() {
			for n := range 3 {
				page := at["pages and REST"] + "/" + []string{"db_default/v4/nts/graph/data?plot.0=1.1.2&n=", "db_default/v4/nts/1?n=", "api/db_default/v4/nts/machines/1?n="}[(i+n)%3] + strconv.Itoa(100*n+i)
				a, err := ask(t.Context(), http.MethodGet, page, nil, "Accept", "text/html")
				switch {
				case err == nil && a.code == http.StatusOK:
					answered.Add(1)
				case err == nil && a.code == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
					shed.Add(1)
				default:
					t.Errorf("%s: %v %d %s", page, err, a.code, a.text)
				}
			}
		})
	}
	readers.Wait()
	if most := way.most.Load(); most > 3+1+1 || most < 3 {
		t.Errorf("%d connections to the engine at once, want 3 for reads and at most 2 others", most)
	}
	if answered.Load() == 0 || shed.Load() == 0 {
		t.Errorf("%d answered and %d told to come back: want some of both", answered.Load(), shed.Load())
	}
}

// connections passes them on to another address and counts them.
type connections struct {
	net.Listener
	to        string
	now, most atomic.Int64
}

func passage(t *testing.T, to string) *connections {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &connections{Listener: ln, to: to}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			now := p.now.Add(1)
			for was := p.most.Load(); now > was && !p.most.CompareAndSwap(was, now); was = p.most.Load() {
			}
			go p.pass(from)
		}
	}()
	return p
}

func (p *connections) pass(from net.Conn) {
	defer from.Close()
	to, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.to)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(from, to)
		_ = from.Close()
	}()
	_, _ = io.Copy(to, from)
	p.now.Add(-1) // before the other side can know that it is closed
}

func TestServers_WithoutAPassword_AreRefused(t *testing.T) {
	t.Parallel()
	run(t, nil, nil, "servers", "--data", t.TempDir(), "--kafka-listen", "127.0.0.1:0", "--clickhouse-listen", "127.0.0.1:0").
		want(t, 2, "clickhouse_password")
	run(t, nil, nil, "servers", "--data", t.TempDir()).want(t, 1, "clickhouse_listen and kafka_listen")
}
