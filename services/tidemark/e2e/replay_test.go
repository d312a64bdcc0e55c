package e2e

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/pkg/embedded/clickhouse"
	"tidemark/pkg/store"
)

// behind runs statements on a stopped server's tables, as no command does.
func behind(t *testing.T, data string, statements ...string) {
	t.Helper()
	cfg := clickhouse.DefaultConfig()
	cfg.Path = filepath.Join(data, "engine")
	engine, err := clickhouse.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	}()
	storeConfig := store.DefaultConfig()
	storeConfig.Dial = engine.Dial
	s, err := store.New(storeConfig)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is pending
	for _, text := range statements {
		if err := s.Exec(context.WithoutCancel(t.Context()), text+" SETTINGS mutations_sync = 1", nil); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

func (c command) says(t *testing.T, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(c.stdout, w) {
			t.Errorf("stdout does not say %q:\n%s", w, c.stdout)
		}
	}
}

// Promise 6, by the program: damage is found and named, and repaired from the ledger.
func TestReplayAndVerify_DamagedTables_AreFoundNamedAndRepaired(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, data)
	for _, order := range []string{"1", "2", "3"} {
		s.submit(t, reportOf("m", order))
	}
	const values = "SELECT arrayStringConcat(groupArray(toString(value)), ' ') FROM (SELECT value FROM v_samples ORDER BY ALL)"
	before := s.scalar(t, values)
	on := func(args ...string) command { return run(t, nil, nil, append(args, "--data", data)...) }

	on("replay").want(t, 1, "is in use by another tidemark", "stop that one first")
	on("verify").want(t, 2, "is in use by another tidemark")
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	equal := on("verify")
	equal.want(t, 0)
	equal.says(t, "replayed 3 events", "ledger", "samples", "equal")
	if strings.Contains(equal.stdout, "DIFFERENT") {
		t.Errorf("verify of whole tables says\n%s", equal.stdout)
	}

	behind(t, data, "ALTER TABLE tidemark.samples UPDATE value = 7 WHERE order_id = 2", "ALTER TABLE tidemark.runs DELETE WHERE run_id = 3")
	different := on("verify")
	different.want(t, 1)
	different.says(t, "samples of default/nts: ", "; first difference: machine_id 1, metric ", "order_id 2", `value in tidemark "7", in tidemark_verify "`,
		"runs of default/nts: 2 rows in tidemark, 3 in tidemark_verify; first difference: run_id 3: missing in tidemark\n")

	plan := on("replay", "--swap", "--dry-run")
	plan.want(t, 0)
	plan.says(t, "would replay events 1 to 3 of default/nts into tidemark_replay", "would run EXCHANGE TABLES tidemark.`samples` AND tidemark_replay.`samples`")
	on("verify", "--against", "tidemark_replay").want(t, 2, "tidemark_replay")
	swapped := on("replay", "--swap")
	swapped.want(t, 0)
	swapped.says(t, "replayed 3 events", "swapped findings, machines, orders", "the old ones are in tidemark_replay", "tidemark replay --drop --into tidemark_replay")
	on("verify").want(t, 0)
	on("replay").want(t, 1, "holds the tables that a swap has replaced")

	again := start(t, data)
	if after := again.scalar(t, values); after != before {
		t.Errorf("values are %q, were %q", after, before)
	}
	again.submit(t, reportOf("m", "4"))
	if n := again.runs(t); n != "4" {
		t.Errorf("%s runs, want 4", n)
	}
	if err := again.end(); err != nil {
		t.Fatal(err)
	}
	on("verify").want(t, 0)
	on("replay", "--drop").want(t, 0)
	on("verify").want(t, 0)
	on("replay", "--drop", "--into", "tidemark").want(t, 1, "is the live database")
	run(t, nil, nil, "replay", "--data", t.TempDir()).want(t, 1, "no embedded engine in")
}
