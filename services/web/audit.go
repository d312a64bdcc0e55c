package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
	"tidemark/pkg/store"
)

// happenings are the types of events in words.
var happenings = map[event.Type]string{
	event.SuiteDefined: "suite defined", event.SuiteSeeded: "names imported", event.RunSubmitted: "run submitted",
	event.SubmissionRefused: "submission refused", event.RunRetracted: "run retracted",
	event.MachineUpdated: "machine changed", event.MachineRenamed: "machine renamed", event.MachineMerged: "machines merged", event.MachineDeleted: "machine deleted",
	event.OrderDescribed: "order described", event.BaselineSet: "baseline set", event.BaselineRemoved: "baseline removed",
	event.ChangeFound: "changes found", event.ChangeIgnored: "finding dismissed",
	event.RegressionOpened: "regression opened", event.RegressionExtended: "regression extended", event.RegressionTriaged: "regression triaged",
	event.RegressionMerged: "regressions merged", event.RegressionSplit: "regression split", event.RegressionDeleted: "regression deleted",
	event.RegressionRestored: "regression restored", event.RegressionImported: "regression imported",
	event.DetectorConfigured: "detector rule changed", event.SubscriptionSet: "subscription set", event.SubscriptionRemoved: "subscription removed",
	event.NotificationRecorded: "message sent", event.SignalChanged: "signal changed",
}

// happened is the type of an event in words.
func happened(kind string) string {
	if words, known := happenings[event.Type(kind)]; known {
		return words
	}
	return strings.NewReplacer(".", " ", "_", " ").Replace(kind)
}

// Bounds of the audit.
const (
	// auditBody is how much of a body is read to tell what an event is about, in bytes.
	auditBody = 16 << 10
	// auditExport is how many events a download has at most.
	auditExport = 10_000
)

type auditRow struct {
	// Database and Suite are read where a list has those of several.
	Database      string    `ch:"database"`
	Suite         string    `ch:"suite"`
	Seq           uint64    `ch:"seq"`
	EventID       uuid.UUID `ch:"event_id"`
	Type          string    `ch:"event_type"`
	ReceivedAt    time.Time `ch:"received_at"`
	Actor         string    `ch:"actor"`
	RequestID     string    `ch:"request_id"`
	Status        string    `ch:"status"`
	Error         string    `ch:"error"`
	RunID         uint32    `ch:"run_id"`
	MachineID     uint32    `ch:"machine_id"`
	Machine       string    `ch:"machine"`
	RegressionIDs []uint32  `ch:"regression_ids"`
	Sent          string    `ch:"sent"`
}

// auditEntry is an event as it is told.
type auditEntry struct {
	auditRow
	Happened string
	// On are the things it is about.
	On []auditThing
	// Note is what was said about it.
	Note    string
	Refused bool
	Link    string
}

// auditThing is something that an event is about; Address is "" where it has no page.
type auditThing struct{ Text, Address string }

type auditBodyView struct {
	Entries []auditEntry
	Query   auditQuery
	Types   []auditType
	// Databases are those to choose from, and Everywhere says that there is a choice: events of all suites.
	Databases  []string
	Everywhere bool
	Tabs       []tab
	// Older and Newest lead to the events before these and to the newest ones; CSV is the download, "" for none.
	Older, Newest, CSV string
}

type auditType struct{ Word, Text string }

type auditQuery struct{ Show, Database, Type, Actor, Since, Until string }

// Narrowed says that a filter is set beside the tabs.
func (q auditQuery) Narrowed() bool { return q.Database+q.Type+q.Actor+q.Since+q.Until != "" }

// auditTypes are all types, by their words.
func auditTypes() []auditType {
	types := lo.MapToSlice(happenings, func(t event.Type, words string) auditType { return auditType{string(t), words} })
	slices.SortFunc(types, func(a, b auditType) int { return strings.Compare(a.Text, b.Text) })
	return types
}

// audit answers /audit.
func (s *Service) audit(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Audit", "audit")
	if err != nil {
		return err
	}
	v.crumb("Audit")
	query, params, err := readAuditQuery(c)
	if err != nil {
		return err
	}
	before, err := number(c, "before", 1<<63)
	if err != nil {
		return err
	}
	entries, err := s.auditEntries(c.UserContext(), v.L, in, with(params, store.Params{"before": before, "limit": uint32(s.cfg.ListRows + 1)}))
	if err != nil {
		return err
	}
	body := s.auditBody(c, query, entries, func(last auditEntry) string { return uintText(last.Seq) })
	body.CSV = v.L.Suite(in.Database, in.Name) + "audit.csv" + strings.TrimRight(addressWithout(c, "before"), "?&")
	v.Body = body
	return s.render(c, "audit", v)
}

// auditBody is a page of events, of which one more was read than it shows; before says of its last where the next page begins.
func (s *Service) auditBody(c *fiber.Ctx, query auditQuery, entries []auditEntry, before func(last auditEntry) string) auditBodyView {
	body := auditBodyView{Query: query, Types: auditTypes()}
	for _, t := range []tab{{Text: "Changes"}, {Text: "All events", Address: "all"}} {
		t.Current = t.Address == query.Show
		t.Address = addressWithout(c, "before", "show") + lo.Ternary(t.Address == "", "", "show="+t.Address)
		body.Tabs = append(body.Tabs, t)
	}
	body.Entries, body.Older, body.Newest = stepped(c, entries, s.cfg.ListRows, before)
	return body
}

// auditCSV answers /audit.csv: the newest events that are asked for.
func (s *Service) auditCSV(c *fiber.Ctx) error {
	v, in, err := s.suitePage(c, "Audit", "audit")
	if err != nil {
		return err
	}
	_, params, err := readAuditQuery(c)
	if err != nil {
		return err
	}
	entries, err := s.auditEntries(c.UserContext(), v.L, in, with(params, store.Params{"before": uint64(0), "limit": uint32(auditExport)}))
	if err != nil {
		return err
	}
	return auditFile(c, entries, false)
}

// auditFile sends events as CSV; everywhere says that they are of several suites.
func auditFile(c *fiber.Ctx, entries []auditEntry, everywhere bool) error {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	lines := [][]string{{"seq", "received_at", "actor", "event_type", "on", "note", "status", "error", "event_id", "request_id"}}
	for _, e := range entries {
		on := strings.Join(lo.Map(e.On, func(t auditThing, _ int) string { return t.Text }), "; ")
		lines = append(lines, []string{
			uintText(e.Seq), e.ReceivedAt.UTC().Format(time.RFC3339Nano), cell(e.Actor), e.Type, cell(on), cell(e.Note), e.Status, cell(e.Error), e.EventID.String(), cell(e.RequestID),
		})
	}
	if everywhere {
		lines[0] = append([]string{"database", "suite"}, lines[0]...)
		for i, e := range entries {
			lines[i+1] = append([]string{e.Database, e.Suite}, lines[i+1]...)
		}
	}
	if err := w.WriteAll(lines); err != nil {
		return fmt.Errorf("write audit: %w", err)
	}
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8; header=present")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="audit.csv"`)
	return c.Send(out.Bytes())
}

// cell keeps a spreadsheet from taking a text for a formula.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func readAuditQuery(c *fiber.Ctx) (q auditQuery, params store.Params, err error) {
	if q.Show, err = choice(c, "show", "", "all"); err != nil {
		return q, nil, err
	}
	words := lo.Map(auditTypes(), func(t auditType, _ int) string { return t.Word })
	if q.Type, err = choice(c, "type", append([]string{""}, words...)...); err != nil {
		return q, nil, err
	}
	if q.Actor, err = text(c, "actor"); err != nil {
		return q, nil, err
	}
	since, until, err := readDays(c, &q.Since, &q.Until)
	if err != nil {
		return q, nil, err
	}
	all := q.Show == "all" || q.Type == string(event.RunSubmitted) || q.Type == string(event.SubmissionRefused)
	return q, store.Params{
		"event_type": q.Type, "actor": q.Actor, "since_ms": since, "until_ms": until, "most": uint64(auditBody), "all": lo.Ternary[uint8](all, 1, 0),
	}, nil
}

func (s *Service) auditEntries(ctx context.Context, l links, in suiteView, params store.Params) ([]auditEntry, error) {
	rows, err := list[auditRow](ctx, s, "page_audit", with(ofSuite(in), params))
	if err != nil {
		return nil, err
	}
	return lo.Map(rows, func(r auditRow, _ int) auditEntry { return toEntry(l, in, r) }), nil
}

// toEntry tells an event of a suite.
func toEntry(l links, in suiteView, r auditRow) auditEntry {
	told := readTold(r.Sent)
	return auditEntry{
		auditRow: r, Happened: happened(r.Type), Refused: r.Status == string(event.Rejected), Note: told.note(),
		On: told.things(l, in, r), Link: l.Receipt(in.Database, in.Name, r.EventID),
	}
}

// told is what a body says of what it is about: the members that are known, as far as they go. Targets of subscriptions are left out.
type told struct {
	texts map[string]string
	// ids and lists are numbers and how many things each list has.
	ids   map[string][]uint32
	lists map[string]int
}

// toldTexts are the texts that may be shown to every reader.
var toldTexts = []string{"note", "reason", "machine", "into", "name", "detector", "mode", "test", "metric", "title", "filter"}

// readTold reads the beginning of a JSON object, which may be cut anywhere: what comes before the cut counts.
func readTold(body string) told {
	t := told{texts: map[string]string{}, ids: map[string][]uint32{}, lists: map[string]int{}}
	d := json.NewDecoder(strings.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return t
	}
	for d.More() {
		token, err := d.Token()
		name, _ := token.(string)
		if err != nil {
			return t
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return t
		}
		t.keep(name, value)
	}
	return t
}

func (t told) keep(name string, value json.RawMessage) {
	var (
		text  string
		id    uint32
		ids   []uint32
		items []json.RawMessage
	)
	switch {
	case slices.Contains(toldTexts, name):
		if json.Unmarshal(value, &text) == nil {
			t.texts[name] = clip(visible(text), 500)
		}
	case json.Unmarshal(value, &id) == nil:
		t.ids[name] = []uint32{id}
	case json.Unmarshal(value, &ids) == nil:
		t.ids[name] = ids
	case json.Unmarshal(value, &items) == nil:
		t.lists[name] = len(items)
	}
}

func (t told) note() string { return lo.CoalesceOrEmpty(t.texts["note"], t.texts["reason"]) }

// mostThings bounds how many things of one kind are named.
const mostThings = 5

func (t told) things(l links, in suiteView, r auditRow) []auditThing {
	var on []auditThing
	if run := lo.CoalesceOrEmpty(r.RunID, lo.FirstOrEmpty(t.ids["run_id"])); run > 0 {
		on = append(on, auditThing{"run " + digitsOf(run), l.Run(in.Database, in.Name, run)})
	}
	if r.MachineID > 0 {
		on = append(on, auditThing{"machine " + lo.CoalesceOrEmpty(r.Machine, digitsOf(r.MachineID)), l.Machine(in.Database, in.Name, r.MachineID)})
	} else if name := t.texts["machine"]; name != "" {
		on = append(on, auditThing{"machine " + name, ""})
	}
	regressions := slices.Concat(r.RegressionIDs, t.ids["regression_id"], t.ids["regression_ids"])
	slices.Sort(regressions)
	regressions = slices.Compact(regressions)
	for i, id := range regressions {
		if i == mostThings {
			on = append(on, auditThing{fmt.Sprintf("and %d more", len(regressions)-i), ""})
			break
		}
		on = append(on, auditThing{"regression " + digitsOf(id), l.Regression(in.Database, in.Name, id)})
	}
	suite := l.Suite(in.Database, in.Name)
	for _, part := range []struct{ name, word, address string }{
		{"into", "into", ""}, {"detector", "detector", suite + "detectors"}, {"test", "test", ""}, {"metric", "metric", ""}, {"name", "named", ""},
	} {
		if text := t.texts[part.name]; text != "" {
			on = append(on, auditThing{part.word + " " + text, part.address})
		}
	}
	if n := len(t.ids["change_ids"]); n > 0 && len(regressions) == 0 {
		on = append(on, auditThing{fmt.Sprintf("%d %s", n, lo.Ternary(n == 1, "finding", "findings")), l.Findings(in.Database, in.Name)})
	}
	for _, part := range []struct{ name, word, address string }{
		{"findings", "findings", l.Findings(in.Database, in.Name)},
		{"deliveries", "messages", suite + "subscriptions"},
		{"signals", "signals", suite},
		{"machines", "machines", suite},
		{"orders", "orders", l.Orders(in.Database, in.Name)},
		{"tests", "tests", suite},
	} {
		if n := t.lists[part.name]; n > 0 {
			on = append(on, auditThing{fmt.Sprintf("%d %s", n, part.word), part.address})
		}
	}
	return on
}
