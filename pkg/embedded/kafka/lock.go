package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrInUse says that another process has the data folder open.
var ErrInUse = errors.New("data folder is in use")

const lockName = "tidemark.lock"

// lock is the exclusive hold on a data folder. The system releases it when the process ends, however it ends. The file
// holds the name of the folder with the socket, so that the next owner can clear away what a killed one left.
type lock struct{ f *os.File }

func lockFolder(dir string) (*lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: data folder %s is in use by another tidemark", ErrInUse, dir)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	l := &lock{f}
	l.clear()
	return l, nil
}

// clear removes the socket folder of a process that had no time to. Only an empty folder of ours goes.
func (l *lock) clear() {
	old, err := os.ReadFile(l.f.Name())
	if err != nil {
		return
	}
	dir := strings.TrimSpace(string(old))
	if strings.HasPrefix(filepath.Base(dir), socketDirPrefix) {
		os.Remove(filepath.Join(dir, socketName))
		os.Remove(dir)
	}
}

// note keeps the name of the socket folder.
func (l *lock) note(dir string) error {
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err := l.f.WriteAt([]byte(dir+"\n"), 0)
	return err
}

func (l *lock) release() error { return l.f.Close() }
