package importer

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows runs done, the rate and the time left: a bar on a terminal, a line now and then elsewhere.
type progress struct {
	mu                    sync.Mutex
	out                   io.Writer
	now                   func() time.Time
	bar                   *progressbar.ProgressBar
	began, said           time.Time
	expected, runs, value int
}

const lineEvery = 10 * time.Second

func newProgress(out io.Writer, now func() time.Time) *progress {
	p := &progress{out: out, now: now, began: now(), said: now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions(0, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription("importing"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("runs"), progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond))
	}
	return p
}

// expect adds to what is to be done.
func (p *progress) expect(runs int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected += runs
	if p.bar != nil && p.expected > 0 {
		p.bar.ChangeMax(p.expected)
	}
}

func (p *progress) add(runs, values int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs += runs
	p.value += values
	if p.bar != nil {
		_ = p.bar.Add(runs) // a bar that cannot be drawn is no reason to stop
		return
	}
	now := p.now()
	took := now.Sub(p.began)
	if now.Sub(p.said) < lineEvery || took <= 0 || p.runs == 0 {
		return
	}
	p.said = now
	left := time.Duration(float64(took) / float64(p.runs) * float64(p.expected-p.runs))
	fmt.Fprintf(p.out, "%d of %d runs, %.1f runs/s, %.0f values/s, %s left\n",
		p.runs, p.expected, float64(p.runs)/took.Seconds(), float64(p.value)/took.Seconds(), left.Round(time.Second))
}

// clear makes room for a line.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
