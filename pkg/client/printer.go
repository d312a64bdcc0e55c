package client

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// printer says what became of files, one at a time, whoever delivered them.
type printer struct {
	mu    sync.Mutex
	o     Options
	bar   *progressbar.ProgressBar // nil: none
	files int
	seen  Incomplete
}

func newPrinter(o Options, files int) *printer {
	p := &printer{o: o, files: files}
	if !o.Quiet && !o.JSON && files > 1 && isTerminal(o.Err) {
		p.bar = progressbar.NewOptions(files, progressbar.OptionSetWriter(o.Err), progressbar.OptionSetDescription("submitting"),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p *printer) done(r Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.Status {
	case Refused:
		p.seen.Refused++
	case Failed:
		p.seen.Failed++
	case Stored, Received, Planned: // nothing is missing
	}
	if p.bar != nil {
		_ = p.bar.Clear() // a bar that cannot be drawn is no reason to stop
	}
	p.print(r)
	if p.bar != nil {
		_ = p.bar.Add(1)
	}
	if p.o.OnResult != nil {
		p.o.OnResult(r)
	}
}

// print writes one line. A result's own line is the address LNT's client prints, so that scripts may read it.
func (p *printer) print(r Result) {
	switch {
	case p.o.JSON:
		line, err := json.Marshal(r)
		if err != nil {
			line = fmt.Appendf(nil, `{"file":%q,"status":%q}`, r.File, r.Status)
		}
		fmt.Fprintf(p.o.Out, "%s\n", line)
	case r.Status == Refused || r.Status == Failed:
		fmt.Fprintln(p.o.Err, errorLine(r))
	case p.o.Quiet:
	case r.Status == Planned:
		fmt.Fprintf(p.o.Out, "%s: %s\n", r.File, r.Plan)
	case r.Status == Received:
		fmt.Fprintln(p.o.Out, r.ReceiptURL)
	default:
		fmt.Fprintln(p.o.Out, r.ResultURL)
	}
}

// errorLine is one line, whatever the server said.
func errorLine(r Result) string {
	line := r.File + ": error: " + r.Error
	if r.Message != "" && r.Message != r.Error {
		line += ": " + r.Message
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, line)
}

func (p *printer) close() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// sum is nil when nothing is missing.
func (p *printer) sum() error {
	if p.seen.Refused+p.seen.Failed == 0 {
		return nil
	}
	p.seen.Files = p.files
	return &p.seen
}
