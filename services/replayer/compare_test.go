package replayer_test

import (
	"strings"
	"testing"

	"tidemark/services/replayer"
)

// tampering is a change to one table of the rebuilt database, and what verify has to say about it.
var tampering = []struct{ table, change, want string }{
	{"machines", "ALTER TABLE %.machines UPDATE name = 'other' WHERE database = 'db0' AND machine_id = 1", `machine_id 1: name in LIVE "`},
	{"orders", "ALTER TABLE %.orders UPDATE sort_key = 'x' WHERE database = 'db0' AND order_id = 2", "order_id 2: sort_key in LIVE "},
	{"tests", "ALTER TABLE %.tests DELETE WHERE database = 'db0' AND test_id = 1", "test_id 1: missing in REBUILT"},
	{"runs", "ALTER TABLE %.runs UPDATE sample_rows = 99, params = '{\"a\":1}' WHERE database = 'db0' AND run_id = 1", `run_id 1: params in LIVE "`},
	{"samples", "ALTER TABLE %.samples UPDATE value = value + 1e-9 WHERE database = 'db0' AND value = 0.5", `: value in LIVE "0.5", in REBUILT "0.500000001"`},
	{"sample_texts", "INSERT INTO %.sample_texts (database, suite, machine_id, metric) VALUES ('db0', 'nts', 1, 'a\\'b')", "machine_id 1, metric a'b, test_id 0, order_id 0, load_id 0, row 0: missing in LIVE"},
	{"superseded", "INSERT INTO %.superseded VALUES ('db0', 'nts', 4000000000, 1)", "load_id 4000000000: missing in LIVE"},
	{"suites", "ALTER TABLE %.suites UPDATE schema = '' WHERE database = 'db0'", `the row: schema in LIVE "{`},
	{"ledger", "ALTER TABLE %.ledger UPDATE body = 'forged' WHERE database = 'db0' AND seq = 3", `seq 3: body in LIVE "`},
}

func TestCompare_TamperedTable_IsNamedWithItsFirstRowAndBothVersions(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.some(0, 3)
	cfg := h.config()
	h.replay(cfg)
	h.wantEqual(cfg)
	for _, tt := range tampering {
		text := strings.ReplaceAll(tt.change, "%", h.into())
		if strings.HasPrefix(text, "INSERT") {
			if err := h.live.Exec(t.Context(), text, nil); err != nil {
				t.Fatal(err)
			}
			continue
		}
		h.exec(text)
	}
	c, err := h.open(cfg, nil).Compare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.Equal() {
		t.Fatal("tampered tables are called equal")
	}
	found := map[string]replayer.TableComparison{}
	for _, table := range c.Tables {
		found[table.Table] = table
	}
	for _, tt := range tampering {
		table := found[tt.table]
		if len(table.Suites) != 1 || table.Suites[0].Database != "db0" || table.Suites[0].Suite != "nts" {
			t.Errorf("%s differs in %+v, want in db0/nts", tt.table, table.Suites)
			continue
		}
		got := table.Suites[0].First.Text(cfg.Source, cfg.Into)
		got = strings.NewReplacer(cfg.Into, "REBUILT", cfg.Source, "LIVE").Replace(got)
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s\nwant %s", tt.table, got, tt.want)
		}
		delete(found, tt.table)
	}
	for name, table := range found {
		if len(table.Suites) > 0 {
			t.Errorf("%s differs, too: %+v", name, table.Suites)
		}
	}
}

func TestCompare_NoSuchDatabase_SaysSo(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.some(0, 1)
	if _, err := h.open(h.config(), nil).Compare(t.Context()); err == nil || !strings.Contains(err.Error(), h.into()) {
		t.Errorf("%v", err)
	}
}
