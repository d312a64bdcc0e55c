package clickhouse

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// folderOf is an engine that has only its folder.
func folderOf(t *testing.T, dir string) *Engine {
	t.Helper()
	e := &Engine{cfg: Config{Path: dir}}
	if err := e.noteBoot(); err != nil {
		t.Fatal(err)
	}
	return e
}

// otherBoot makes the note one of another boot of the machine.
func otherBoot(t *testing.T, dir string, syncedAt time.Time) {
	t.Helper()
	if err := writeBoot(dir, boot{ID: "another", SyncedAt: syncedAt}); err != nil {
		t.Fatal(err)
	}
}

func TestBoots_ClosedOrKilledInTheSameBoot_LeavesNoDoubt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := folderOf(t, dir)
	if _, doubtful := e.InDoubtSince(); doubtful {
		t.Error("a new folder is in doubt")
	}
	if _, doubtful := folderOf(t, dir).InDoubtSince(); doubtful {
		t.Error("a killed process of the same boot leaves doubt")
	}
	if err := e.forgetBoot(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, bootNote)); !os.IsNotExist(err) {
		t.Errorf("an orderly end leaves the note: %v", err)
	}
}

func TestBoots_MachineStoppedMeanwhile_IsInDoubtUntilSettled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synced := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	otherBoot(t, dir, synced)
	e := folderOf(t, dir)
	if since, doubtful := e.InDoubtSince(); !doubtful || !since.Equal(synced) {
		t.Errorf("in doubt %v since %s, want since %s", doubtful, since, synced)
	}
	if err := e.forgetBoot(); err != nil {
		t.Fatal(err)
	}
	e = folderOf(t, dir)
	if _, doubtful := e.InDoubtSince(); !doubtful {
		t.Error("an end before anything was repaired forgot the doubt")
	}
	if err := e.Settled(); err != nil {
		t.Fatal(err)
	}
	if _, doubtful := folderOf(t, dir).InDoubtSince(); doubtful {
		t.Error("what was settled is in doubt again")
	}
}

func TestBoots_DamagedNote_IsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, bootNote), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&Engine{cfg: Config{Path: dir}}).noteBoot(); err == nil {
		t.Error("a damaged note is taken for none")
	}
}
