package kafka_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"tidemark/pkg/embedded/kafka"
	"tidemark/pkg/eventlog"
	"tidemark/pkg/testkit/await"
	"tidemark/pkg/testkit/kafkatest"
)

const crashDirEnv = "TIDEMARK_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirEnv); dir != "" {
		crashingProcess(dir, os.Getenv("TIDEMARK_TEST_CRASH_ROUND"))
	}
	os.Exit(m.Run())
}

func crashConfig(dir string) kafka.Config {
	cfg := kafka.DefaultConfig()
	cfg.Dir = dir
	cfg.SegmentBytes = 1 << 20
	cfg.Topics = []kafka.Topic{{Name: "events", Partitions: 2, Consumers: []string{"projector"}}}
	return cfg
}

// crashingProcess appends and consumes until it is killed, and writes a line for every acknowledged record.
func crashingProcess(dir, round string) {
	b, err := kafka.New(crashConfig(dir))
	if err == nil {
		err = b.Open(context.Background())
	}
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	cfg := eventlog.DefaultConfig()
	cfg.Brokers, cfg.Dial = b.Brokers(), b.Dial
	l, err := eventlog.New(cfg, eventlog.Deps{})
	if err != nil {
		fmt.Println("new:", err)
		os.Exit(1)
	}
	go func() {
		err := l.Consume(context.Background(), "projector", "events", func(ctx context.Context, p *eventlog.Partition) error {
			for {
				recs, err := p.NextBatch(ctx, 100, 1<<20)
				if err != nil {
					return err
				}
				if err := p.Commit(ctx, recs[len(recs)-1].Offset+1); err != nil {
					return err
				}
			}
		})
		fmt.Println("consume:", err)
		os.Exit(1)
	}()
	var out sync.Mutex
	for producer := range 8 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%s.%d", round, producer)
				value := fmt.Sprintf("%s %d %s", key, i, strings.Repeat("x", 100<<(i%10)))
				pos, err := l.Append(context.Background(), "events", eventlog.Record{Key: []byte(key), Value: []byte(value)})
				if err != nil {
					continue
				}
				out.Lock()
				fmt.Printf("acked %d %d %s %d\n", pos[0].Partition, pos[0].Offset, key, i)
				out.Unlock()
			}
		}()
	}
	select {}
}

// runUntilKilled lets a process work on the folder, kills it, and returns what it had acknowledged.
func runUntilKilled(t *testing.T, dir string, round int) map[eventlog.Position]string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDirEnv+"="+dir, fmt.Sprint("TIDEMARK_TEST_CRASH_ROUND=", round))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := map[eventlog.Position]string{}
	killAfter := 50 + rand.IntN(1000) // acknowledgements
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var pos eventlog.Position
		var key string
		var i int
		if _, err := fmt.Sscanf(lines.Text(), "acked %d %d %s %d", &pos.Partition, &pos.Offset, &key, &i); err != nil {
			if len(acked) < killAfter {
				t.Errorf("unexpected line %q", lines.Text())
			}
			continue // the line the kill cut off
		}
		acked[pos] = fmt.Sprintf("%s %d", key, i)
		if len(acked) == killAfter {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var killed *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &killed) {
		t.Fatalf("the process was not killed: %v", err)
	}
	if len(acked) < killAfter {
		t.Fatalf("the process ended by itself after %d acknowledgements", len(acked))
	}
	return acked
}

// readAll returns every record of the folder by position, as "key number".
func readAll(t *testing.T, l *eventlog.Log) map[eventlog.Position]string {
	t.Helper()
	_, ends, err := l.Offsets(await.Context(t), "events")
	if err != nil {
		t.Fatal(err)
	}
	got := map[eventlog.Position]string{}
	var mu sync.Mutex
	var left sync.WaitGroup
	left.Add(len(ends))
	ctx, cancel := context.WithTimeout(context.Background(), await.Patience)
	defer cancel()
	go func() { left.Wait(); cancel() }()
	err = l.Consume(ctx, "verifier-"+fmt.Sprint(time.Now().UnixNano()), "events", func(ctx context.Context, p *eventlog.Partition) error {
		defer left.Done()
		for next := range ends[p.ID()] {
			r, err := p.Next(ctx)
			if err != nil {
				return err
			}
			if r.Offset != next {
				return fmt.Errorf("partition %d: offset %d instead of %d", p.ID(), r.Offset, next)
			}
			key, rest, _ := strings.Cut(string(r.Value), " ")
			i, _, _ := strings.Cut(rest, " ")
			mu.Lock()
			got[eventlog.Position{Partition: p.ID(), Offset: r.Offset}] = key + " " + i
			mu.Unlock()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestCrash_KilledUnderLoad_NoAcknowledgedRecordLostOrReordered(t *testing.T) {
	dir := t.TempDir()
	sockets, err := os.MkdirTemp("", "tm") // a socket's path must be short, t.TempDir's are not
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(sockets)
	t.Setenv("TMPDIR", sockets)
	acked := map[eventlog.Position]string{}
	for round := range 5 {
		for pos, what := range runUntilKilled(t, dir, round) {
			acked[pos] = what
		}

		began := time.Now()
		b := open(t, crashConfig(dir))
		opened := time.Since(began)
		l := client(t, b)
		assigned := make(chan struct{}, 2)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() {
			ended <- l.Consume(ctx, "projector", "events", func(ctx context.Context, p *eventlog.Partition) error {
				assigned <- struct{}{}
				<-ctx.Done()
				return nil
			})
		}()
		<-assigned
		took := time.Since(began)
		if took > 2*time.Second {
			t.Errorf("consuming again after %s", took)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}

		got := readAll(t, l)
		lost := 0
		for pos, what := range acked {
			if got[pos] != what {
				lost++
				t.Errorf("%v: acknowledged %q, holds %q", pos, what, got[pos])
			}
		}
		inOrder(t, got)
		t.Logf("round %d: %d acknowledged so far, %d lost, open after %s, consuming after %s", round, len(acked), lost, opened, took)
		if err := l.Close(await.Context(t)); err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(sockets); err != nil || len(left) > 0 {
		t.Errorf("socket folders left behind: %v, %v", left, err)
	}
}

// inOrder checks that each producer's records follow each other; a repeat is allowed, a step back over it is not.
func inOrder(t *testing.T, got map[eventlog.Position]string) {
	t.Helper()
	last := map[string]int{}
	for partition := range 2 {
		for offset := int64(0); ; offset++ {
			what, ok := got[eventlog.Position{Partition: partition, Offset: offset}]
			if !ok {
				break
			}
			var key string
			var i int
			if _, err := fmt.Sscanf(what, "%s %d", &key, &i); err != nil {
				t.Fatalf("partition %d offset %d: %q: %v", partition, offset, what, err)
			}
			if prev, seen := last[key]; seen && i != prev && i != prev+1 || !seen && i != 0 {
				t.Errorf("partition %d offset %d: %q after number %d", partition, offset, what, prev)
			}
			last[key] = i
		}
	}
}

// A member that left without a word keeps its partitions until its session ends, unless the broker knows better.
func TestOpen_MembersOfAnEarlierProcess_AreForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, crashConfig(dir))
	l := client(t, b)
	held := make(chan struct{}, 2)
	stop := kafkatest.Background(t, func(ctx context.Context) error {
		return l.Consume(ctx, "projector", "events", func(ctx context.Context, p *eventlog.Partition) error {
			held <- struct{}{}
			<-ctx.Done()
			return nil
		})
	})
	<-held
	<-held
	if err := b.Close(); err != nil { // with the member still in it, which the broker would remember
		t.Fatal(err)
	}
	stop()

	b2 := open(t, crashConfig(dir))
	l2 := kafkatest.Open(t, func() eventlog.Config {
		cfg := eventlog.DefaultConfig()
		cfg.Brokers, cfg.Dial = b2.Brokers(), b2.Dial
		return cfg
	}())
	began := time.Now()
	kafkatest.Background(t, func(ctx context.Context) error {
		return l2.Consume(ctx, "projector", "events", func(context.Context, *eventlog.Partition) error {
			held <- struct{}{}
			return nil
		})
	})
	<-held
	<-held
	if took := time.Since(began); took > time.Second {
		t.Errorf("partitions came after %s", took)
	}
}
