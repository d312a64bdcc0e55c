package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The engine hands its files to the system without waiting for the disk. A killed process loses nothing by that, a machine
// without power may: what was written since the last sync. So the folder notes which boot of the machine uses it and up to
// when everything is on the disk; an orderly Close removes the note. A note of another boot says: in doubt since then.

const (
	bootNote      = "tidemark.boot"
	syncInterval  = 15 * time.Second
	bootIDOfLinux = "/proc/sys/kernel/random/boot_id"
)

// boot is what the note says.
type boot struct {
	ID       string    `json:"boot_id"`
	SyncedAt time.Time `json:"synced_at"` // what was written before is on the disk
}

// InDoubtSince says since when writes may be lost, because the machine stopped before the engine was closed; false when
// nothing is in doubt. It is answered from Open on.
func (e *Engine) InDoubtSince() (time.Time, bool) {
	e.syncing.Lock()
	defer e.syncing.Unlock()
	return e.doubt, !e.doubt.IsZero()
}

func (e *Engine) setDoubt(since time.Time) {
	e.syncing.Lock()
	defer e.syncing.Unlock()
	e.doubt = since
}

// noteBoot compares the note with this boot. Call it before the engine writes.
func (e *Engine) noteBoot() error {
	e.bootID = currentBoot()
	last, err := readBoot(e.cfg.Path)
	if err != nil {
		return err
	}
	e.setDoubt(time.Time{})
	if last != nil && last.ID != e.bootID {
		e.setDoubt(last.SyncedAt)
		// The doubt stays written down until it has been settled.
		return nil
	}
	if last != nil {
		return nil // the same boot: the system still has every write
	}
	return e.syncFolder()
}

// Settled says that whoever uses the engine has repaired what was in doubt.
func (e *Engine) Settled() error {
	e.setDoubt(time.Time{})
	return e.syncFolder()
}

// keepSynced writes everything to the disk now and then, until ctx ends. While something is in doubt the note stays as it is.
func (e *Engine) keepSynced(ctx context.Context) {
	tick := time.NewTicker(syncInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, doubtful := e.InDoubtSince(); doubtful {
			continue
		}
		if err := e.syncFolder(); err != nil {
			e.log.WarnContext(ctx, "data folder not synced", "path", e.cfg.Path, "err", err)
		}
	}
}

// syncFolder has everything written so far on the disk when it returns, and notes it.
func (e *Engine) syncFolder() error {
	e.syncing.Lock()
	defer e.syncing.Unlock()
	at := time.Now().UTC()
	if err := syncFilesystem(e.cfg.Path); err != nil {
		return fmt.Errorf("sync %s: %w", e.cfg.Path, err)
	}
	return writeBoot(e.cfg.Path, boot{ID: e.bootID, SyncedAt: at})
}

// forgetBoot ends an orderly use of the folder.
func (e *Engine) forgetBoot() error {
	if _, doubtful := e.InDoubtSince(); doubtful {
		return nil
	}
	if err := e.syncFolder(); err != nil {
		return err
	}
	return os.Remove(filepath.Join(e.cfg.Path, bootNote))
}

// currentBoot identifies the machine's boot; where the system has no name for it every start counts as one.
func currentBoot() string {
	id, err := os.ReadFile(bootIDOfLinux)
	if err != nil {
		return fmt.Sprintf("unknown-%d", time.Now().UnixNano())
	}
	return strings.TrimSpace(string(id))
}

func readBoot(folder string) (*boot, error) {
	text, err := os.ReadFile(filepath.Join(folder, bootNote))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var b boot
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("%s in %s is damaged: %w", bootNote, folder, err)
	}
	return &b, nil
}

// writeBoot replaces the note as a whole.
func writeBoot(folder string, b boot) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	next := filepath.Join(folder, bootNote+".next")
	file, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(folder, bootNote))
}
