package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/samber/lo"
	"golang.org/x/term"

	"tidemark/pkg/config"
	"tidemark/pkg/detect"
	"tidemark/pkg/embedded/clickhouse"
	"tidemark/pkg/store"
)

// exitNotJudged: the input, the detector or its parameters are wrong and nothing was judged.
const exitNotJudged = 2

type detectCmd struct {
	File string `arg:"" optional:"" help:"CSV with the columns series, order (an integer) and value; - is standard input. Several rows of one series and order are its samples."`

	Detector string            `help:"Detector to judge with." default:"steps"`
	Preset   string            `help:"Named set of parameters to begin with."`
	Param    map[string]string `help:"Parameter of the detector; may be given several times." placeholder:"NAME=VALUE" mapsep:"none"`
	Format   string            `help:"Form of the answer: csv, table or json; without one a table on a terminal, else csv." enum:",csv,table,json" default:""`
	Explain  bool              `help:"Say of every place which rule stopped it, not only where a change is."`
	List     bool              `help:"Show the detectors with their parameters, and end."`

	Libchdb      string       `name:"libchdb" help:"Engine library to load instead of the fetched one." type:"path"`
	EngineMemory config.Bytes `help:"Memory the embedded engine may use." default:"1GiB"`
}

// Help is the long text of `tidemark detect --help`.
func (detectCmd) Help() string {
	return `Judges the series of a CSV with a detector of sql/detectors, and keeps nothing. The columns of the answer: series,
order and index (0-based among the orders of its series) of the first point after the change, direction (up or down), the levels
before and after, the relative effect (0.1 is ten percent up) and p_value, then the effect's 95 % interval and the statistic. A
line that cannot be read ends it: nothing is judged, and the exit code is 2. See docs/detection-detectors.md.`
}

// Run judges a file. Its exit code is 2 when nothing was judged, 1 when judging failed.
func (c *detectCmd) Run(ctx context.Context) error {
	if c.List {
		return listDetectors(os.Stdout)
	}
	d, err := detect.Resolve(c.Detector, c.Preset, c.Param)
	if err != nil {
		return exit{err, exitNotJudged}
	}
	if c.File == "" {
		return exit{errors.New("a CSV is needed: a file, or - for standard input"), exitNotJudged}
	}
	in, name := os.Stdin, "standard input"
	if c.File != "-" {
		name = c.File
		if in, err = os.Open(c.File); err != nil {
			return exit{err, exitNotJudged}
		}
		defer in.Close() //nolint:errcheck // only read
	}
	return c.judge(ctx, d, bufio.NewReaderSize(in, 1<<20), name, os.Stdout)
}

// judge opens an engine in a folder of its own and removes it at the end, also when nobody reads the answer any more.
func (c *detectCmd) judge(ctx context.Context, d detect.Detector, in io.Reader, name string, out io.Writer) (err error) {
	signal.Ignore(syscall.SIGPIPE)
	s, done, err := c.engine(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	samples, err := detect.Load(ctx, s, in)
	if err != nil {
		var bad *detect.CSVError
		if errors.As(err, &bad) {
			return exit{fmt.Errorf("%s: %w; nothing was judged", name, err), exitNotJudged}
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	w := newFindingWriter(c.format(), out, samples.Names, c.Explain)
	if err := samples.Judge(ctx, d, c.Explain, w.write); err != nil {
		return err
	}
	return w.end()
}

func (c *detectCmd) format() string {
	switch {
	case c.Format != "":
		return c.Format
	case term.IsTerminal(int(os.Stdout.Fd())): //nolint:gosec // a file descriptor
		return "table"
	}
	return "csv"
}

// engine is a store with nothing in it; done closes it and removes its folder.
func (c *detectCmd) engine(ctx context.Context) (s *store.Store, done func() error, err error) {
	folder, err := os.MkdirTemp("", "tidemark-detect-")
	if err != nil {
		return nil, nil, err
	}
	undo := []func() error{func() error { return os.RemoveAll(folder) }}
	done = func() error {
		slices.Reverse(undo)
		return errors.Join(lo.Map(undo, func(f func() error, _ int) error { return f() })...)
	}
	fail := func(err error) (*store.Store, func() error, error) { return nil, nil, errors.Join(err, done()) }
	cfg := clickhouse.DefaultConfig()
	cfg.Path, cfg.Library, cfg.MemoryLimit = filepath.Join(folder, "engine"), c.Libchdb, int64(c.EngineMemory)
	engine, err := clickhouse.New(cfg)
	if err != nil {
		return fail(err)
	}
	if err := engine.Open(ctx); err != nil {
		return fail(err)
	}
	undo = append(undo, engine.Close)
	yieldToEngine()
	storeConfig := store.DefaultConfig()
	storeConfig.Dial, storeConfig.Database = engine.Dial, "default"
	storeConfig.ReadMemoryBytes = int64(c.EngineMemory)
	storeConfig.ReadTimeout, storeConfig.WriteTimeout = time.Hour, time.Hour
	if s, err = store.New(storeConfig); err != nil {
		return fail(err)
	}
	if err := s.Open(ctx); err != nil {
		return fail(err)
	}
	undo = append(undo, s.Close)
	return s, done, nil
}

// findingWriter writes rows in one of the formats.
type findingWriter struct {
	names   []string
	explain bool
	write   func(detect.Placed) error
	end     func() error
}

func newFindingWriter(format string, out io.Writer, names []string, explain bool) *findingWriter {
	w := &findingWriter{names: names, explain: explain}
	buffered := bufio.NewWriterSize(out, 1<<16)
	switch format {
	case "json":
		w.json(buffered)
	case "table":
		w.table(buffered)
	default:
		w.csv(buffered)
	}
	return w
}

var findingColumns = []string{
	"series", "order", "index", "direction", "before", "after", "effect", "p_value", "effect_low", "effect_high", "spread", "statistic",
}

func (w *findingWriter) columns() []string {
	if w.explain {
		return append(slices.Clone(findingColumns), "stopped_by", "checks")
	}
	return findingColumns
}

// fields are a row's values in the order of the columns; number writes a number.
func (w *findingWriter) fields(p detect.Placed, number func(float64) string) []string {
	fields := []string{
		w.names[p.Series], strconv.FormatInt(p.Order, 10), strconv.FormatUint(uint64(p.Place), 10), p.Direction,
		number(p.Before), number(p.After), number(p.Effect), number(p.PValue), number(p.EffectLow), number(p.EffectHigh),
		number(p.Spread), number(p.Statistic),
	}
	if w.explain {
		checks := lo.Map(p.Checks, func(c detect.Check, _ int) string {
			return fmt.Sprintf("%s %s %s %s", c.Name, lo.Ternary(c.Passed, "passed", "stopped"), number(c.Value), number(c.Threshold))
		})
		fields = append(fields, p.StoppedBy, strings.Join(checks, "; "))
	}
	return fields
}

func exact(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) }

func rounded(n float64) string { return strconv.FormatFloat(n, 'g', 5, 64) }

func (w *findingWriter) csv(out *bufio.Writer) {
	c := csv.NewWriter(out)
	_ = c.Write(w.columns()) // its error comes with the flush
	w.write = func(p detect.Placed) error { return c.Write(w.fields(p, exact)) }
	w.end = func() error {
		c.Flush()
		return errors.Join(c.Error(), out.Flush())
	}
}

func (w *findingWriter) table(out *bufio.Writer) {
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, strings.ToUpper(strings.Join(w.columns(), "\t")))
	found := 0
	w.write = func(p detect.Placed) error {
		if p.Finding() {
			found++
		}
		_, err := fmt.Fprintln(t, strings.Join(w.fields(p, rounded), "\t"))
		return err
	}
	w.end = func() error {
		if err := t.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(out, "%d changes in %d series\n", found, len(w.names))
		return out.Flush()
	}
}

// json writes one array, a row per line.
func (w *findingWriter) json(out *bufio.Writer) {
	type row struct {
		Series     string         `json:"series"`
		Order      int64          `json:"order"`
		Index      uint32         `json:"index"`
		Direction  string         `json:"direction"`
		Before     float64        `json:"before"`
		After      float64        `json:"after"`
		Effect     float64        `json:"effect"`
		PValue     float64        `json:"p_value"`
		EffectLow  float64        `json:"effect_low"`
		EffectHigh float64        `json:"effect_high"`
		Spread     float64        `json:"spread"`
		Statistic  float64        `json:"statistic"`
		StoppedBy  string         `json:"stopped_by,omitempty"`
		Checks     []detect.Check `json:"checks"`
	}
	before := "[\n"
	w.write = func(p detect.Placed) error {
		text, err := json.Marshal(row{
			w.names[p.Series], p.Order, p.Place, p.Direction, p.Before, p.After, p.Effect, p.PValue, p.EffectLow, p.EffectHigh,
			p.Spread, p.Statistic, p.StoppedBy, p.Checks,
		})
		if err != nil {
			return err
		}
		out.WriteString(before) //nolint:errcheck,gosec // its error comes with the flush
		before = ",\n"
		_, err = out.Write(text)
		return err
	}
	w.end = func() error {
		fmt.Fprint(out, lo.Ternary(before == "[\n", "[]\n", "\n]\n"))
		return out.Flush()
	}
}

// listDetectors shows what can be judged with, and what is wrong with the others.
func listDetectors(out io.Writer) error {
	good, bad := detect.List()
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, d := range good {
		fmt.Fprintf(t, "%s (version %d): %s\n", d.Name, d.Version, d.Purpose)
		for _, p := range d.Tunables {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", p.Name, p.Default, p.Range(), p.Help)
		}
		for _, p := range d.Presets {
			values := lo.MapToSlice(p.Values, func(name, value string) string { return name + "=" + value })
			slices.Sort(values)
			fmt.Fprintf(t, "  --preset %s\t\t%s\t%s\n", p.Name, strings.Join(values, " "), p.Help)
		}
		fmt.Fprintln(t)
	}
	for _, b := range bad {
		fmt.Fprintf(t, "%s cannot be used: %v\n", b.Name, b.Err)
	}
	return t.Flush()
}
