package importer

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"tidemark/pkg/suite"
)

// tables are those of one suite: "NT_Machine", "NT_Run" and so on, with one column per declared field.
type tables struct {
	source    *databaseSource
	key       string // what the tables' names begin with
	schema    suite.Schema
	runFields []string         // those that are not order fields
	fieldIDs  map[int64]string // names of metrics by LNT's ids

	mu       sync.Mutex
	machines map[uint32]Machine
}

func (t *tables) Schema() suite.Schema { return t.schema }

func (t *tables) table(name string) string { return identifier(t.key + "_" + name) }

// columns lists quoted columns of a table's alias, each with a comma before it.
func columns(alias string, names []string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString(", " + alias + "." + identifier(name))
	}
	return b.String()
}

func (t *tables) machineFields() []string {
	var names []string
	for _, f := range t.schema.MachineFields {
		names = append(names, f.Name)
	}
	return names
}

// Machines reads them and remembers them for the runs.
func (t *tables) Machines(ctx context.Context) ([]Machine, error) {
	var machines []Machine
	fields := t.machineFields()
	query := `SELECT m."ID", m."Name", m."Parameters"` + columns("m", fields) + ` FROM ` + t.table("Machine") + ` m ORDER BY m."ID"`
	err := t.source.reading(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, query, func(rows *sql.Rows) error {
			var m Machine
			var name sql.NullString
			var params []byte
			values := make([]sql.NullString, len(fields))
			if err := rows.Scan(append([]any{&m.ID, &name, &params}, pointers(values)...)...); err != nil {
				return err
			}
			m.Name = name.String
			var err error
			if m.Attrs, err = attributes(params, fields, values); err != nil {
				return fmt.Errorf("machine %d: %w", m.ID, err)
			}
			machines = append(machines, m)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.machines = make(map[uint32]Machine, len(machines))
	for _, m := range machines {
		t.machines[m.ID] = m
	}
	return machines, nil
}

func pointers[T any](values []T) []any {
	list := make([]any, len(values))
	for i := range values {
		list[i] = &values[i]
	}
	return list
}

// attributes are the parameters, which LNT keeps as a list of pairs, with the declared fields over them.
func attributes(params []byte, fields []string, values []sql.NullString) (Object, error) {
	o := Object{}
	if len(params) > 0 {
		var pairs [][2]json.RawMessage
		if err := decode(params, &pairs); err != nil {
			if decode(params, &o) != nil {
				return nil, fmt.Errorf("parameters: %w", err)
			}
		}
		for _, pair := range pairs {
			if name, ok := text(pair[0]); ok {
				o[name] = pair[1]
			}
		}
	}
	for i, v := range values {
		if v.Valid {
			o[fields[i]] = quoted(v.String)
		}
	}
	return o, nil
}

// Heads lists runs without their samples.
func (t *tables) Heads(ctx context.Context, machines []Machine) ([]Head, error) {
	wanted := make(map[uint32]bool, len(machines))
	for _, m := range machines {
		wanted[m.ID] = true
	}
	var heads []Head
	err := t.source.reading(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT "ID", "MachineID", "OrderID", "StartTime" FROM `+t.table("Run")+` ORDER BY "ID"`, func(rows *sql.Rows) error {
			var h Head
			var start any
			if err := rows.Scan(&h.ID, &h.MachineID, &h.OrderID, &start); err != nil {
				return err
			}
			h.Start = timeOf(start)
			if wanted[h.MachineID] {
				heads = append(heads, h)
			}
			return nil
		})
	})
	return heads, err
}

// timeOf reads a time as a driver gives it. LNT's have no zone and mean UTC.
func timeOf(v any) time.Time {
	switch t := v.(type) {
	case time.Time:
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).Truncate(time.Microsecond)
	case string:
		return parseTime(t)
	case []byte:
		return parseTime(string(t))
	default:
		return time.Time{}
	}
}

// Orders yields every order, those without runs included.
func (t *tables) Orders(ctx context.Context, yield func(Order) error) error {
	fields := t.schema.OrderFields()
	return t.source.reading(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT o."ID"`+columns("o", fields)+` FROM `+t.table("Order")+` o ORDER BY o."ID"`, func(rows *sql.Rows) error {
			var id uint32
			values := make([]sql.NullString, len(fields))
			if err := rows.Scan(append([]any{&id}, pointers(values)...)...); err != nil {
				return err
			}
			return yield(Order{id, texts(values)})
		})
	})
}

func texts(values []sql.NullString) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v.String
	}
	return out
}

// Tests yields every test, those without samples included.
func (t *tables) Tests(ctx context.Context, yield func(Test) error) error {
	return t.source.reading(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT "ID", "Name" FROM `+t.table("Test")+` ORDER BY "ID"`, func(rows *sql.Rows) error {
			var test Test
			var name sql.NullString
			if err := rows.Scan(&test.ID, &name); err != nil {
				return err
			}
			test.Name = name.String
			return yield(test)
		})
	})
}

// Run reads a run and its samples in one transaction.
func (t *tables) Run(ctx context.Context, id uint32) (*Run, error) {
	var run *Run
	err := t.source.reading(ctx, func(tx *sql.Tx) error {
		var err error
		if run, err = t.runRow(ctx, tx, id); err != nil {
			return err
		}
		return t.samples(ctx, tx, run)
	})
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	m, known := t.machines[run.MachineID]
	t.mu.Unlock()
	if !known {
		return nil, errGone // its machine is newer than the list, so the run is not the one that was listed
	}
	run.MachineName, run.MachineAttrs = m.Name, m.Attrs
	return run, nil
}

func (t *tables) runRow(ctx context.Context, tx *sql.Tx, id uint32) (*Run, error) {
	orders := t.schema.OrderFields()
	query := fmt.Sprintf(`SELECT r."MachineID", r."OrderID", r."StartTime", r."EndTime", r."Parameters"%s%s FROM %s r JOIN %s o ON o."ID" = r."OrderID" WHERE r."ID" = %d`,
		columns("r", t.runFields), columns("o", orders), t.table("Run"), t.table("Order"), id)
	run := &Run{Head: Head{ID: id}}
	found := false
	err := each(ctx, tx, query, func(rows *sql.Rows) error {
		found = true
		var start, end any
		var params []byte
		fields, values := make([]sql.NullString, len(t.runFields)), make([]sql.NullString, len(orders))
		into := append([]any{&run.MachineID, &run.OrderID, &start, &end, &params}, pointers(fields)...)
		if err := rows.Scan(append(into, pointers(values)...)...); err != nil {
			return err
		}
		run.Start = timeOf(start)
		run.Began, run.End, run.Order = timeText(run.Start), timeText(timeOf(end)), texts(values)
		var err error
		run.Attrs, err = attributes(params, t.runFields, fields)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("run %d: %w", id, err)
	}
	if !found {
		return nil, errGone
	}
	return run, nil
}

func (t *tables) samples(ctx context.Context, tx *sql.Tx, run *Run) error {
	names := make([]string, len(t.schema.Metrics))
	for i, m := range t.schema.Metrics {
		names[i] = m.Name
	}
	profile, join := "NULL", ""
	if t.source.profiles != "" {
		profile, join = `p."Filename"`, ` LEFT JOIN `+t.table("Profile")+` p ON p."ID" = s."ProfileID"`
	}
	query := fmt.Sprintf(`SELECT s."ID", t."Name", %s%s FROM %s s JOIN %s t ON t."ID" = s."TestID"%s WHERE s."RunID" = %d ORDER BY s."ID"`,
		profile, columns("s", names), t.table("Sample"), t.table("Test"), join, run.ID)
	values := make([]any, len(names))
	into := pointers(values)
	err := each(ctx, tx, query, func(rows *sql.Rows) error {
		row := Row{Values: make([]json.RawMessage, len(names))}
		var test, file sql.NullString
		if err := rows.Scan(append([]any{&row.ID, &test, &file}, into...)...); err != nil {
			return err
		}
		row.Test = test.String
		for i, v := range values {
			row.Values[i] = valueText(v)
		}
		if file.Valid {
			row.Profile = t.source.profile(file.String)
		}
		run.Rows = append(run.Rows, row)
		return nil
	})
	if err != nil {
		return fmt.Errorf("samples of run %d: %w", run.ID, err)
	}
	return nil
}

// valueText writes a column's value as JSON; what is not finite keeps its name, to be counted later.
func valueText(v any) json.RawMessage {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return json.RawMessage("NaN")
		}
		return json.RawMessage(strconv.FormatFloat(v, 'g', -1, 64))
	case int64:
		return json.RawMessage(strconv.FormatInt(v, 10))
	case string:
		return quoted(v)
	case []byte:
		return quoted(string(v))
	default:
		return nil
	}
}

// profile reads a profile's file; empty when it is not there or of a kind that is not taken: of LNT's two kinds the older is a
// pickled Python object.
func (s *databaseSource) profile(name string) []byte {
	const version2 = 2
	data, err := os.ReadFile(filepath.Join(s.profiles, filepath.Base(name)))
	if err != nil || len(data) == 0 || data[0] != version2 {
		return []byte{}
	}
	return data
}

// Judgements reads what cannot be told as a report.
func (t *tables) Judgements(ctx context.Context) (*Judgements, error) {
	j := &Judgements{Regressions: []Regression{}, Baselines: []BaselineMark{}}
	err := t.source.reading(ctx, func(tx *sql.Tx) error {
		for table, into := range map[string]*int{"FieldChangeV2": &j.FieldChanges, "ChangeIgnore": &j.Ignored, "Profile": &j.Profiles} {
			err := each(ctx, tx, `SELECT count(*) FROM `+t.table(table), func(rows *sql.Rows) error { return rows.Scan(into) })
			if err != nil {
				return err
			}
		}
		if err := t.regressions(ctx, tx, j); err != nil {
			return err
		}
		return t.baselines(ctx, tx, j)
	})
	return j, err
}

func (t *tables) regressions(ctx context.Context, tx *sql.Tx, j *Judgements) error {
	at := map[uint32]int{}
	err := each(ctx, tx, `SELECT "ID", "Title", "BugLink", "State" FROM `+t.table("Regression")+` ORDER BY "ID"`, func(rows *sql.Rows) error {
		var r Regression
		var title, bug sql.NullString
		var state sql.NullInt64
		if err := rows.Scan(&r.ID, &title, &bug, &state); err != nil {
			return err
		}
		r.Title, r.Bug, r.State, r.Changes = title.String, bug.String, int(state.Int64), []Change{}
		at[r.ID] = len(j.Regressions)
		j.Regressions = append(j.Regressions, r)
		return nil
	})
	if err != nil {
		return err
	}
	orders := t.schema.OrderFields()
	query := fmt.Sprintf(`SELECT i."RegressionID", c."MachineID", m."Name", c."TestID", t."Name", c."FieldID", c."OldValue", c."NewValue", c."RunID"%s%s
FROM %s i JOIN %s c ON c."ID" = i."FieldChangeID" LEFT JOIN %s m ON m."ID" = c."MachineID" LEFT JOIN %s t ON t."ID" = c."TestID"
LEFT JOIN %s a ON a."ID" = c."StartOrderID" LEFT JOIN %s b ON b."ID" = c."EndOrderID" ORDER BY i."RegressionID", c."ID"`,
		columns("a", orders), columns("b", orders), t.table("RegressionIndicator"), t.table("FieldChangeV2"), t.table("Machine"), t.table("Test"), t.table("Order"), t.table("Order"))
	return each(ctx, tx, query, func(rows *sql.Rows) error {
		var regression, machine, test, field, run sql.NullInt64
		var machineName, testName sql.NullString
		var before, after sql.NullFloat64
		from, to := make([]sql.NullString, len(orders)), make([]sql.NullString, len(orders))
		into := append([]any{&regression, &machine, &machineName, &test, &testName, &field, &before, &after, &run}, pointers(from)...)
		if err := rows.Scan(append(into, pointers(to)...)...); err != nil {
			return err
		}
		i, known := at[idOf(regression)]
		if !known {
			return nil
		}
		j.Regressions[i].Changes = append(j.Regressions[i].Changes, Change{
			MachineID: idOf(machine), Machine: machineName.String, TestID: idOf(test), Test: testName.String, Metric: t.fieldIDs[field.Int64],
			From: texts(from), To: texts(to), Old: finite(before), New: finite(after), RunID: idOf(run),
		})
		return nil
	})
}

func idOf(n sql.NullInt64) uint32 {
	if n.Int64 < 0 || n.Int64 > math.MaxUint32 {
		return 0
	}
	return uint32(n.Int64)
}

func finite(f sql.NullFloat64) *float64 {
	if !f.Valid || math.IsNaN(f.Float64) || math.IsInf(f.Float64, 0) {
		return nil
	}
	return &f.Float64
}

func (t *tables) baselines(ctx context.Context, tx *sql.Tx, j *Judgements) error {
	orders := t.schema.OrderFields()
	query := `SELECT b."Name", b."Comment", b."OrderID"` + columns("o", orders) + ` FROM ` + t.table("Baseline") + ` b LEFT JOIN ` + t.table("Order") + ` o ON o."ID" = b."OrderID" ORDER BY b."ID"`
	return each(ctx, tx, query, func(rows *sql.Rows) error {
		var name, comment sql.NullString
		var order sql.NullInt64
		values := make([]sql.NullString, len(orders))
		if err := rows.Scan(append([]any{&name, &comment, &order}, pointers(values)...)...); err != nil {
			return err
		}
		j.Baselines = append(j.Baselines, BaselineMark{name.String, comment.String, idOf(order), texts(values)})
		return nil
	})
}
