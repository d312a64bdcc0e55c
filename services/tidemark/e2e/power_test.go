package e2e

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Promise 1: the loss of power. A process that is killed, then the note of another boot and the newest part of a table gone,
// is what a machine leaves that stopped before the system had written everything.
func TestPowerLoss_TablesLostWhatWasNotOnTheDisk_HaveItAgain(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, data)
	s.submit(t, reportOf("m", "1"))
	s.submit(t, reportOf("m", "2"))
	before := s.scalar(t, "SELECT count() FROM v_samples")
	s.process.kill()

	otherBoot(t, filepath.Join(data, "engine", "tidemark.boot"))
	if lost := loseParts(t, filepath.Join(data, "engine"), "`failed` UInt8"); lost == 0 {
		t.Fatal("the table has no parts to lose")
	}
	s = start(t, data)
	if got := s.scalar(t, "SELECT count() FROM v_samples"); got != before {
		t.Errorf("%s samples after the loss of power, %s before", got, before)
	}
	if !s.process.stderr.has("tables filled again") {
		t.Error("the log does not say what happened")
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(data, "engine", "tidemark.boot")); !os.IsNotExist(err) {
		t.Errorf("an orderly stop leaves doubt: %v", err)
	}
}

// otherBoot makes the folder's note one of another boot of the machine.
func otherBoot(t *testing.T, note string) {
	t.Helper()
	text, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	var said map[string]any
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	said["boot_id"] = "another"
	if text, err = json.Marshal(said); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(note, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// loseParts removes every part of the table that has the column, and none of the ledger's.
func loseParts(t *testing.T, engine, column string) int {
	t.Helper()
	lost := 0
	err := filepath.WalkDir(engine, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "columns.txt" {
			return err
		}
		columns, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(columns, []byte(column)) || bytes.Contains(columns, []byte("`body`")) {
			return err
		}
		lost++
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			return err
		}
		return fs.SkipDir
	})
	if err != nil {
		t.Fatal(err)
	}
	return lost
}
