package kafka_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark/pkg/embedded/kafka"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/testkit/await"
	"tidemark/pkg/testkit/kafkatest"
)

func config(dir string) kafka.Config {
	cfg := kafka.DefaultConfig()
	cfg.Dir = dir
	cfg.SegmentBytes = 8 << 10
	cfg.MaxLogBytes = 1 << 20
	cfg.Topics = []kafka.Topic{{Name: "events", Partitions: 1, Consumers: []string{"projector"}}}
	return cfg
}

func newBroker(t testing.TB, cfg kafka.Config) *kafka.Broker {
	t.Helper()
	b, err := kafka.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func open(t testing.TB, cfg kafka.Config) *kafka.Broker {
	t.Helper()
	b := newBroker(t, cfg)
	if err := b.Open(await.Context(t)); err != nil {
		t.Fatal(err)
	}
	return b
}

func client(t testing.TB, b *kafka.Broker) *eventlog.Log {
	t.Helper()
	cfg := eventlog.DefaultConfig()
	cfg.Brokers, cfg.Dial = b.Brokers(), b.Dial
	cfg.Compression = "none"
	return kafkatest.Open(t, cfg)
}

func appendRecords(t testing.TB, l *eventlog.Log, topic string, n, size int) {
	t.Helper()
	for i := range n {
		value := fmt.Appendf(make([]byte, 0, size+16), "%06d", i)
		if _, err := l.Append(await.Context(t), topic, eventlog.Record{Key: []byte("k"), Value: value[:max(6, size)]}); err != nil {
			t.Fatal(err)
		}
	}
}

// filled returns a folder with n records of 1 KB in events/0, as a clean stop left it.
func filled(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	b := open(t, config(dir))
	l := client(t, b)
	appendRecords(t, l, "events", n, 1<<10)
	if err := errors.Join(l.Close(await.Context(t)), b.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// segmentFiles are the files of events/0, oldest first.
func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	var files []string
	for base := range 1000 {
		path := filepath.Join(dir, "partitions", "events-0", fmt.Sprint(base, ".dat"))
		if _, err := os.Stat(path); err == nil {
			files = append(files, path)
		}
	}
	return files
}

func truncate(t testing.TB, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func flip(t testing.TB, path string, at int64) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += int64(len(raw))
	}
	raw[at] ^= 0x20
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func endOffset(t testing.TB, l *eventlog.Log, topic string) int64 {
	t.Helper()
	_, end, err := l.Offsets(await.Context(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	return end[0]
}

func TestOpen_FolderInUse_ErrorNamesTheFolder(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	open(t, cfg)
	err := newBroker(t, cfg).Open(await.Context(t))
	if !errors.Is(err, kafka.ErrInUse) || !strings.Contains(err.Error(), "data folder "+cfg.Dir+" is in use by another tidemark") {
		t.Errorf("second open: %v", err)
	}
}

func TestOpen_AfterClose_EverythingIsThere(t *testing.T) {
	t.Parallel()
	dir := filled(t, 30)
	l := client(t, open(t, config(dir)))
	if end := endOffset(t, l, "events"); end != 30 {
		t.Errorf("end is %d", end)
	}
}

func TestOpen_TornTail_CutOffAndWrittenOn(t *testing.T) {
	t.Parallel()
	for _, missing := range []int64{1, 61, 500, 1068} {
		dir := filled(t, 30)
		os.Remove(filepath.Join(dir, "tidemark.acked.json")) // a crash within the second it was acknowledged in
		files := segmentFiles(t, dir)
		last := files[len(files)-1]
		info, err := os.Stat(last)
		if err != nil {
			t.Fatal(err)
		}
		truncate(t, last, info.Size()-missing)
		b := open(t, config(dir))
		l := client(t, b)
		if end := endOffset(t, l, "events"); end != 29 {
			t.Errorf("%d bytes short: end is %d, want 29", missing, end)
		}
		appendRecords(t, l, "events", 3, 100)
		if err := errors.Join(l.Close(await.Context(t)), b.Close()); err != nil {
			t.Fatal(err)
		}
		l = client(t, open(t, config(dir)))
		if end := endOffset(t, l, "events"); end != 32 {
			t.Errorf("%d bytes short: after writing on, the end is %d, want 32", missing, end)
		}
	}
}

func TestOpen_DamagedFolder_RefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, dir string){
		"flipped byte in an old segment":  func(t *testing.T, dir string) { flip(t, segmentFiles(t, dir)[0], 300) },
		"flipped byte in the last header": func(t *testing.T, dir string) { s := segmentFiles(t, dir); flip(t, s[len(s)-1], 10) },
		"flipped byte in the last segment": func(t *testing.T, dir string) {
			s := segmentFiles(t, dir)
			flip(t, s[len(s)-1], 300)
		},
		"flipped byte in the last record, which was acknowledged": func(t *testing.T, dir string) {
			s := segmentFiles(t, dir)
			flip(t, s[len(s)-1], -1)
		},
		"missing segment in the middle": func(t *testing.T, dir string) { os.Remove(segmentFiles(t, dir)[1]) },
		"missing last segment":          func(t *testing.T, dir string) { s := segmentFiles(t, dir); os.Remove(s[len(s)-1]) },
		"no segments at all": func(t *testing.T, dir string) {
			os.RemoveAll(filepath.Join(dir, "partitions"))
		},
		"no meta.json":                  func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "meta.json")) },
		"no topics.json":                func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "topics.json")) },
		"empty topics.json":             func(t *testing.T, dir string) { truncate(t, filepath.Join(dir, "topics.json"), 0) },
		"unreadable record of the ends": func(t *testing.T, dir string) { truncate(t, filepath.Join(dir, "tidemark.acked.json"), 5) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filled(t, 30)
			damage(t, dir)
			before := listing(t, dir)
			err := newBroker(t, config(dir)).Open(await.Context(t))
			if !errors.Is(err, kafka.ErrDamaged) {
				t.Errorf("open: %v", err)
			}
			if after := listing(t, dir); after != before {
				t.Errorf("the folder was changed:\n%s\nnow\n%s", before, after)
			}
		})
	}
}

func listing(t testing.TB, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		fmt.Fprintln(&out, path, info.Size())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestOpen_LossAccepted_StartsWithWhatIsThere(t *testing.T) {
	t.Parallel()
	dir := filled(t, 30)
	s := segmentFiles(t, dir)
	os.Remove(s[len(s)-1])
	os.Remove(filepath.Join(dir, "tidemark.acked.json")) // as the error says
	l := client(t, open(t, config(dir)))
	if end := endOffset(t, l, "events"); end == 0 || end >= 30 {
		t.Errorf("end is %d", end)
	}
}

func TestOpen_OtherPartitionCount_Refused(t *testing.T) {
	t.Parallel()
	cfg := config(filled(t, 1))
	cfg.Topics[0].Partitions = 2
	if err := newBroker(t, cfg).Open(await.Context(t)); err == nil || !strings.Contains(err.Error(), "has 1 partitions") {
		t.Errorf("open: %v", err)
	}
}

// commitAt stores a position as a member of the group would.
func commitAt(t testing.TB, l *eventlog.Log, group string, next int64) (before int64) {
	t.Helper()
	done := errors.New("done")
	err := l.Consume(await.Context(t), group, "events", func(ctx context.Context, p *eventlog.Partition) error {
		before = p.Committed()
		if err := p.Commit(ctx, next); err != nil {
			return err
		}
		return done
	})
	if !errors.Is(err, done) {
		t.Fatal(err)
	}
	return before
}

func TestOpen_TornGroupLog_LaterCommitsSurvive(t *testing.T) {
	t.Parallel()
	dir := filled(t, 30)
	f, err := os.OpenFile(filepath.Join(dir, "groups.log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write([]byte{200, 0, 0, 0, 1, 2, 3, 4, 1, 0, '{', '"'})
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	b := open(t, config(dir))
	commitAt(t, client(t, b), "projector", 25)

	crashed := copyFolder(t, dir) // a copy of the running folder is what kill -9 leaves
	if before := commitAt(t, client(t, open(t, config(crashed))), "projector", 25); before != 25 {
		t.Errorf("after the crash the group is at %d, want 25", before)
	}
}

func copyFolder(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestListen_ByDefault_PrivateSocketOnly(t *testing.T) {
	t.Parallel()
	b := open(t, config(t.TempDir()))
	c, err := b.Dial(await.Context(t), "tcp", "anything:1")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.RemoteAddr().Network() != "unix" {
		t.Errorf("dial went to %s", c.RemoteAddr().Network())
	}
	folder := filepath.Dir(c.RemoteAddr().String())
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's folder: %v, %v", info.Mode(), err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's folder is left behind: %v", err)
	}
	if _, err := b.Dial(await.Context(t), "", ""); !errors.Is(err, kafka.ErrNotOpen) {
		t.Errorf("dial after close: %v", err)
	}
}

func TestListen_TCP_HostileFramesEndOnlyTheirConnection(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	cfg.Listen = "127.0.0.1:0"
	b := open(t, cfg)
	addr := b.Brokers()[0]
	unknownKey := binary.BigEndian.AppendUint32(nil, 10)
	unknownKey = binary.BigEndian.AppendUint16(unknownKey, 9999)
	unknownKey = append(unknownKey, make([]byte, 8)...)
	for name, bytes := range map[string][]byte{
		"unknown request":  unknownKey,
		"another language": []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"endless frame":    {0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0},
		"empty frame":      {0, 0, 0, 0, 0, 0, 0, 0},
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Write(bytes)
		if err := errors.Join(err, c.SetDeadline(time.Now().Add(await.Patience))); err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, c); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %d bytes came back, %v", name, n, err)
		}
		c.Close()
	}
	tcp := eventlog.DefaultConfig()
	tcp.Brokers = []string{addr}
	appendRecords(t, kafkatest.Open(t, tcp), "events", 1, 10)
}

func TestTrim_Everything_KeepsTheNewestRecordAndTheOffsets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, config(dir))
	l := client(t, b)
	appendRecords(t, l, "events", 40, 1<<10)
	if err := b.Trim(await.Context(t), "events", 0, 1000); err != nil {
		t.Fatal(err)
	}
	first, end, err := l.Offsets(await.Context(t), "events")
	if err != nil || first[0] != 39 || end[0] != 40 {
		t.Errorf("log holds [%d,%d), %v", first[0], end[0], err)
	}
	if files := segmentFiles(t, dir); len(files) != 1 {
		t.Errorf("%d files are left", len(files))
	}
	crashed := client(t, open(t, config(copyFolder(t, dir))))
	if end := endOffset(t, crashed, "events"); end != 40 {
		t.Errorf("after a crash the end is %d", end)
	}
	if err := errors.Join(l.Close(await.Context(t)), b.Close()); err != nil {
		t.Fatal(err)
	}
	restarted := client(t, open(t, config(dir)))
	if end := endOffset(t, restarted, "events"); end != 40 {
		t.Errorf("after a restart the end is %d", end)
	}
}

func TestTrim_LogOverItsBound_OnlyCommittedRecordsGo(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	cfg.MaxLogBytes = 64 << 10
	cfg.TrimInterval = 20 * time.Millisecond
	cfg.Topics = append(cfg.Topics, kafka.Topic{Name: "outcomes", Partitions: 1})
	b := open(t, cfg)
	l := client(t, b)
	appendRecords(t, l, "events", 100, 1<<10)
	appendRecords(t, l, "outcomes", 60, 1<<10)
	// Outcomes have no consumers to wait for: their share is a quarter.
	await.True(t, "outcomes trimmed", func() bool {
		first, _, err := l.Offsets(await.Context(t), "outcomes")
		return err == nil && first[0] > 40
	})
	if first, _, err := l.Offsets(await.Context(t), "events"); err != nil || first[0] != 0 {
		t.Errorf("events nobody has committed are trimmed up to %d, %v", first[0], err)
	}
	commitAt(t, l, "projector", 70)
	await.True(t, "events trimmed", func() bool {
		first, _, err := l.Offsets(await.Context(t), "events")
		return err == nil && first[0] == 70
	})
	if size := b.Size(); size > cfg.MaxLogBytes {
		t.Errorf("the log has %d bytes, its bound is %d", size, cfg.MaxLogBytes)
	}
}

func TestConfig_Wrong_EveryProblemIsNamed(t *testing.T) {
	t.Parallel()
	_, err := kafka.New(kafka.Config{Topics: []kafka.Topic{{}}, Listen: "nowhere"})
	for _, want := range []string{"dir:", "topics[0]: name", "partitions", "max_message_bytes", "segment_bytes", "trim_interval", "listen:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

// A disk that goes bad under a running broker: the reader says so instead of handing out other bytes or waiting for ever.
func TestRead_ByteFlippedWhileRunning_Corrupt(t *testing.T) {
	t.Parallel()
	for _, codec := range []string{"none", "zstd", "lz4"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := open(t, config(dir))
			cfg := eventlog.DefaultConfig()
			cfg.Brokers, cfg.Dial, cfg.Compression = b.Brokers(), b.Dial, codec
			l := kafkatest.Open(t, cfg)
			appendRecords(t, l, "events", 5, 1<<10)
			flip(t, segmentFiles(t, dir)[0], -40) // in the last of the five

			good := 0
			err := l.Consume(await.Context(t), "reader", "events", func(ctx context.Context, p *eventlog.Partition) error {
				for ; ; good++ {
					if _, err := p.Next(ctx); err != nil {
						return err
					}
				}
			})
			if !errors.Is(err, eventlog.ErrCorrupt) || good != 4 {
				t.Errorf("after %d good records: %v", good, err)
			}
		})
	}
}
