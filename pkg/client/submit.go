package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"tidemark/pkg/report"
)

// Submit submits files: names of files, of folders with reports below them, or "-" for standard input. It prints what became
// of each and returns nil when all were stored or received, an [*Incomplete] when some were not, or what is wrong with the
// options or files as a whole. When ctx ends, files not yet delivered count as failed.
func Submit(ctx context.Context, o Options, files []string) error {
	o = o.withDefaults()
	if err := o.Validate(); err != nil {
		return err
	}
	to, err := resolve(o)
	if err != nil {
		return err
	}
	names, err := expand(files)
	if err != nil {
		return err
	}
	s := &submitter{o: o, to: to}
	p := newPrinter(o, len(names))
	defer p.close()
	work := make(chan string)
	var workers sync.WaitGroup
	for range min(o.Concurrency, len(names)) {
		workers.Go(func() {
			for name := range work {
				p.done(s.file(ctx, name))
			}
		})
	}
	for _, name := range names {
		work <- name
	}
	close(work)
	workers.Wait()
	return p.sum()
}

type submitter struct {
	o  Options
	to target
}

// file takes one file all the way.
func (s *submitter) file(ctx context.Context, name string) (r Result) {
	r = Result{File: name}
	started := time.Now()
	defer func() { r.TookMS = float64(time.Since(started).Microseconds()) / 1000 }()
	if err := context.Cause(ctx); err != nil {
		return r.failed("not sent", err)
	}
	data, err := readFile(name, s.o.In)
	if err != nil {
		return r.failed("could not read the file", err)
	}
	c, err := prepare(data, s.o.Compression)
	if err != nil {
		return r.failed("could not read the file", err)
	}
	r.Bytes, r.SentBytes, r.Key = c.size, len(c.body), s.to.key(s.o, c)
	if s.o.DryRun {
		return s.plan(r, data, c)
	}
	r = s.deliver(ctx, r, c)
	if r.Status == Received && s.o.Wait {
		r = s.awaitReceipt(ctx, r)
	}
	return r
}

func (r Result) failed(what string, err error) Result {
	r.Status, r.Error, r.Message = Failed, what, err.Error()
	return r
}

// plan reads the report as the server would and says what it holds.
func (s *submitter) plan(r Result, data []byte, c content) Result {
	plain, err := open(data)
	if err != nil {
		return r.failed("could not read the file", err)
	}
	defer plain.Close()
	limit := report.DefaultOptions().MaxBytes
	body, err := io.ReadAll(io.LimitReader(plain, int64(limit)+1))
	if err != nil {
		return r.failed("could not read the file", err)
	}
	parsed, err := report.Parse(body, report.Options{File: r.File})
	if err != nil {
		r.Status, r.Error = Refused, err.Error()
		if known := (*report.Error)(nil); errors.As(err, &known) {
			r.Error, r.Message = known.Text, known.Detail
		}
		return r
	}
	values := 0
	for _, t := range parsed.Tests {
		for _, m := range t.Values {
			values += len(m.Values)
		}
	}
	how := c.encoding
	if how == "" {
		how = "uncompressed"
	}
	r.Status = Planned
	r.Plan = fmt.Sprintf("would send %d bytes (%s, report of %d bytes) to %s: format version %d, machine %q, %d tests, %d values",
		len(c.body), how, c.size, s.to.url, parsed.SourceVersion, parsed.Machine.Name, len(parsed.Tests), values)
	return r
}
