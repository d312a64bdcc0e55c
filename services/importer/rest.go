package importer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tidemark/pkg/suite"
)

// restSource reads a server that speaks LNT's REST, version 4. It only reads what is open to everybody.
type restSource struct{ site }

func (s *restSource) Name() string { return s.shown() }
func (s *restSource) Close() error { return nil }

// suiteLink finds the suites in the menu of LNT's pages: its REST has no list of them.
var suiteLink = regexp.MustCompile(`/v4/([A-Za-z][A-Za-z0-9_]*)/`)

// Suites reads the menu.
func (s *restSource) Suites(ctx context.Context, database string) ([]string, error) {
	path := "/db_" + url.PathEscape(database) + "/"
	page, err := s.read(ctx, path)
	if isStatus(err, http.StatusFound, http.StatusMovedPermanently, http.StatusNotFound) {
		page, err = s.read(ctx, "/")
	}
	if err != nil {
		return nil, fmt.Errorf("list suites of %s: %w", database, err)
	}
	found := map[string]bool{}
	for _, m := range suiteLink.FindAllSubmatch(page, -1) {
		found[string(m[1])] = true
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		err := s.get(ctx, suitePath(database, name)+"fields", &struct{}{})
		if isStatus(err, http.StatusNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no suites found on %s%s; name them", s.shown(), path)
	}
	return names, nil
}

func suitePath(database, name string) string {
	return "/api/db_" + url.PathEscape(database) + "/v4/" + url.PathEscape(name) + "/"
}

// restSuite is one suite of it.
type restSuite struct {
	site
	path   string
	schema suite.Schema

	mu     sync.Mutex
	orders map[uint32][]string
}

// Open reads schema and fields: the schema is sorted by name, the fields have their indexes.
func (s *restSource) Open(ctx context.Context, database, name string) (Suite, error) {
	opened, err := s.open(ctx, database, name)
	if err != nil {
		return nil, err
	}
	return opened, nil
}

func (s *restSource) open(ctx context.Context, database, name string) (*restSuite, error) {
	r := &restSuite{site: s.site, path: suitePath(database, name), orders: map[uint32][]string{}}
	var said struct {
		Metrics []struct {
			Name           string           `json:"name"`
			Type           suite.MetricType `json:"type"`
			DisplayName    *string          `json:"display_name"`
			Unit           *string          `json:"unit"`
			UnitAbbrev     *string          `json:"unit_abbrev"`
			BiggerIsBetter bool             `json:"bigger_is_better"`
			IgnoreSameHash bool             `json:"ignore_same_hash"`
		} `json:"metrics"`
		RunFields     []suite.Field `json:"run_fields"`
		MachineFields []suite.Field `json:"machine_fields"`
	}
	if err := s.get(ctx, r.path+"schema", &said); err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", name, err)
	}
	r.schema = suite.Schema{Name: name, RunFields: said.RunFields, MachineFields: said.MachineFields}
	for _, m := range said.Metrics {
		metric := suite.Metric{Name: m.Name, Type: m.Type, DisplayName: orEmpty(m.DisplayName), Unit: orEmpty(m.Unit), UnitAbbrev: orEmpty(m.UnitAbbrev), BiggerIsBetter: m.BiggerIsBetter, IgnoreSameHash: m.IgnoreSameHash}
		if metric.DisplayName == metric.Name {
			metric.DisplayName = "" // LNT's own stand-in for none
		}
		r.schema.Metrics = append(r.schema.Metrics, metric)
	}
	if err := r.sortMetrics(ctx); err != nil {
		return nil, err
	}
	return r, r.sortOrderFields(ctx)
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (r *restSuite) sortMetrics(ctx context.Context) error {
	var said struct {
		Fields []struct {
			ID   int    `json:"column_id"`
			Name string `json:"column_name"`
		} `json:"fields"`
	}
	if err := r.get(ctx, r.path+"fields", &said); err != nil {
		return err
	}
	index := map[string]int{}
	for _, f := range said.Fields {
		index[f.Name] = f.ID
	}
	slices.SortStableFunc(r.schema.Metrics, func(a, b suite.Metric) int { return cmp.Compare(index[a.Name], index[b.Name]) })
	return nil
}

func (r *restSuite) Schema() suite.Schema { return r.schema }

// Machines lists them with everything that is known of them.
func (r *restSuite) Machines(ctx context.Context) ([]Machine, error) {
	var said struct {
		Machines []Object `json:"machines"`
	}
	if err := r.get(ctx, r.path+"machines", &said); err != nil {
		return nil, err
	}
	machines := make([]Machine, len(said.Machines))
	for i, o := range said.Machines {
		var err error
		if machines[i], err = machineOf(o); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(machines, func(a, b Machine) int { return cmp.Compare(a.ID, b.ID) })
	return machines, nil
}

func machineOf(o Object) (Machine, error) {
	id, err := number(o, "id")
	if err != nil {
		return Machine{}, fmt.Errorf("machine: %w", err)
	}
	name, _ := text(o["name"])
	return Machine{id, name, without(o, "id", "name")}, nil
}

// without gives the members that are not named. A null is a parameter that is null: of declared fields LNT says only what is there.
func without(o Object, names ...string) Object {
	out := make(Object, len(o))
	for name, v := range o {
		if !slices.Contains(names, name) {
			out[name] = v
		}
	}
	return out
}

func number(o Object, name string) (uint32, error) {
	n, err := strconv.ParseUint(string(o[name]), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not an id", name, o[name])
	}
	return uint32(n), nil
}

// Heads reads each machine's list of runs, one run after the other.
func (r *restSuite) Heads(ctx context.Context, machines []Machine) ([]Head, error) {
	var heads []Head
	for _, m := range machines {
		path := r.path + "machines/" + strconv.FormatUint(uint64(m.ID), 10)
		body, err := r.read(ctx, path)
		if isStatus(err, http.StatusNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		err = eachRun(body, func(o Object) error {
			run, err := r.run(o)
			if err != nil {
				return err
			}
			head := run.Head
			head.MachineID = m.ID
			heads = append(heads, head)
			r.remember(run)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("GET %s: %w", path, err)
		}
	}
	return heads, nil
}

func (r *restSuite) remember(run *Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.orders[run.OrderID]; !known {
		r.orders[run.OrderID] = run.Order
	}
}

// eachRun walks through "runs" without holding more than one of them apart.
func eachRun(body []byte, yield func(Object) error) error {
	if mayHoldNonFinite(body) {
		body = withoutNonFinite(body)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		if key != "runs" {
			var skipped json.RawMessage
			if err := dec.Decode(&skipped); err != nil {
				return err
			}
			continue
		}
		if _, err := dec.Token(); err != nil {
			return err
		}
		for dec.More() {
			var o Object
			if err := dec.Decode(&o); err != nil {
				return err
			}
			if err := yield(o); err != nil {
				return err
			}
		}
		if _, err := dec.Token(); err != nil {
			return err
		}
	}
	return nil
}

// run reads LNT's flat object of a run. Only it tells which order field comes first.
func (r *restSuite) run(o Object) (*Run, error) {
	run := &Run{}
	var err error
	if run.ID, err = number(o, "id"); err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	if run.OrderID, err = number(o, "order_id"); err != nil {
		return nil, fmt.Errorf("run %d: %w", run.ID, err)
	}
	orders := r.schema.OrderFields()
	for _, name := range orders {
		value, _ := text(o[name])
		run.Order = append(run.Order, value)
	}
	run.Began, _ = text(o["start_time"])
	run.End, _ = text(o["end_time"])
	run.Start = parseTime(run.Began)
	run.Attrs = without(o, append(orders, "id", "order_id", "order_by", "start_time", "end_time")...)
	return run, nil
}

// Orders yields those of the runs that were listed.
func (r *restSuite) Orders(_ context.Context, yield func(Order) error) error {
	r.mu.Lock()
	orders := maps.Clone(r.orders)
	r.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(orders)) {
		if err := yield(Order{id, orders[id]}); err != nil {
			return err
		}
	}
	return nil
}

// Tests yields all that ever had a name.
func (r *restSuite) Tests(ctx context.Context, yield func(Test) error) error {
	var said struct {
		Tests []struct {
			ID   uint32 `json:"id"`
			Name string `json:"name"`
		} `json:"tests"`
	}
	if err := r.get(ctx, r.path+"tests", &said); err != nil {
		return err
	}
	for _, t := range said.Tests {
		if err := yield(Test{t.ID, t.Name}); err != nil {
			return err
		}
	}
	return nil
}

// Run reads a run with its machine and samples.
func (r *restSuite) Run(ctx context.Context, id uint32) (*Run, error) {
	path := r.path + "runs/" + strconv.FormatUint(uint64(id), 10)
	var said struct {
		Run     Object   `json:"run"`
		Machine Object   `json:"machine"`
		Tests   []Object `json:"tests"`
	}
	err := r.get(ctx, path, &said)
	if isStatus(err, http.StatusNotFound) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	run, err := r.run(said.Run)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	m, err := machineOf(said.Machine)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	run.MachineID, run.MachineName, run.MachineAttrs = m.ID, m.Name, m.Attrs
	run.Rows = make([]Row, len(said.Tests))
	for i, o := range said.Tests {
		if run.Rows[i], err = r.row(o); err != nil {
			return nil, fmt.Errorf("GET %s: tests[%d]: %w", path, i, err)
		}
	}
	slices.SortFunc(run.Rows, func(a, b Row) int { return cmp.Compare(a.ID, b.ID) })
	return run, nil
}

func (r *restSuite) row(o Object) (Row, error) {
	row := Row{Values: make([]json.RawMessage, len(r.schema.Metrics))}
	var err error
	if row.ID, err = strconv.ParseUint(string(o["id"]), 10, 64); err != nil {
		return Row{}, fmt.Errorf("id: %q is not an id", o["id"])
	}
	named := false
	if row.Test, named = text(o["name"]); !named {
		return Row{}, errors.New("has no name")
	}
	for i, m := range r.schema.Metrics {
		if v := o[m.Name]; !isNull(v) {
			row.Values[i] = v
		}
	}
	return row, nil
}

// Judgements are not told over REST.
func (r *restSuite) Judgements(context.Context) (*Judgements, error) { return nil, nil } //nolint:nilnil // none, and that is no error

// sortOrderFields puts several order fields into the order in which runs name them, which the schema does not show.
func (r *restSuite) sortOrderFields(ctx context.Context) error {
	if len(r.schema.OrderFields()) < 2 {
		return nil
	}
	machines, err := r.Machines(ctx)
	if err != nil {
		return err
	}
	rank := map[string]int{}
	for _, m := range machines {
		body, err := r.read(ctx, r.path+"machines/"+strconv.FormatUint(uint64(m.ID), 10))
		if err != nil {
			return err
		}
		err = eachRun(body, func(o Object) error {
			by, _ := text(o["order_by"])
			for i, name := range strings.Split(by, ",") {
				rank[name] = i + 1
			}
			return errEnough
		})
		if errors.Is(err, errEnough) {
			break
		}
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(r.schema.RunFields, func(a, b suite.Field) int { return cmp.Compare(rank[a.Name], rank[b.Name]) })
	return nil
}

// errEnough ends a walk.
var errEnough = errors.New("enough")
