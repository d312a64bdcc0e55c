package e2e

import (
	"net/http"
	"strings"
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
}

func TestServers_WithoutAPassword_AreRefused(t *testing.T) {
	t.Parallel()
	run(t, nil, nil, "servers", "--data", t.TempDir(), "--kafka-listen", "127.0.0.1:0", "--clickhouse-listen", "127.0.0.1:0").
		want(t, 2, "clickhouse_password")
	run(t, nil, nil, "servers", "--data", t.TempDir()).want(t, 1, "clickhouse_listen and kafka_listen")
}
