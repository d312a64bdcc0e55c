package importer

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidemark/pkg/suite"
)

func TestImport_OverREST_AllRunsArriveInOrderAndEqual(t *testing.T) {
	t.Parallel()
	lnt, s := recordedLNT(t), newStandIn(t)
	out, err := into(t.Context(), t, s, func(c *Config) { c.URL = lnt.URL })
	if err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	if diff := cmp.Diff(s.orders(), ids(0, 7)); diff != "" {
		t.Errorf("orders of the runs in the order of arrival (-got +want):\n%s", diff)
	}
	mustSay(t, out, "default/odd: 8 runs of 8 imported now, 0 had been before, 0 refused", "8 runs on both sides, 8 compared value by value: the same")
	if got := s.schema.Metrics[1]; got.Name != "cycles" || !got.BiggerIsBetter {
		t.Errorf("metric 1 is %+v, want cycles with bigger is better", got)
	}
	for _, p := range s.params {
		if p != "ignore_regressions=1&merge=append&select_machine=split" {
			t.Errorf("a run was posted with %q", p)
		}
	}
}

func TestImport_Twice_NothingIsSentAgain(t *testing.T) {
	t.Parallel()
	lnt, s := recordedLNT(t), newStandIn(t)
	state := t.TempDir()
	use := func(c *Config) { c.URL, c.State = lnt.URL, state }
	if out, err := into(t.Context(), t, s, use); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	out, err := into(t.Context(), t, s, use)
	if err != nil {
		t.Fatalf("import again: %v\n%s", err, out)
	}
	mustSay(t, out, "0 runs of 8 imported now, 8 had been before")
	if len(s.events) != 8 {
		t.Errorf("%d events, want 8", len(s.events))
	}
}

func TestImport_StateIsLost_RunsCountOnce(t *testing.T) {
	t.Parallel()
	lnt, s := recordedLNT(t), newStandIn(t)
	for range 2 {
		if out, err := into(t.Context(), t, s, func(c *Config) { c.URL = lnt.URL }); err != nil {
			t.Fatalf("import: %v\n%s", err, out)
		}
	}
	if len(s.runs) != 8 {
		t.Errorf("%d runs, want 8", len(s.runs))
	}
}

func TestImport_Interrupted_GoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	lnt, s := recordedLNT(t), newStandIn(t)
	state := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.hold = func(n int) {
		if n == 4 {
			cancel()
		}
	}
	use := func(c *Config) { c.URL, c.State, c.Window = lnt.URL, state, 1 }
	if _, err := into(ctx, t, s, use); err == nil {
		t.Fatal("an import whose context ended says that it is complete")
	}
	s.hold = nil
	out, err := into(t.Context(), t, s, use)
	if err != nil {
		t.Fatalf("import again: %v\n%s", err, out)
	}
	if diff := cmp.Diff(s.orders(), ids(0, 7)); diff != "" {
		t.Errorf("orders of the runs (-got +want):\n%s", diff)
	}
}

func TestImport_ServerIsBusy_TriesAgain(t *testing.T) {
	t.Parallel()
	lnt, s := recordedLNT(t), newStandIn(t)
	s.fail = 2
	if out, err := into(t.Context(), t, s, func(c *Config) { c.URL = lnt.URL }); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	if len(s.runs) != 8 {
		t.Errorf("%d runs, want 8", len(s.runs))
	}
}

func TestImport_RefusedRun_IsNamedAndTriedAgainNextTime(t *testing.T) {
	t.Parallel()
	lnt, s := recordedLNT(t), newStandIn(t)
	state := t.TempDir()
	use := func(c *Config) { c.URL, c.State = lnt.URL, state }
	s.refuse = "3"
	out, err := into(t.Context(), t, s, use)
	different, ok := errors.AsType[*Different](err)
	if !ok {
		t.Fatalf("import: %v, want Different\n%s", err, out)
	}
	mustSay(t, different.Problems[0], "run 4: 400 no such luck")
	mustSay(t, strings.Join(different.Problems, "\n"), "machine m0 (1) has 3 runs at the source, 2 of them at the target; the first that is missing is run 4")
	s.refuse = ""
	if out, err = into(t.Context(), t, s, use); err != nil {
		t.Fatalf("import again: %v\n%s", err, out)
	}
	if len(s.runs) != 8 {
		t.Errorf("%d runs, want 8", len(s.runs))
	}
}

func TestImport_TargetHoldsOtherValues_FirstDifferenceIsNamed(t *testing.T) {
	t.Parallel()
	lnt, s := recordedLNT(t), newStandIn(t)
	s.lose = true
	out, err := into(t.Context(), t, s, func(c *Config) { c.URL = lnt.URL })
	different, ok := errors.AsType[*Different](err)
	if !ok {
		t.Fatalf("import: %v, want Different\n%s", err, out)
	}
	mustSay(t, different.Problems[0], `default/odd: run 1 (1 there): sample 0, test "t0": cycles is 1 there, want 0`)
}

func TestImport_WrongToken_StopsAndSaysSo(t *testing.T) {
	t.Parallel()
	lnt, s := recordedLNT(t), newStandIn(t)
	_, err := into(t.Context(), t, s, func(c *Config) { c.URL, c.Token = lnt.URL, "other" })
	if !isStatus(err, 401) {
		t.Errorf("error %v, want a 401", err)
	}
}

func TestImport_KeepIDs_IdsGoAheadOfTheRuns(t *testing.T) {
	t.Parallel()
	lnt, s := recordedLNT(t), newStandIn(t)
	out, err := into(t.Context(), t, s, func(c *Config) { c.URL, c.KeepIDs = lnt.URL, true })
	if err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	var seed struct {
		Machines []struct {
			ID     int
			Name   string
			Values map[string]any
		}
		Orders []struct {
			ID     int
			Values []string
		}
		Tests []struct{ Name string }
	}
	if len(s.seeds) != 1 || json.Unmarshal(s.seeds[0], &seed) != nil {
		t.Fatalf("%d seeds, want one", len(s.seeds))
	}
	if len(seed.Machines) != 3 || len(seed.Orders) != 8 || len(seed.Tests) != 5 {
		t.Errorf("seed has %d machines, %d orders, %d tests; want 3, 8, 5", len(seed.Machines), len(seed.Orders), len(seed.Tests))
	}
	if want := "keep_machine_id=1&keep_run_id=1&"; !strings.Contains(strings.Join(s.params, "\n"), want) {
		t.Errorf("runs were posted with %q, want %q", s.params, want)
	}
}

func TestImport_EmptySuiteWithOtherOrder_TakesTheSourcesAndKeepsItsOwn(t *testing.T) {
	t.Parallel()
	lnt, s := recordedLNT(t), newStandIn(t)
	s.schema = &suite.Schema{
		Name: "odd",
		Metrics: []suite.Metric{
			{Name: "own", Type: suite.Real}, {Name: "checksum", Type: suite.Hash}, {Name: "cycles", Type: suite.Real, DisplayName: "Cycles here"},
		},
		RunFields: []suite.Field{{Name: "llvm_project_revision", Order: true}},
	}
	out, err := into(t.Context(), t, s, func(c *Config) { c.URL = lnt.URL })
	if err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	want := &suite.Schema{
		Name: "odd",
		Metrics: []suite.Metric{
			{Name: "passed", Type: suite.Status}, {Name: "cycles", Type: suite.Real, DisplayName: "Cycles here"}, {Name: "checksum", Type: suite.Hash}, {Name: "own", Type: suite.Real},
		},
		RunFields:     []suite.Field{{Name: "llvm_project_revision", Order: true}, {Name: "git_sha"}},
		MachineFields: []suite.Field{{Name: "sdk"}},
	}
	if diff := cmp.Diff(s.schema, want); diff != "" {
		t.Errorf("schema (-got +want):\n%s", diff)
	}
	if strings.Contains(out, "other indexes") {
		t.Errorf("a field is said to have moved:\n%s", out)
	}
}

func TestImport_DryRun_SendsNothing(t *testing.T) {
	t.Parallel()
	lnt, s := recordedLNT(t), newStandIn(t)
	out, err := into(t.Context(), t, s, func(c *Config) { c.URL, c.DryRun = lnt.URL, true })
	if err != nil || s.defined > 0 || len(s.events) > 0 {
		t.Errorf("error %v, %d schemas, %d events; want none", err, s.defined, len(s.events))
	}
	mustSay(t, out, "would import 8 runs of 3 machines at 8 orders; 5 tests, 3 metrics")
}

func TestImport_Filters_ChooseRuns(t *testing.T) {
	t.Parallel()
	lnt := recordedLNT(t)
	for name, c := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"machine by name": {func(c *Config) { c.Machines = []string{"m1"} }, []string{"1", "4", "7"}},
		"machine by id":   {func(c *Config) { c.Machines = []string{"3"} }, []string{"2", "5"}},
		"since":           {func(c *Config) { c.Since = time.Date(2026, 1, 1, 0, 0, 5, 0, time.UTC) }, []string{"5", "6", "7"}},
		"limit":           {func(c *Config) { c.Limit = 2 }, []string{"0", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t)
			out, err := into(t.Context(), t, s, func(cfg *Config) { cfg.URL = lnt.URL; c.change(cfg) })
			if err != nil {
				t.Fatalf("import: %v\n%s", err, out)
			}
			if diff := cmp.Diff(s.orders(), c.want); diff != "" {
				t.Errorf("orders of the runs (-got +want):\n%s", diff)
			}
		})
	}
}

func TestJournal_LineCutOffByACrash_IsForgotten(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "x.runs")
	if err := os.WriteFile(name, []byte("# about\n1 10 2\n2 11 2\n3 refused 1 400 why not\n4 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(name, "about")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(j.stored, map[uint32]stored{1: {10, 2}, 2: {11, 2}}, cmp.AllowUnexported(stored{})); diff != "" {
		t.Errorf("stored (-got +want):\n%s", diff)
	}
	if j.refused[3] != 1 {
		t.Errorf("run 3 was refused %d times, want once", j.refused[3])
	}
	if err := errors.Join(j.write([]sent{{parcel: parcel{head: Head{ID: 4}}, outcome: &outcome{run: 12, machine: 2}}}), j.close()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if want := "3 refused 1 400 why not\n4 12 2\n"; !strings.HasSuffix(string(text), want) {
		t.Errorf("file ends %q, want %q", text, want)
	}
}

func TestConfig_EveryProblemIsNamed(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.To, cfg.KeepIDs, cfg.Profiles, cfg.Readers = "nowhere", true, "p", 0
	err := cfg.Validate()
	for _, part := range []string{"give either", "to:", "keep-ids:", "profiles:", "readers:"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v, want one about %s", err, part)
		}
	}
}

func TestLinked_LinksByName_AreAskedFor(t *testing.T) {
	t.Parallel()
	nts, _ := suite.BuiltIn("nts")
	compile, _ := suite.BuiltIn("compile")
	if !linked(nts) || linked(compile) {
		t.Errorf("nts %v, compile %v; want links in nts only", linked(nts), linked(compile))
	}
	nts.Metrics[0].Status = "execution_status"
	if linked(nts) {
		t.Error("a link that no file can express is asked for")
	}
}

func TestPicked_SomeOfMany_FirstAndLastAmongThem(t *testing.T) {
	t.Parallel()
	heads := make([]Head, 100)
	for i := range heads {
		heads[i].ID = uint32(i)
	}
	got := picked(heads, 4)
	if got := []uint32{got[0].ID, got[1].ID, got[2].ID, got[3].ID}; !slices.Equal(got, []uint32{0, 33, 66, 99}) {
		t.Errorf("picked %v", got)
	}
	if n := len(picked(heads, -1)); n != 100 {
		t.Errorf("picked %d of all", n)
	}
}

func FuzzJournal(f *testing.F) {
	f.Add("# about\n1 10 2\n3 refused 1 400 why not\n4 1")
	f.Add("1 refused\n-1 2 3\n99999999999 1 1\n1 1 x\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		j := &journal{stored: map[uint32]stored{}, refused: map[uint32]int{}}
		for line := range strings.Lines(text) {
			j.read(line)
		}
		j.read("7 refused 2 400 later stored\n")
		j.read("7 70 1\n")
		if j.stored[7] != (stored{70, 1}) || j.refused[7] != 0 {
			t.Errorf("run 7 is %+v and was refused %d times, want {70 1} and never", j.stored[7], j.refused[7])
		}
	})
}
