package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/samber/lo"

	"tidemark/pkg/lifecycle"
	"tidemark/pkg/store"
	"tidemark/pkg/suite"
	"tidemark/services/intake"
	"tidemark/sql"
)

// suiteFile is a schema and where it was read.
type suiteFile struct {
	path   string
	schema suite.Schema
}

// readSuite reads one schema file; every problem is told with file and line.
func readSuite(path string, options suite.YAMLOptions) (suiteFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return suiteFile{}, err
	}
	if info.Size() > suite.MaxYAML {
		return suiteFile{}, fmt.Errorf("%s: %d bytes are more than %d", path, info.Size(), suite.MaxYAML)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return suiteFile{}, err
	}
	schema, err := suite.ReadYAML(data, options)
	var known *suite.YAMLError
	if errors.As(err, &known) {
		return suiteFile{}, errors.Join(lo.Map(known.Problems, func(p suite.Problem, _ int) error {
			return fmt.Errorf("%s:%d: %s", path, max(1, p.Line), lo.CoalesceOrEmpty(p.Detail, p.Text))
		})...)
	}
	return suiteFile{path, schema}, err
}

// readSuites reads every .yaml and .yml file of a folder, by name.
func readSuites(dir string, options suite.YAMLOptions) ([]suiteFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("suites: %w", err)
	}
	var files []suiteFile
	var problems []error
	paths := map[string]string{}
	for _, entry := range entries {
		if ext := filepath.Ext(entry.Name()); entry.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		file, err := readSuite(filepath.Join(dir, entry.Name()), options)
		if other := paths[file.schema.Name]; err == nil && other != "" {
			err = fmt.Errorf("%s: suite %s is defined by %s, too", file.path, file.schema.Name, other)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		paths[file.schema.Name] = file.path
		files = append(files, file)
	}
	return files, errors.Join(problems...)
}

// suiteFiles defines the suites of --suites once the log is followed. Until then the process is not ready; a file that cannot be
// applied ends it.
func (p *process) suiteFiles(in *intake.Service) error {
	if p.settings.Suites == "" {
		return nil
	}
	files, err := readSuites(p.settings.Suites, suite.YAMLOptions{LinkStatus: p.settings.LinkStatus})
	if err != nil {
		return err
	}
	if p.settings.NewDatabases {
		in.WhenOpened((&newcomers{process: p, intake: in, files: files, known: map[string]bool{}}).welcome)
	}
	defined := make(chan struct{})
	p.checks["suites"] = func() error {
		select {
		case <-defined:
			return nil
		default:
			return errors.New("suite files are not defined yet")
		}
	}
	p.add(lifecycle.Component{Name: "suites", Run: func(ctx context.Context) error {
		err := p.defineSuites(ctx, in, files)
		if err == nil {
			close(defined)
			<-ctx.Done()
		}
		return err
	}})
	return nil
}

// newcomers are databases that submissions make. They get the suites of the files before their first run.
type newcomers struct {
	process *process
	intake  *intake.Service
	files   []suiteFile

	mu    sync.Mutex
	known map[string]bool // databases that have them all
}

// welcome defines in a database what is not as the files say. Submissions to databases that are known do not wait for those to one
// that is new longer than it takes to look.
func (n *newcomers) welcome(ctx context.Context, database string) error {
	n.mu.Lock()
	known := n.known[database]
	n.mu.Unlock()
	if known {
		return nil
	}
	rows, err := store.Select[definedSuite](ctx, n.process.work, sql.MustQuery("suites_defined"), nil)
	if err != nil {
		return fmt.Errorf("read the suites of database %s: %w", database, err)
	}
	defined := lo.KeyBy(lo.Filter(rows, func(r definedSuite, _ int) bool { return r.Database == database }),
		func(r definedSuite) string { return r.Suite })
	for _, file := range n.files {
		// Two submissions that come at once append the same event.
		if err := n.process.defineSuite(ctx, n.intake, file, database, defined[file.schema.Name]); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known[database] = true
	return nil
}

// definedSuite is a suite as the tables know it. Seq is the position of the event that brought the schema.
type definedSuite struct {
	Database string `ch:"database"`
	Suite    string `ch:"suite"`
	Schema   string `ch:"schema"`
	Seq      uint64 `ch:"seq"`
}

func (p *process) defineSuites(ctx context.Context, in *intake.Service, files []suiteFile) error {
	if err := whenReady(ctx, in.Ready); err != nil {
		return err
	}
	rows, err := store.Select[definedSuite](ctx, p.work, sql.MustQuery("suites_defined"), nil)
	if err != nil {
		// Intake alone starts without the database. Defining a suite again as it is changes nothing.
		p.log.WarnContext(ctx, "suites not read, all files are defined", "err", err)
	}
	known := lo.KeyBy(rows, func(r definedSuite) [2]string { return [2]string{r.Database, r.Suite} })
	databases := lo.Uniq(append(slices.Clone(p.settings.Databases), lo.Map(rows, func(r definedSuite, _ int) string { return r.Database })...))
	for _, file := range files {
		for _, database := range databases {
			if err := p.defineSuite(ctx, in, file, database, known[[2]string{database, file.schema.Name}]); err != nil {
				return err
			}
		}
	}
	return nil
}

// defineSuite appends what differs from the schema there is. The event's id follows from both, so that replicas that start together
// append the same event.
func (p *process) defineSuite(ctx context.Context, in *intake.Service, file suiteFile, database string, was definedSuite) error {
	current, exists := suite.BuiltIn(file.schema.Name)
	if was.Schema != "" {
		var err error
		if current, err = suite.Decode([]byte(was.Schema)); err != nil {
			return fmt.Errorf("schema of %s/%s: %w", database, file.schema.Name, err)
		}
		exists = true
	}
	if exists && current.Says(file.schema) {
		return nil
	}
	key := fmt.Sprintf("suite file %d %x", was.Seq, sha256.Sum256(file.schema.Encode()))
	switch err := in.Define(ctx, database, file.schema, "suites", key); {
	case errors.Is(err, intake.ErrUndecided):
		p.log.WarnContext(ctx, "suite file not decided yet", "path", file.path, "database", database, "suite", file.schema.Name)
	case err != nil:
		return fmt.Errorf("%s: database %s: %w", file.path, database, err)
	default:
		p.log.InfoContext(ctx, "suite defined", "path", file.path, "database", database, "suite", file.schema.Name)
	}
	return nil
}

func whenReady(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

type suiteCmd struct {
	Check suiteCheckCmd `cmd:"" help:"Read schema files, change nothing, and say what is wrong."`
}

type suiteCheckCmd struct {
	Files      []string `arg:"" name:"file" help:"Schema files." type:"path"`
	LinkStatus bool     `help:"Link <x>_status to <x>_time, <x>_bytes and <x>."`
}

// Run tells of every file what it defines.
func (c *suiteCheckCmd) Run() error {
	var problems []error
	for _, path := range c.Files {
		file, err := readSuite(path, suite.YAMLOptions{LinkStatus: c.LinkStatus})
		if err != nil {
			problems = append(problems, err)
			continue
		}
		fmt.Print(file.summary())
	}
	return errors.Join(problems...)
}

func (f suiteFile) summary() string {
	var b strings.Builder
	s := f.schema
	names := func(fields []suite.Field) string {
		return lo.CoalesceOrEmpty(strings.Join(lo.Map(fields, func(f suite.Field, _ int) string { return f.Name }), ", "), "none")
	}
	others := lo.Reject(s.RunFields, func(f suite.Field, _ int) bool { return f.Order })
	fmt.Fprintf(&b, "%s: suite %s\n  order: %s\n  run fields: %s\n  machine fields: %s\n", f.path, s.Name, strings.Join(s.OrderFields(), ", "), names(others), names(s.MachineFields))
	for _, m := range s.Metrics {
		fmt.Fprintf(&b, "  metric %s: %s", m.Name, m.Type)
		if m.Status != "" {
			fmt.Fprintf(&b, ", trusted by %s", m.Status)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
