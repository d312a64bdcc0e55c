package importer

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// journal remembers what became of each run, one line each: "<run> <its id at the target> <its machine there>", or
// "<run> refused <attempts so far> <why>". It is only appended to; a line that a crash cut off is cut off.
type journal struct {
	file    *os.File
	stored  map[uint32]stored
	refused map[uint32]int // how often
}

type stored struct{ run, machine uint32 }

// journalName is one file per source, target and suite.
func journalName(folder string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return filepath.Join(folder, safe(parts[len(parts)-2])+"-"+safe(parts[len(parts)-1])+"-"+hex.EncodeToString(sum[:5])+".runs")
}

func safe(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, name)
}

func openJournal(name, about string) (*journal, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // a name of our own in the folder that was given
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	j := &journal{file: file, stored: map[uint32]stored{}, refused: map[uint32]int{}}
	if err := j.load(about); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("state %s: %w", name, err)
	}
	return j, nil
}

// load reads the lines and cuts off what is not one.
func (j *journal) load(about string) error {
	in := bufio.NewReader(j.file)
	whole := int64(0)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break // the end, or a line without one
		}
		j.read(line)
		whole += int64(len(line))
	}
	if err := j.file.Truncate(whole); err != nil {
		return err
	}
	if _, err := j.file.Seek(whole, io.SeekStart); err != nil {
		return err
	}
	if whole == 0 {
		_, err := fmt.Fprintf(j.file, "# %s\n", about)
		return err
	}
	return nil
}

func (j *journal) read(line string) {
	words := strings.Fields(line)
	if len(words) < 3 {
		return
	}
	run, err := strconv.ParseUint(words[0], 10, 32)
	if err != nil {
		return
	}
	second, other := strconv.ParseUint(words[2], 10, 32)
	if words[1] == "refused" {
		j.refused[uint32(run)] = int(second) //nolint:gosec // a count of attempts
		return
	}
	if first, err := strconv.ParseUint(words[1], 10, 32); err == nil && other == nil {
		j.stored[uint32(run)] = stored{uint32(first), uint32(second)}
		delete(j.refused, uint32(run))
	}
}

// write adds what is decided and sees it to the disk.
func (j *journal) write(list []sent) error {
	var b strings.Builder
	for _, s := range list {
		run := s.parcel.head.ID
		if why := s.outcome.refusal; why != nil {
			j.refused[run]++
			fmt.Fprintf(&b, "%d refused %d %d %s\n", run, j.refused[run], why.status, strings.Join(strings.Fields(why.text), " "))
			continue
		}
		j.stored[run] = stored{s.outcome.run, s.outcome.machine}
		delete(j.refused, run)
		fmt.Fprintf(&b, "%d %d %d\n", run, s.outcome.run, s.outcome.machine)
	}
	if _, err := j.file.WriteString(b.String()); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

func (j *journal) close() error { return j.file.Close() }
