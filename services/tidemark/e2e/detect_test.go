package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stepped is a CSV of two series with two samples per order and gaps between orders, backwards: "up, quoted" goes from about
// 100 to about 120 with its 31st order, "flat" stays.
func stepped() []byte {
	var b strings.Builder
	b.WriteString("value,series,order\n")
	for i := 59; i >= 0; i-- {
		level := 100.0
		if i >= 30 {
			level = 120
		}
		wobble := float64(i*7%5) / 5
		fmt.Fprintf(&b, "%v,\"up, quoted\",%d\n%v,flat,%d\n%v,\"up, quoted\",%d\n", level+wobble, i*10-50, 5+wobble/100, i, level-wobble, i*10-50)
	}
	return []byte(b.String())
}

// detectIn runs the command with a temporary folder of its own, which must be empty at the end.
func detectIn(t *testing.T, stdin []byte, args ...string) command {
	t.Helper()
	temporary := t.TempDir()
	got := run(t, stdin, []string{"TMPDIR=" + temporary}, append([]string{"detect"}, args...)...)
	left, err := os.ReadDir(temporary)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return got
}

func TestDetectCommand_StepInACSV_IsPrintedInEveryFormat(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "in.csv")
	if err := os.WriteFile(file, stepped(), 0o600); err != nil {
		t.Fatal(err)
	}
	got := detectIn(t, nil, "--detector", "perfherder", "--format", "csv", file)
	got.want(t, 0)
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "series,order,index,direction,before,after,effect,p_value") {
		t.Fatalf("csv:\n%s", got.stdout)
	}
	if !strings.HasPrefix(lines[1], `"up, quoted",250,30,up,100,120,0.2,1,`) {
		t.Errorf("csv row %s", lines[1])
	}
	got = detectIn(t, stepped(), "--detector", "perfherder", "--format", "json", "-")
	got.want(t, 0)
	var rows []struct {
		Series    string
		Order     int64
		Index     int
		Direction string
		Effect    float64
		PValue    *float64 `json:"p_value"`
		Checks    []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(got.stdout), &rows); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	if len(rows) != 1 || rows[0].Series != "up, quoted" || rows[0].Order != 250 || rows[0].Index != 30 || rows[0].PValue == nil || len(rows[0].Checks) == 0 {
		t.Errorf("json %+v", rows)
	}
	got = detectIn(t, stepped(), "--detector", "perfherder", "--format", "table", "-")
	got.want(t, 0)
	if !strings.Contains(got.stdout, "SERIES") || !strings.Contains(got.stdout, "1 changes in 2 series") {
		t.Errorf("table:\n%s", got.stdout)
	}
}

func TestDetectCommand_EveryDetector_FindsAStepThatNobodyMisses(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-"}, {"--detector", "otava", "-"}, {"--detector", "stepfit", "-"}, {"--detector", "threshold", "-"}} {
		got := detectIn(t, stepped(), args...)
		got.want(t, 0)
		lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[1], `"up, quoted",250,30,up,100,120`) {
			t.Errorf("%v:\n%s", args, got.stdout)
		}
	}
}

func TestDetectCommand_Parameters_ChangeTheAnswer(t *testing.T) {
	t.Parallel()
	got := detectIn(t, stepped(), "--detector", "perfherder", "--param", "min_pct=20.1", "--param", "t=3", "-")
	got.want(t, 0)
	if strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("a change of 20 %% passed 20.1 %%:\n%s", got.stdout)
	}
	got = detectIn(t, stepped(), "--detector", "threshold", "--preset", "budget", "--param", "upper=110", "--param", "hold=30", "--explain", "-")
	got.want(t, 0)
	if strings.Count(got.stdout, "\n") != 121 || !strings.Contains(got.stdout, ",held,held stopped 29 30;") {
		t.Errorf("explained:\n%.600s", got.stdout)
	}
}

func TestDetectCommand_NothingButAHeader_FindsNothing(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"csv": "series,order,index,direction,", "json": "[]\n", "table": "0 changes in 0 series"} {
		got := detectIn(t, []byte("series,order,value\n"), "--detector", "perfherder", "--format", format, "-")
		got.want(t, 0)
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%s: %q", format, got.stdout)
		}
	}
}

func TestDetectCommand_WhatCannotBeJudged_IsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	good := string(stepped())
	for name, c := range map[string]struct {
		stdin string
		args  []string
		want  []string
	}{
		"bad line":          {good + "fast,flat,99\n", []string{"--detector", "perfherder", "-"}, []string{"standard input", "line 182", `"fast"`, "nothing was judged"}},
		"no header":         {"1,2,3\n", []string{"--detector", "perfherder", "-"}, []string{"line 1", "no column series"}},
		"empty":             {"", []string{"--detector", "perfherder", "-"}, []string{"line 1", "no header"}},
		"unknown detector":  {good, []string{"--detector", "crystal", "-"}, []string{`"crystal"`, "perfherder"}},
		"unknown parameter": {good, []string{"--detector", "perfherder", "--param", "tt=1", "-"}, []string{`"tt"`, "back_min"}},
		"out of range":      {good, []string{"--detector", "perfherder", "--param", "t=1001", "-"}, []string{"t=1001", "[0, 1000]"}},
		"not together":      {good, []string{"--detector", "perfherder", "--param", "back_min=30", "-"}, []string{"back_min=30", "back_max=24"}},
		"unknown preset":    {good, []string{"--detector", "perfherder", "--preset", "best", "-"}, []string{`"best"`}},
		"unknown format":    {good, []string{"--detector", "perfherder", "--format", "xml", "-"}, []string{"xml"}},
		"no file":           {"", []string{"--detector", "perfherder", "/nowhere/at/all.csv"}, []string{"/nowhere/at/all.csv"}},
		"no argument":       {"", []string{"--detector", "perfherder"}, []string{"a CSV is needed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := detectIn(t, []byte(c.stdin), c.args...)
			got.want(t, 2, c.want...)
			if got.stdout != "" {
				t.Errorf("judged all the same: %s", got.stdout)
			}
		})
	}
}

func TestDetectCommand_List_ShowsDetectorsWithTheirParameters(t *testing.T) {
	t.Parallel()
	got := detectIn(t, nil, "--list")
	got.want(t, 0)
	for _, part := range []string{"perfherder (version 1)", "back_max", "[1, 200]", "threshold", "--preset budget"} {
		if !strings.Contains(got.stdout, part) {
			t.Errorf("%q is not in:\n%s", part, got.stdout)
		}
	}
}

func TestDetectCommand_ReaderOfTheAnswerHasGone_LeavesNothingBehind(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	defer writer.Close() //nolint:errcheck // nobody reads it
	cmd := exec.CommandContext(t.Context(), binary, "detect", "--detector", "threshold", "-")
	cmd.Env = append(cleanEnvironment(), "TMPDIR="+temporary)
	cmd.Stdin, cmd.Stdout = bytes.NewReader(stepped()), writer
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
