package kafka

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrDamaged says that the data folder lacks records that were acknowledged, or that they cannot be read. The broker
// itself would cut such a log short without a word, and give the offsets out again.
var ErrDamaged = errors.New("data folder is damaged")

// checkFolder reads everything in the folder before the broker does. A torn end, which is what a crash leaves, is cut off;
// anything else that is wrong is ErrDamaged, and then nothing is changed. It returns, per topic and partition, the offset
// after the last record.
func checkFolder(ctx context.Context, dir string, acked map[string]map[int]int64, log *slog.Logger) (map[string]map[int]int64, error) {
	logs, err := findLogs(dir)
	if err != nil {
		return nil, err
	}
	if err := checkCatalogue(dir, logs); err != nil {
		return nil, err
	}
	found := map[string]map[int]int64{}
	var torn []tornEnd
	for _, l := range logs {
		end, t, err := l.walk(ctx)
		if err != nil {
			return nil, err
		}
		torn = append(torn, t...)
		if found[l.topic] == nil {
			found[l.topic] = map[int]int64{}
		}
		found[l.topic][l.partition] = end
	}
	if err := checkAcked(dir, acked, found); err != nil {
		return nil, err
	}
	for _, name := range []string{"groups.log", "pids.log"} {
		t, err := tornFrames(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		torn = append(torn, t...)
	}
	for _, t := range torn {
		log.Warn("torn end cut off", "file", t.path, "bytes", t.size-t.good, "reason", t.reason)
		if err := cut(t.path, t.good); err != nil {
			return nil, fmt.Errorf("cut torn end: %w", err)
		}
	}
	return found, nil
}

// tornEnd is a file whose end was being written when the process or the machine stopped.
type tornEnd struct {
	path       string
	good, size int64
	reason     string
}

func cut(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// partitionLog is the files of one partition: "partitions/<topic>-<partition>/<first offset>.dat".
type partitionLog struct {
	dir       string
	topic     string
	partition int
	bases     []int64
}

func findLogs(dir string) ([]partitionLog, error) {
	root := filepath.Join(dir, "partitions")
	dirs, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var logs []partitionLog
	for _, d := range dirs {
		i := strings.LastIndexByte(d.Name(), '-')
		if i < 0 || !d.IsDir() {
			continue
		}
		topic, err1 := url.PathUnescape(d.Name()[:i])
		partition, err2 := strconv.Atoi(d.Name()[i+1:])
		if err1 != nil || err2 != nil {
			continue
		}
		l := partitionLog{dir: filepath.Join(root, d.Name()), topic: topic, partition: partition}
		if l.bases, err = segments(l.dir); err != nil {
			return nil, err
		}
		if len(l.bases) > 0 {
			logs = append(logs, l)
		}
	}
	return logs, nil
}

func segments(dir string) ([]int64, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var bases []int64
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".dat")
		if !ok {
			continue
		}
		if base, err := strconv.ParseInt(name, 10, 64); err == nil {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	return bases, nil
}

// checkCatalogue makes sure that every partition with records is known to the files that name them; without those the
// broker starts empty.
func checkCatalogue(dir string, logs []partitionLog) error {
	if len(logs) == 0 {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "meta.json")); err != nil {
		return fmt.Errorf("%w: %s has records but no usable meta.json: %w", ErrDamaged, dir, err)
	}
	topics, err := readTopics(dir)
	if err != nil {
		return fmt.Errorf("%w: %s has records but no usable topics.json: %w", ErrDamaged, dir, err)
	}
	for _, l := range logs {
		if l.partition >= topics[l.topic] {
			return fmt.Errorf("%w: %s holds records, but topics.json does not list %s/%d", ErrDamaged, l.dir, l.topic, l.partition)
		}
	}
	return nil
}

// readTopics returns the number of partitions by topic.
func readTopics(dir string) (map[string]int, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "topics.json"))
	if err != nil {
		return nil, err
	}
	var list struct {
		Topics []struct {
			Name       string `json:"name"`
			Partitions int    `json:"partitions"`
		} `json:"topics"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, t := range list.Topics {
		out[t.Name] = t.Partitions
	}
	return out, nil
}

// checkAcked compares the ends found with those once acknowledged.
func checkAcked(dir string, acked, found map[string]map[int]int64) error {
	var errs []error
	for topic, ends := range acked {
		for partition, end := range ends {
			if have := found[topic][partition]; have < end {
				errs = append(errs, fmt.Errorf("%s/%d ends at offset %d, but records up to %d were acknowledged", topic,
					partition, have, end))
			}
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w: %w. Restore %s from a backup; or remove %s in it, which accepts the loss and gives offsets "+
			"out again", ErrDamaged, errors.Join(errs...), dir, ackedName)
	}
	return nil
}

// walk reads all segments, which must follow each other without a gap.
func (l *partitionLog) walk(ctx context.Context) (end int64, torn []tornEnd, err error) {
	end = l.bases[0]
	for i, base := range l.bases {
		if err := ctx.Err(); err != nil {
			return 0, nil, err
		}
		path := filepath.Join(l.dir, strconv.FormatInt(base, 10)+".dat")
		if base != end {
			return 0, nil, fmt.Errorf("%w: %s should begin at offset %d", ErrDamaged, path, end)
		}
		next, bad, err := walkFile(path, base)
		if err != nil {
			return 0, nil, err
		}
		end = next
		if bad == nil {
			continue
		}
		if last := i == len(l.bases)-1; !last || bad.more {
			return 0, nil, fmt.Errorf("%w: %s at byte %d: %s, and there are records after it", ErrDamaged, path, bad.pos, bad.reason)
		}
		torn = append(torn, tornEnd{path, bad.pos, bad.size, bad.reason})
	}
	return end, torn, nil
}

// badBatch is the first place of a segment that is not a batch of records.
type badBatch struct {
	pos, size int64
	reason    string
	more      bool // good batches follow, so this is not just a torn end
}

func walkFile(path string, base int64) (end int64, bad *badBatch, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, nil, err
	}
	end, bad, err = walkSegment(f, info.Size(), base)
	if err != nil {
		return 0, nil, fmt.Errorf("read %s: %w", path, err)
	}
	return end, bad, nil
}

// A segment is record batches of format 2, as on the wire, one after another (kafka.apache.org/documentation/#recordbatch):
// offset of the first record (8 bytes), length of what follows (4), leader epoch (4), magic (1), CRC-32C of the rest (4),
// attributes (2), offset of the last record relative to the first (4), and more. Integers are big endian.
const (
	prefixSize  = 12 // up to and with the length
	headerSize  = 61 // up to the records
	magicAt     = 16
	checksumAt  = 17
	checkedFrom = 21
	lastDeltaAt = 23
	maxBatch    = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// walkSegment reads batches until the end of r, which has size bytes, or until one is bad. The first must begin at offset
// base and each must follow the one before. It returns the offset after the last good record.
func walkSegment(r io.ReaderAt, size, base int64) (end int64, bad *badBatch, err error) {
	end = base
	for pos := int64(0); pos < size; {
		head := make([]byte, min(headerSize, size-pos))
		if _, err := r.ReadAt(head, pos); err != nil {
			return end, nil, err
		}
		length, next, reason := checkHeader(head, size-pos, end)
		if reason == "" {
			sum := crc32.New(castagnoli)
			body := io.NewSectionReader(r, pos+checkedFrom, length-checkedFrom)
			if _, err := io.CopyBuffer(sum, body, make([]byte, min(length, 256<<10))); err != nil {
				return end, nil, err
			}
			if sum.Sum32() != binary.BigEndian.Uint32(head[checksumAt:]) {
				reason = "checksum does not match"
			}
		}
		if reason != "" {
			more, err := goodBatchFrom(r, pos, size)
			return end, &badBatch{pos: pos, size: size, reason: reason, more: more}, err
		}
		pos, end = pos+length, next
	}
	return end, nil, nil
}

// checkHeader judges a batch by its header; want is the offset it must begin at, room how many bytes there are.
func checkHeader(head []byte, room, want int64) (length, next int64, reason string) {
	if len(head) < headerSize {
		return 0, 0, "shorter than a batch's header"
	}
	first := int64(binary.BigEndian.Uint64(head))
	length = int64(binary.BigEndian.Uint32(head[8:])) + prefixSize
	last := int64(int32(binary.BigEndian.Uint32(head[lastDeltaAt:])))
	switch {
	case first != want:
		return 0, 0, fmt.Sprintf("begins at offset %d instead of %d", first, want)
	case length < headerSize || length > maxBatch:
		return 0, 0, fmt.Sprintf("claims a length of %d", length)
	case length > room:
		return 0, 0, fmt.Sprintf("claims %d bytes, %d are there", length, room)
	case head[magicAt] != 2:
		return 0, 0, fmt.Sprintf("has format %d", head[magicAt])
	case last < 0:
		return 0, 0, "claims less than one record"
	}
	return length, first + last + 1, ""
}

// goodBatchFrom looks for a whole batch, of any offset, at pos or anywhere behind it. Every batch is on disk before the next
// one is written, so a crash leaves none behind a torn one.
func goodBatchFrom(r io.ReaderAt, pos, size int64) (bool, error) {
	if size-pos < headerSize {
		return false, nil
	}
	rest := make([]byte, size-pos)
	if _, err := r.ReadAt(rest, pos); err != nil {
		return false, err
	}
	for i := 0; i+headerSize <= len(rest); i++ {
		first := binary.BigEndian.Uint64(rest[i:])
		if rest[i+magicAt] != 2 || first >= 1<<56 {
			continue // as quick a no as possible, for nearly every byte
		}
		length, _, reason := checkHeader(rest[i:i+headerSize], int64(len(rest)-i), int64(first))
		if reason != "" {
			continue
		}
		batch := rest[i : i+int(length)]
		if crc32.Checksum(batch[checkedFrom:], castagnoli) == binary.BigEndian.Uint32(batch[checksumAt:]) {
			return true, nil
		}
	}
	return false, nil
}

// tornFrames finds the torn end of a file of frames: length of what follows the checksum (4 bytes, little endian), CRC-32C
// of that (4), version (2), JSON. The broker stops reading at the first bad frame but goes on writing behind it, so what it
// wrote from then on would be lost at the next start.
func tornFrames(path string) ([]tornEnd, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	good := goodFrames(raw)
	if good == len(raw) {
		return nil, nil
	}
	return []tornEnd{{path, int64(good), int64(len(raw)), "bad frame"}}, nil
}

func goodFrames(raw []byte) (good int) {
	const head = 8 // bytes: the length of the body, its sum
	for {
		rest := raw[good:]
		if len(rest) < head {
			return good
		}
		length := binary.LittleEndian.Uint32(rest)
		if length < 2 || int64(length) > int64(len(rest)-head) {
			return good
		}
		body := rest[head : head+int(length)]
		if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(rest[4:]) {
			return good
		}
		good += head + int(length)
	}
}
