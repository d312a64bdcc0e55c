package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// memory is where Linux keeps files in memory. Tests of the shared engine kill nothing that a
// disk would outlive, and wait for a disk in most of their statements.
const memory = "/dev/shm"

// memoryNeeded is what has to be free there, in bytes: some packages' tests run at once.
const memoryNeeded = 2 << 30

// abandoned is the age from which a folder that nobody holds belongs to a process that was killed.
const abandoned = time.Minute

// engineFolder makes a folder that is this process' own as long as it lives.
func engineFolder() (string, error) {
	parent := os.TempDir()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) >= memoryNeeded { //nolint:gosec // sizes are not negative
		parent = memory
	}
	old, _ := filepath.Glob(filepath.Join(parent, folderPrefix+"*"))
	for _, dir := range old {
		removeAbandoned(dir)
	}
	dir, err := os.MkdirTemp(parent, folderPrefix)
	if err != nil {
		return "", fmt.Errorf("make the engine's folder: %w", err)
	}
	if _, err := hold(dir); err != nil {
		return "", fmt.Errorf("hold the engine's folder: %w", err)
	}
	return dir, nil
}

func removeAbandoned(dir string) {
	if info, err := os.Stat(dir); err != nil || time.Since(info.ModTime()) < abandoned {
		return
	}
	if fd, err := hold(dir); err == nil {
		_ = os.RemoveAll(dir)
		_ = syscall.Close(fd)
	}
}

// hold locks a folder for this process; the system lets go of it when the process ends.
func hold(dir string) (fd int, err error) {
	if fd, err = syscall.Open(dir, syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err != nil {
		return -1, err
	}
	if err = syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = syscall.Close(fd)
	}
	return fd, err
}
