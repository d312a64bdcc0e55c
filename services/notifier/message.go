package notifier

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/event"
)

// maxTold bounds the findings that a message spells out per regression, the largest first. Totals count all.
const maxTold = 50

// Message is what a webhook is sent as JSON, and what the other channels put into words.
type Message struct {
	Version  int       `json:"version"` // 1
	Delivery uuid.UUID `json:"delivery"`
	// Event is opened, extended, verify, returned, digest or test.
	Event        string          `json:"event"`
	At           time.Time       `json:"at"`
	Database     string          `json:"database"`
	Suite        string          `json:"suite"`
	Subscription MessageTo       `json:"subscription"`
	Regressions  []MessageChange `json:"regressions"`
	Signals      []MessageSignal `json:"signals"`
	URL          string          `json:"url,omitempty"`
}

// MessageTo names the subscription.
type MessageTo struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

// MessageChange is what happened to one regression.
type MessageChange struct {
	Event      string    `json:"event"`
	Number     uint32    `json:"number"`
	UUID       uuid.UUID `json:"uuid"`
	Title      string    `json:"title"`
	State      string    `json:"state"`
	Kind       string    `json:"kind"`
	Cause      string    `json:"cause,omitempty"`
	Detector   string    `json:"detector"`
	Bug        string    `json:"bug,omitempty"`
	Owner      string    `json:"owner,omitempty"`
	Tags       []string  `json:"tags,omitempty"`
	StartOrder string    `json:"start_order,omitempty"`
	EndOrder   string    `json:"end_order,omitempty"`
	API        string    `json:"api,omitempty"`
	// Withdrawn says that none of its findings stands any more: they were withdrawn or dismissed.
	Withdrawn bool             `json:"withdrawn,omitempty"`
	Total     int              `json:"findings_total"`
	Findings  []MessageFinding `json:"findings"`
}

// MessageFinding is one finding that is told.
type MessageFinding struct {
	ID         uuid.UUID `json:"id"`
	ChangeID   uint32    `json:"change_id"`
	Machine    string    `json:"machine"`
	Test       string    `json:"test"`
	Metric     string    `json:"metric"`
	Order      string    `json:"order"`
	Previous   string    `json:"previous_order"`
	Direction  string    `json:"direction"`
	Kind       string    `json:"kind"`
	Before     float64   `json:"before"`
	After      float64   `json:"after"`
	Effect     float64   `json:"effect"`
	EffectLow  float64   `json:"effect_low"`
	EffectHigh float64   `json:"effect_high"`
	PValue     float64   `json:"p_value"`
	Detector   string    `json:"detector"`
	URL        string    `json:"url,omitempty"`
}

// MessageSignal is a machine's silence or partial reports.
type MessageSignal struct {
	Machine  string  `json:"machine"`
	Signal   string  `json:"signal"`
	Open     bool    `json:"open"`
	Since    string  `json:"since"`
	Expected float64 `json:"expected"`
	Seen     float64 `json:"seen"`
	Unit     string  `json:"unit"`
	Detail   string  `json:"detail,omitempty"`
}

// stateNames are the states in words.
var stateNames = map[uint8]string{
	event.StateDetected: "detected", event.StateStaged: "staged", event.StateActive: "active",
	event.StateNotToBeFixed: "not_to_be_fixed", event.StateIgnored: "false_positive", event.StateFixed: "fixed", event.StateVerify: "verify",
}

// composer puts plans into messages. fields are the metrics' positions in the suite's schema, for links.
type composer struct {
	public string
	fields map[string]int
}

func (c composer) message(p Plan) Message {
	m := Message{
		Version: 1, Delivery: p.ID, Event: p.Steps[0].What, At: p.Steps[len(p.Steps)-1].At.UTC(), Database: p.Sub.Database, Suite: p.Sub.Suite,
		Subscription: MessageTo{p.Sub.ID, p.Sub.Name}, URL: c.page(p.Sub, "findings"),
		Regressions: []MessageChange{}, Signals: []MessageSignal{},
	}
	if p.Sub.digest() > 0 {
		m.Event = "digest"
	}
	for _, s := range p.Steps {
		if s.Signal != nil {
			m.Signals = append(m.Signals, MessageSignal{
				s.Signal.Machine, s.Signal.Signal, s.Signal.Open == 1, s.Signal.Since, s.Signal.Expected, s.Signal.Seen, s.Signal.Unit, s.Signal.Detail,
			})
			continue
		}
		m.add(c.change(p.Sub, s))
	}
	return m
}

// add puts what is told of a regression to what a digest told of it already.
func (m *Message) add(change MessageChange) {
	i := slices.IndexFunc(m.Regressions, func(r MessageChange) bool { return r.Number == change.Number })
	if i < 0 {
		m.Regressions = append(m.Regressions, change)
		return
	}
	earlier := m.Regressions[i]
	change.Total += earlier.Total
	change.Findings = append(earlier.Findings, change.Findings...)
	slices.SortStableFunc(change.Findings, func(a, b MessageFinding) int {
		return int(math.Copysign(1, math.Abs(b.Effect)-math.Abs(a.Effect)))
	})
	change.Findings = change.Findings[:min(len(change.Findings), maxTold)]
	if change.Event == extended {
		change.Event = earlier.Event
	}
	m.Regressions[i] = change
}

func (c composer) change(sub *Subscription, s Step) MessageChange {
	r := s.Regression
	out := MessageChange{
		Event: s.What, Number: r.ID, UUID: r.UUID, Title: r.Title, State: lo.CoalesceOrEmpty(stateNames[r.State], strconv.Itoa(int(r.State))),
		Kind: r.Kind, Cause: r.Cause, Detector: r.Detector, Bug: r.Bug, Owner: r.Owner, Tags: r.Tags, StartOrder: r.StartOrder, EndOrder: r.EndOrder,
		API: c.api(sub, "regressions/"+strconv.FormatUint(uint64(r.ID), 10)), Withdrawn: len(r.ChangeIDs) == 0, Total: len(s.Findings), Findings: []MessageFinding{},
	}
	for _, f := range s.Findings[:min(len(s.Findings), maxTold)] {
		out.Findings = append(out.Findings, MessageFinding{
			f.ID, f.ChangeID, f.Machine, f.Test, f.Metric, f.Order, f.Previous, f.Direction, f.Kind, f.Before, f.After, f.Effect, f.EffectLow,
			f.EffectHigh, f.PValue, f.Detector, c.graph(sub, f),
		})
	}
	return out
}

func (c composer) root() string { return strings.TrimSuffix(c.public, "/") }

func (c composer) page(sub *Subscription, name string) string {
	if c.public == "" {
		return ""
	}
	return fmt.Sprintf("%s/db_%s/v4/%s/%s", c.root(), url.PathEscape(sub.Database), url.PathEscape(sub.Suite), name)
}

func (c composer) api(sub *Subscription, name string) string {
	if c.public == "" {
		return ""
	}
	return fmt.Sprintf("%s/api/db_%s/v5/%s/%s", c.root(), url.PathEscape(sub.Database), url.PathEscape(sub.Suite), name)
}

func (c composer) graph(sub *Subscription, f Finding) string {
	field, ok := c.fields[f.Metric]
	if !ok {
		return ""
	}
	return c.page(sub, fmt.Sprintf("graph?plot.0=%d.%d.%d&order=%d", f.MachineID, f.TestID, field, f.OrderID))
}

// Subject is the message in one line.
func (m *Message) Subject() string {
	place := m.Suite
	if m.Database != "default" {
		place = m.Database + "/" + m.Suite
	}
	var what string
	switch {
	case len(m.Regressions) == 1 && len(m.Signals) == 0:
		what = m.Regressions[0].Headline()
	case len(m.Regressions) == 0 && len(m.Signals) == 1:
		what = m.Signals[0].Sentence()
	default:
		what = strings.Join(lo.Compact([]string{counted(len(m.Regressions), "change", ""), counted(len(m.Signals), "signal", "")}), ", ")
	}
	if m.Event == "test" {
		what = "test: " + what
	}
	return "[" + place + "] " + what
}

func counted(n int, one, none string) string {
	switch n {
	case 0:
		return none
	case 1:
		return "1 " + one
	default:
		return strconv.Itoa(n) + " " + one + "s"
	}
}

// Headline is what happened to the regression in one line.
func (c *MessageChange) Headline() string {
	title := lo.CoalesceOrEmpty(c.Title, fmt.Sprintf("%s %d", lo.CoalesceOrEmpty(c.Kind, "regression"), c.Number))
	switch c.Event {
	case opened:
		return "New " + lo.CoalesceOrEmpty(c.Kind, "regression") + ": " + title
	case extended:
		return fmt.Sprintf("%s more: %s", counted(c.Total, "finding", "nothing"), title)
	case verify:
		if c.Withdrawn {
			return "None of its findings stands any more, to be verified: " + title
		}
		return "Recovered, to be verified: " + title
	case returned:
		return "Back again: " + title
	default:
		return title
	}
}

// Range says between which orders it happened.
func (c *MessageChange) Range() string {
	switch {
	case c.EndOrder == "":
		return ""
	case c.StartOrder == "":
		return "at " + c.EndOrder
	default:
		return "after " + c.StartOrder + ", up to " + c.EndOrder
	}
}

// Unlisted is how many findings are not spelled out.
func (c *MessageChange) Unlisted() int { return c.Total - len(c.Findings) }

// Percent is the effect for people.
func (f *MessageFinding) Percent() string { return fmt.Sprintf("%+.1f %%", 100*f.Effect) }

// Levels are the values before and after.
func (f *MessageFinding) Levels() string {
	return strconv.FormatFloat(f.Before, 'g', 5, 64) + " → " + strconv.FormatFloat(f.After, 'g', 5, 64)
}

// Sentence says what is the matter with the machine.
func (s *MessageSignal) Sentence() string {
	var what string
	switch {
	case !s.Open && s.Signal == "silence":
		return s.Machine + " reports again"
	case !s.Open:
		return s.Machine + " reports whole again"
	case s.Signal == "silence":
		what = s.Machine + " is silent"
	case s.Signal == "partial":
		what = s.Machine + " reports only in part"
	default:
		what = s.Machine + ": " + s.Signal
	}
	if s.Since != "" {
		what += " since " + s.Since
	}
	return what
}
