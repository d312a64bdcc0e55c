package importer

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"tidemark/pkg/suite"
)

// Source is an LNT server or its database.
type Source interface {
	// Name identifies the source, without secrets.
	Name() string
	// Suites lists the suites of a database.
	Suites(ctx context.Context, database string) ([]string, error)
	// Open reads what a suite declares.
	Open(ctx context.Context, database, name string) (Suite, error)
	Close() error
}

// Suite is one suite of a source. Its methods may be used at the same time.
type Suite interface {
	// Schema has the metrics in the order of their field indexes.
	Schema() suite.Schema
	// Machines lists all machines by ascending id.
	Machines(ctx context.Context) ([]Machine, error)
	// Heads lists the runs of machines, in any order.
	Heads(ctx context.Context, machines []Machine) ([]Head, error)
	// Orders and Tests yield what has an id. Over REST only the orders that Heads saw are known.
	Orders(ctx context.Context, yield func(Order) error) error
	Tests(ctx context.Context, yield func(Test) error) error
	// Run reads one run whole. [errGone] says that it is no longer there.
	Run(ctx context.Context, id uint32) (*Run, error)
	// Judgements reads what people and detectors said about the runs; nil where the source does not tell.
	Judgements(ctx context.Context) (*Judgements, error)
}

// errGone says that a run was deleted since it was listed.
var errGone = errors.New("the run is gone")

// Object holds the attributes of a machine or run, each as JSON text.
type Object map[string]json.RawMessage

// Machine is a machine with its fields and parameters.
type Machine struct {
	ID    uint32
	Name  string
	Attrs Object
}

// Order is a point of a suite's history: one value per order field.
type Order struct {
	ID     uint32
	Values []string
}

// Test has the name of a test.
type Test struct {
	ID   uint32
	Name string
}

// Head is what a listing says of a run. Start is zero where it has none.
type Head struct {
	ID, MachineID, OrderID uint32
	Start                  time.Time
}

// Run is one run whole. Times are texts as LNT prints them, UTC without a zone, empty where there is none.
type Run struct {
	Head
	MachineName  string
	MachineAttrs Object
	Order        []string
	Began, End   string
	Attrs        Object
	// Rows are LNT's samples by ascending id.
	Rows []Row
}

// Row is one sample: per metric of the schema a JSON value, nil where there is none.
type Row struct {
	ID      uint64
	Test    string
	Values  []json.RawMessage
	Profile []byte
}

// values counts those that are there.
func (r *Run) values() int {
	n := 0
	for _, row := range r.Rows {
		for _, v := range row.Values {
			if v != nil {
				n++
			}
		}
	}
	return n
}

// Judgements are LNT's field changes, regressions and baselines.
type Judgements struct {
	FieldChanges int            `json:"field_changes"`
	Ignored      int            `json:"ignored_changes"`
	Profiles     int            `json:"profiles"`
	Regressions  []Regression   `json:"regressions"`
	Baselines    []BaselineMark `json:"baselines"`
}

// Regression is a group of changes with what people said about it. State is LNT's number.
type Regression struct {
	ID      uint32   `json:"id"`
	Title   string   `json:"title"`
	Bug     string   `json:"bug"`
	State   int      `json:"state"`
	Changes []Change `json:"changes"`
}

// Change is one field change of a regression.
type Change struct {
	MachineID uint32   `json:"machine_id"`
	Machine   string   `json:"machine"`
	TestID    uint32   `json:"test_id"`
	Test      string   `json:"test"`
	Metric    string   `json:"metric"`
	From      []string `json:"start_order"`
	To        []string `json:"end_order"`
	Old       *float64 `json:"old_value"`
	New       *float64 `json:"new_value"`
	RunID     uint32   `json:"run_id"`
}

// BaselineMark is a named order.
type BaselineMark struct {
	Name    string   `json:"name"`
	Comment string   `json:"comment"`
	OrderID uint32   `json:"order_id"`
	Order   []string `json:"order"`
}
