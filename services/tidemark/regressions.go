package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// exitNoAnswer: the server could not be asked, or had no answer; what it refused is exit code 1.
const exitNoAnswer = 2

// restExit gives an error of a request its exit code.
func restExit(err error) error {
	var refused *restError
	if err == nil || errors.As(err, &refused) && refused.status < http.StatusInternalServerError {
		return err
	}
	return exit{err, exitNoAnswer}
}

// given are the parameters that have a value.
func given(pairs ...string) url.Values {
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	return query
}

// list prints a list of the server, as it gave it or in columns.
func (f restFlags) list(ctx context.Context, path string, query url.Values, most int, columns []string, fields func(json.RawMessage) []string) error {
	var items []json.RawMessage
	errEnough := errors.New("enough")
	err := pages(ctx, f, path, query, func(item json.RawMessage) error {
		if items = append(items, item); len(items) == most {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return restExit(err)
	}
	return printRows(os.Stdout, f.format(), columns, items, fields)
}

// rows prints what a list that has no pages gave.
func (f restFlags) rows(columns []string, items []json.RawMessage, fields func(json.RawMessage) []string) error {
	return printRows(os.Stdout, f.format(), columns, items, fields)
}

// show prints one thing of the server as it gave it.
func (f restFlags) show(ctx context.Context, method, path string, query url.Values, in any) error {
	var answer json.RawMessage
	if err := f.call(ctx, method, path, query, in, &answer); err != nil {
		return restExit(err)
	}
	return printJSON(answer)
}

func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// change sends a request that changes something; a dry run prints it instead.
func (f restFlags) change(ctx context.Context, dryRun bool, method, path string, query url.Values, in any) error {
	if !dryRun {
		return f.show(ctx, method, path, query, in)
	}
	return printJSON(map[string]any{"dry_run": true, "method": method, "url": f.address(path, query), "body": in})
}

type regressionsCmd struct {
	List   regressionsListCmd   `cmd:"" help:"List regressions, those with the largest effect first."`
	Show   regressionsShowCmd   `cmd:"" help:"Show one regression with its findings, or what became of it."`
	Triage regressionsTriageCmd `cmd:"" help:"Change state, title, bug, owner or tags of one or of many, by one event."`
	Merge  regressionsMergeCmd  `cmd:"" help:"Make one regression of several."`
	Split  regressionsSplitCmd  `cmd:"" help:"Move findings into a new regression."`
	Undo   regressionsUndoCmd   `cmd:"" help:"Undo what an event did to regressions and dismissals."`
}

type regressionsListCmd struct {
	restFlags
	State     string `help:"States, with commas between: detected, staged, active, not_to_be_fixed, false_positive, fixed, verify."`
	Machine   string `help:"Machine, by name or id."`
	Test      string `help:"Test, by name or id."`
	Metric    string `help:"Metric."`
	Commit    string `help:"Order that is in the culprit range."`
	HasCommit string `help:"Whether there is a culprit range." enum:",true,false" default:""`
	Kind      string `help:"regression or improvement." enum:",regression,improvement" default:""`
	Cause     string `help:"code or machine." enum:",code,machine" default:""`
	Owner     string `help:"Who has it."`
	Tag       string `help:"A tag that it has."`
	Detector  string `help:"Who found the first of its findings."`
	Order     string `help:"What comes first: the largest effect, or the newest." enum:"effect,newest" default:"effect"`
	AsOf      string `help:"As it was at a time or a position."`
	Limit     int    `help:"How many at most; 0 is all." default:"0"`
}

// Run prints regressions.
func (c *regressionsListCmd) Run(ctx context.Context) error {
	query := given("state", c.State, "machine", c.Machine, "test", c.Test, "metric", c.Metric, "commit", c.Commit, "has_commit", c.HasCommit,
		"kind", c.Kind, "cause", c.Cause, "owner", c.Owner, "tag", c.Tag, "detector", c.Detector, "order", c.Order, "as_of", c.AsOf)
	columns := []string{"number", "state", "kind", "cause", "total_effect", "largest_effect", "findings", "tests", "machines", "after", "up_to", "owner", "tags", "bug", "title"}
	return c.list(ctx, "regressions", query, c.Limit, columns, func(raw json.RawMessage) []string {
		var r struct {
			Number                                uint32
			State, Kind, Cause, Owner, Bug, Title string
			Tags                                  []string
			Commit                                struct {
				After string
				UpTo  string `json:"up_to"`
			}
			Effect struct {
				Total, Largest            float64
				Findings, Tests, Machines uint64
			}
		}
		_ = json.Unmarshal(raw, &r) // what is not there is empty
		return []string{
			strconv.Itoa(int(r.Number)), r.State, r.Kind, r.Cause, rounded(r.Effect.Total), rounded(r.Effect.Largest), fmt.Sprint(r.Effect.Findings),
			fmt.Sprint(r.Effect.Tests), fmt.Sprint(r.Effect.Machines), r.Commit.After, r.Commit.UpTo, r.Owner, strings.Join(r.Tags, ","), r.Bug, r.Title,
		}
	})
}

type regressionsShowCmd struct {
	restFlags
	ID      string `arg:"" help:"Number or uuid."`
	AsOf    string `help:"As it was at a time or a position."`
	History bool   `help:"What became of it, event by event."`
}

// Run prints a regression as JSON, or its history in columns.
func (c *regressionsShowCmd) Run(ctx context.Context) error {
	path := "regressions/" + url.PathEscape(c.ID)
	if !c.History {
		return c.show(ctx, http.MethodGet, path, given("as_of", c.AsOf), nil)
	}
	var history struct{ Items []json.RawMessage }
	if err := c.call(ctx, http.MethodGet, path+"/history", nil, nil, &history); err != nil {
		return restExit(err)
	}
	columns := []string{"seq", "at", "event", "actor", "state", "owner", "findings", "deleted", "title", "note"}
	return printRows(os.Stdout, c.format(), columns, history.Items, func(raw json.RawMessage) []string {
		var h struct {
			Seq                     uint64
			At, Actor, State, Owner string
			EventType               string `json:"event_type"`
			Title, Note             string
			Findings                []uint32
			Deleted                 bool
		}
		_ = json.Unmarshal(raw, &h) // what is not there is empty
		return []string{
			fmt.Sprint(h.Seq), h.At, h.EventType, h.Actor, h.State, h.Owner, fmt.Sprint(len(h.Findings)), strconv.FormatBool(h.Deleted), h.Title, h.Note,
		}
	})
}

// chosenFlags say what is meant: one by one, or by the parameters of the list.
type chosenFlags struct {
	IDs    []string          `arg:"" optional:"" name:"id" help:"Numbers or uuids."`
	Filter map[string]string `help:"Instead: what the list gives with this parameter; may be given several times." placeholder:"NAME=VALUE" mapsep:"none"`
	DryRun bool              `short:"n" help:"Say what would change, and change nothing."`
}

func (c chosenFlags) body() map[string]any {
	body := map[string]any{}
	if len(c.IDs) > 0 {
		body["ids"] = c.IDs
	}
	if len(c.Filter) > 0 {
		body["filter"] = c.Filter
	}
	if c.DryRun {
		body["dry_run"] = true
	}
	return body
}

type regressionsTriageCmd struct {
	restFlags
	chosenFlags
	State     *string  `help:"detected, staged, active, not_to_be_fixed, false_positive, fixed or verify."`
	Title     *string  `help:"Title."`
	Bug       *string  `help:"Link of a bug."`
	Owner     *string  `help:"Who has it; empty for nobody."`
	AddTag    []string `help:"Tag to add."`
	RemoveTag []string `help:"Tag to take away."`
	Note      string   `help:"Why."`
}

// Run triages.
func (c *regressionsTriageCmd) Run(ctx context.Context) error {
	changes := map[string]any{}
	for name, value := range map[string]*string{"state": c.State, "title": c.Title, "bug": c.Bug, "owner": c.Owner} {
		if value != nil {
			changes[name] = *value
		}
	}
	if len(c.AddTag) > 0 {
		changes["add_tags"] = c.AddTag
	}
	if len(c.RemoveTag) > 0 {
		changes["remove_tags"] = c.RemoveTag
	}
	body := c.body()
	body["changes"] = changes
	body["note"] = c.Note
	return c.show(ctx, http.MethodPost, "regressions/triage", nil, body)
}

type regressionsMergeCmd struct {
	restFlags
	IDs    []string `arg:"" name:"id" help:"Numbers or uuids, at least two."`
	Note   string   `help:"Why."`
	DryRun bool     `short:"n" help:"Print the request, and send nothing."`
}

// Run merges regressions.
func (c *regressionsMergeCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.DryRun, http.MethodPost, "regressions/merge", nil, map[string]any{"regressions": c.IDs, "note": c.Note})
}

type regressionsSplitCmd struct {
	restFlags
	ID       string   `arg:"" help:"Number or uuid."`
	Findings []string `arg:"" name:"finding" help:"Numbers or uuids of the findings that leave it."`
	Note     string   `help:"Why."`
	DryRun   bool     `short:"n" help:"Print the request, and send nothing."`
}

// Run splits a regression.
func (c *regressionsSplitCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.DryRun, http.MethodPost, "regressions/"+url.PathEscape(c.ID)+"/split", nil, map[string]any{"findings": c.Findings, "note": c.Note})
}

type regressionsUndoCmd struct {
	restFlags
	Seq    uint64 `arg:"" help:"Position of the event, as its answer and the history say."`
	Reason string `help:"Why."`
	DryRun bool   `short:"n" help:"Print the request, and send nothing."`
}

// Run undoes an event.
func (c *regressionsUndoCmd) Run(ctx context.Context) error {
	return c.change(ctx, c.DryRun, http.MethodPost, "regressions/undo", nil, map[string]any{"seq": c.Seq, "reason": c.Reason})
}
