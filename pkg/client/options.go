package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"
)

// Options say where and how to submit. Begin with [DefaultOptions].
type Options struct {
	// URL is a server's root, or the address to post to: one that ends in /submitRun, or a REST address that ends in /runs.
	URL string
	// Database and Suite complete a root URL. Without them the server's default database takes the report, and the report
	// itself names its suite.
	Database, Suite string
	// Token goes into the AuthToken header.
	Token string

	// Merge is reject, replace or append: what to do when the machine already has a run of that order.
	Merge string
	// SelectMachine is match, update or split: what to do when the machine reports other properties than before.
	SelectMachine string
	// IgnoreRegressions keeps detectors from looking at the run.
	IgnoreRegressions bool
	// Salt makes other idempotency keys, to have a refused submission judged again, or the same report stored again.
	Salt string

	// Async does not wait for the outcome. Wait, on top of it, waits for the receipts.
	Async, Wait bool
	// DryRun reads the reports and says what would be sent.
	DryRun bool
	// Concurrency is how many files are sent at once. More than one leaves the order of arrival open.
	Concurrency int
	// Compression is zstd, gzip or none. A file that is compressed already is sent as it is.
	Compression string

	AttemptTimeout time.Duration // of one request
	RetryFor       time.Duration // how long a file is tried before it counts as undelivered
	RetryFirst     time.Duration // first pause between two tries; they grow from there
	ReceiptFor     time.Duration // how long a receipt is waited for, with Wait

	// Quiet prints errors only. JSON prints one object per file, a [Result], and nothing else.
	Quiet, JSON bool

	In       io.Reader    // what "-" reads; nil: standard input
	Out, Err io.Writer    // results and errors; nil: standard output and error. A bar is shown on Err if that is a terminal
	OnResult func(Result) // is told of every result, one at a time; may be nil
	HTTP     *http.Client // nil: one without redirects and with the environment's proxies
}

// DefaultOptions are those of "lnt submit" where it has them.
func DefaultOptions() Options {
	return Options{
		Merge:          "replace",
		SelectMachine:  "match",
		Concurrency:    1,
		Compression:    "zstd",
		AttemptTimeout: 2 * time.Minute,
		RetryFor:       5 * time.Minute,
		RetryFirst:     500 * time.Millisecond,
		ReceiptFor:     2 * time.Minute,
	}
}

// Validate reports everything that is wrong, joined.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if u, err := url.Parse(o.URL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		bad("url: %q is not an http or https address", o.URL)
	}
	for _, c := range []struct {
		name, value string
		known       []string
	}{
		{"merge", o.Merge, []string{"reject", "replace", "append"}},
		{"select_machine", o.SelectMachine, []string{"match", "update", "split"}},
		{"compression", o.Compression, []string{"zstd", "gzip", "none"}},
	} {
		if !slices.Contains(c.known, c.value) {
			bad("%s: %q is not one of %v", c.name, c.value, c.known)
		}
	}
	if o.Concurrency < 1 {
		bad("concurrency: %d is less than 1", o.Concurrency)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"attempt_timeout", o.AttemptTimeout}, {"retry_for", o.RetryFor}, {"retry_first", o.RetryFirst}, {"receipt_for", o.ReceiptFor},
	} {
		if d.value <= 0 {
			bad("%s: %s is not positive", d.name, d.value)
		}
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.In == nil {
		o.In = os.Stdin
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	if o.Err == nil {
		o.Err = os.Stderr
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return o
}
