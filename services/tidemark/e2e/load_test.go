package e2e

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// metric reads a value of the admin listener, or the sum of its values over labels.
func (s *server) metric(t *testing.T, name string) float64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^`+name+`(?:\{.*\})? (\S+)$`).FindAllStringSubmatch(mustAsk(t, http.MethodGet, s.admin+"/metrics", nil).text, -1)
	if len(found) == 0 {
		t.Fatalf("no metric %s", name)
	}
	sum := 0.0
	for _, m := range found {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum
}

func TestReads_TwoHundredAtOnce_NeverStarveSubmissionsNorFail(t *testing.T) {
	s := shared(t)
	const history = 20
	for i := range history {
		s.submit(t, reportOf("m", strconv.Itoa(i+1)))
	}
	base, api := s.url+"/db_"+s.database+"/v4/nts/", s.url+"/api/db_"+s.database+"/v4/nts/"
	addresses := []string{
		base + "graph?plot.0=1.1.2", base + "graph/data?plot.0=1.1.2", base + "1", base, base + "findings", base + "machine/1",
		api + "graph/1/1/2", api + "runs/3", api + "machines/1", api + "tests",
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var codes [600]atomic.Int64
	var readers sync.WaitGroup
	problems := make(chan string, 1)
	for i := range 200 {
		readers.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				a, err := ask(ctx, http.MethodGet, addresses[n%len(addresses)], nil, "Accept", "text/html")
				if err != nil {
					continue // the end of the test
				}
				codes[a.code].Add(1)
				if a.code != http.StatusOK && (a.code != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "") {
					select {
					case problems <- fmt.Sprintf("%s: %d %s", addresses[n%len(addresses)], a.code, a.text):
					default:
					}
				}
			}
		})
	}
	eventually(t, "readers at work", time.Minute, func() bool { return codes[http.StatusOK].Load() > 40 })
	var slowest time.Duration
	for i := range 15 {
		if running := s.metric(t, "tidemark_reads_running"); running > 4 {
			t.Errorf("%v reads at once, want at most 4", running)
		}
		from := time.Now()
		run, _ := s.submit(t, reportOf("m", strconv.Itoa(history+i+1)))
		slowest = max(slowest, time.Since(from))
		if run != history+i+1 {
			t.Errorf("run %d, want %d", run, history+i+1)
		}
	}
	stop()
	readers.Wait()
	select {
	case p := <-problems:
		t.Error(p)
	default:
	}
	t.Logf("15 submissions, the slowest in %s, beside %d reads answered and %d told to come back", slowest, codes[200].Load(), codes[503].Load())
}
