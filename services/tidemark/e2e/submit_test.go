package e2e

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// folder writes files into a folder of the test's own.
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSubmitCommand_FilesFoldersAndStdin_AreStoredOnceEach(t *testing.T) {
	t.Parallel()
	s := shared(t)
	dir := folder(t, map[string][]byte{
		"one.json": reportOf("m", "1"), "below/two.json.gz": compressed(t, "gzip", reportOf("m", "2")), "notes.txt": []byte("not a report"),
	})
	args := []string{"submit", "--url", s.url, "--database", s.database, "--suite", "nts", "-j", "2", dir, "-"}
	for range 2 { // again is the same
		got := run(t, reportOf("m", "3"), nil, args...)
		got.want(t, 0)
		lines := strings.Fields(got.stdout)
		slices.Sort(lines)
		var want []string
		for i := range 3 {
			want = append(want, s.url+"/db_"+s.database+"/v4/nts/"+strconv.Itoa(i+1))
		}
		if !slices.Equal(lines, want) {
			t.Errorf("printed %q, want %q", lines, want)
		}
	}
	if n := s.runs(t); n != "3" {
		t.Errorf("%s runs, want 3", n)
	}
}

func TestSubmitCommand_AddressFromEnvironment_AsyncAndWaiting_PrintsTheRun(t *testing.T) {
	t.Parallel()
	s := shared(t)
	environment := []string{"TIDEMARK_URL=" + s.submitURL()}
	got := run(t, reportOf("m", "1"), environment, "submit", "--async", "--wait", "--json", "-")
	got.want(t, 0)
	var result map[string]any
	if err := json.Unmarshal([]byte(got.stdout), &result); err != nil {
		t.Fatalf("%v: %s", err, got.stdout)
	}
	if result["status"] != "stored" || result["run_id"] != 1.0 || result["file"] != "-" {
		t.Errorf("result %v", result)
	}
	got = run(t, reportOf("m", "2"), environment, "submit", "--async", "-")
	got.want(t, 0)
	if r := receiptAt(t, strings.TrimSpace(got.stdout)); r["status"] != "accepted" {
		t.Errorf("receipt %v", r)
	}
}

func TestSubmitCommand_OneRefused_StoresTheOthersAndExitsWith1(t *testing.T) {
	t.Parallel()
	s := shared(t)
	dir := folder(t, map[string][]byte{"bad.json": []byte(`{"format_version": "2"}`), "good.json": reportOf("m", "1")})
	got := run(t, nil, nil, "submit", "--url", s.submitURL(), dir)
	got.want(t, 1, "bad.json: error: Invalid input format: No 'run' section in submission", "1 of 2 files were not stored: 1 refused, 0 not delivered")
	if n := s.runs(t); n != "1" || !strings.HasSuffix(strings.TrimSpace(got.stdout), "/nts/1") {
		t.Errorf("%s runs; printed %q", n, got.stdout)
	}
	got = run(t, reportOf("m", "1"), nil, "submit", "--url", s.submitURL(), "--merge", "reject", "--quiet", "-")
	got.want(t, 1, "Duplicate submission for '1'")
	if got.stdout != "" {
		t.Errorf("--quiet printed %q", got.stdout)
	}
}

func TestSubmitCommand_NobodyThere_ExitsWith2(t *testing.T) {
	t.Parallel()
	port, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := port.Addr().String()
	_ = port.Close()
	run(t, reportOf("m", "1"), nil, "submit", "--url", "http://"+address, "--retry-for", "1s", "-").want(t, 2, "no answer from "+address)
	run(t, nil, nil, "submit", "--url", "http://"+address, filepath.Join(t.TempDir(), "missing.json")).want(t, 2, "missing.json", "no such file")
}

func TestSubmitCommand_DryRun_SendsNothing(t *testing.T) {
	t.Parallel()
	s := shared(t)
	got := run(t, reportOf("m", "1"), nil, "submit", "--url", s.submitURL(), "--dry-run", "-")
	got.want(t, 0)
	if !strings.Contains(got.stdout, `machine "m", 2 tests, 3 values`) {
		t.Errorf("printed %q", got.stdout)
	}
	run(t, []byte("garbage"), nil, "submit", "--url", s.submitURL(), "--dry-run", "-").want(t, 1, "could not parse input format")
	if n := s.scalar(t, "SELECT count() FROM v_receipts WHERE database = '"+s.database+"'"); n != "0" {
		t.Errorf("%s receipts, want none", n)
	}
}
