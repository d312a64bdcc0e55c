package kafka

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"
)

const (
	ackedName     = "tidemark.acked.json"
	ackedInterval = time.Second
)

// ackedFile remembers how far each partition had been acknowledged, as a lower bound: it is written about once a second.
// Without it a log that lost its end, or all of its files, would look like a shorter one, and give offsets out again.
type ackedFile struct {
	path string
	ends map[string]map[int]int64 // by topic and partition: the offset after the last record
}

type ackedJSON struct {
	Version int                      `json:"version"`
	Ends    map[string]map[int]int64 `json:"ends"`
}

func readAcked(dir string) (*ackedFile, error) {
	a := &ackedFile{path: filepath.Join(dir, ackedName)}
	raw, err := os.ReadFile(a.path)
	if errors.Is(err, os.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	var j ackedJSON
	if err := json.Unmarshal(raw, &j); err != nil || j.Version != 1 {
		return nil, fmt.Errorf("%w: %s cannot be read (version %d): %w", ErrDamaged, a.path, j.Version, err)
	}
	a.ends = j.Ends
	return a, nil
}

func (a *ackedFile) write(ends map[string]map[int]int64) error {
	if maps.EqualFunc(a.ends, ends, maps.Equal) {
		return nil
	}
	raw, err := json.Marshal(ackedJSON{Version: 1, Ends: ends})
	if err != nil {
		return err
	}
	if err := replaceFile(a.path, raw); err != nil {
		return fmt.Errorf("record acknowledged offsets: %w", err)
	}
	a.ends = ends
	return nil
}

// replaceFile puts content in place of a file so that a crash leaves the old or the new one.
func replaceFile(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// recordAcked asks the broker how far each partition is. The broker answers between two requests, when what it has
// accepted is on disk.
func (b *Broker) recordAcked() error {
	ends := map[string]map[int]int64{}
	for _, topic := range b.topicNames() {
		for _, info := range b.cluster.PartitionInfos(topic) {
			if info.HighWatermark > 0 {
				if ends[topic] == nil {
					ends[topic] = map[int]int64{}
				}
				ends[topic][int(info.Partition)] = info.HighWatermark
			}
		}
	}
	return b.acked.write(ends)
}
