package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/auth"
	"tidemark/pkg/detect"
	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
	"tidemark/sql"
)

// detectorOperations tell of detectors and of the rules by which they judge.
func (s *Service) detectorOperations() []operation {
	one := openapi.Param{Name: "detector", Help: "Only the rules of this one."}
	return []operation{
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "detectors", ID: "listDetectors", Tag: "detectors", Summary: "the detectors with their parameters and presets",
			Answer: page[detectorItem]{}, Tagged: true,
		}, s.listDetectors},
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "detectors/rules", ID: "listRules", Tag: "detectors", Summary: "the rules, in the order in which they were set: the last that matches counts",
			Query: []openapi.Param{one}, Answer: page[ruleItem]{}, Tagged: true,
		}, s.listRules},
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "detectors/rules/history", ID: "listRuleHistory", Tag: "detectors", Summary: "every rule that was set or taken away",
			Query: []openapi.Param{one}, Answer: page[ruleItem]{}, Tagged: true,
		}, s.listRuleHistory},
		s.shadowOperation(),
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "detectors/:name", ID: "getDetector", Tag: "detectors", Summary: "one detector",
			Answer: detectorItem{}, Tagged: true,
		}, s.getDetector},
	}
}

// detectorItem is a detector. One whose file is wrong has an error instead of parameters.
type detectorItem struct {
	Name    string       `json:"name"`
	Version int          `json:"version"`
	Purpose string       `json:"purpose"`
	Source  string       `json:"source" doc:"where formula and defaults come from"`
	Misses  string       `json:"misses" doc:"what it does not see"`
	Reach   string       `json:"reach" doc:"on how many places around a place its judgement hangs; whole for all"`
	Params  []tunable    `json:"params"`
	Presets []preset     `json:"presets"`
	Default bool         `json:"default" doc:"whether it judges where no rule says otherwise"`
	Error   string       `json:"error" doc:"why it cannot be used; empty when it can"`
	Failing []failingJob `json:"failing" doc:"runs over this suite whose last time failed"`
}

type tunable struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Default string   `json:"default"`
	Min     float64  `json:"min"`
	Max     float64  `json:"max"`
	Choices []string `json:"choices"`
	Help    string   `json:"help"`
}

type preset struct {
	Name   string            `json:"name"`
	Values map[string]string `json:"values"`
	Help   string            `json:"help"`
}

// failingJob is a job whose last run failed.
type failingJob struct {
	Job   string    `ch:"job" json:"job"`
	At    time.Time `ch:"slot_at" json:"at"`
	Error string    `ch:"error" json:"error"`
}

func toDetector(d sql.SeriesDetector) detectorItem {
	return detectorItem{
		Name: d.Name, Version: d.Version, Purpose: d.Purpose, Source: d.Source, Misses: d.Misses, Reach: d.Reach, Default: d.Name == detect.Default,
		Params: lo.Map(d.Tunables, func(t sql.Tunable, _ int) tunable {
			return tunable{t.Name, t.Type, t.Default, t.Min, t.Max, append([]string{}, t.Choices...), t.Help}
		}),
		Presets: lo.Map(d.Presets, func(p sql.Preset, _ int) preset { return preset{p.Name, p.Values, p.Help} }),
		Failing: []failingJob{},
	}
}

// detectors are all of them: those that can be used, those whose file is wrong, and lnt, which is not one of the files.
func (s *Service) detectors(q v5Request) ([]detectorItem, error) {
	if _, err := s.schema(q.ctx, q.key); err != nil {
		return nil, err
	}
	good, bad := detect.List()
	items := lo.Map(good, func(d sql.SeriesDetector, _ int) detectorItem { return toDetector(d) })
	for _, b := range bad {
		items = append(items, detectorItem{Name: b.Name, Error: b.Err.Error(), Params: []tunable{}, Presets: []preset{}, Failing: []failingJob{}})
	}
	items = append(items, detectorItem{
		Name: event.DetectorLNT, Version: 1, Purpose: "LNT's own rules, for suites that move from it; it runs where the server is told to.",
		Params: []tunable{}, Presets: []preset{}, Failing: []failingJob{},
	})
	failing, err := s.read.Failing(q.ctx, q.key)
	if err != nil {
		return nil, err
	}
	for _, job := range failing {
		for i := range items {
			if strings.Contains("/"+strings.ReplaceAll(job.Job, "_", "/")+"/", "/"+items[i].Name+"/") {
				job.At = job.At.UTC()
				items[i].Failing = append(items[i].Failing, job)
			}
		}
	}
	return items, nil
}

func (s *Service) listDetectors(c *fiber.Ctx, q v5Request) error {
	items, err := s.detectors(q)
	if err != nil {
		return err
	}
	return c.JSON(page[detectorItem]{Items: items})
}

func (s *Service) getDetector(c *fiber.Ctx, q v5Request) error {
	items, err := s.detectors(q)
	if err != nil {
		return err
	}
	item, ok := lo.Find(items, func(d detectorItem) bool { return d.Name == c.Params("name") })
	if !ok {
		return missing("there is no detector '%s'", c.Params("name"))
	}
	return c.JSON(item)
}

// ruleRow is a rule, as it is or as one event left it.
type ruleRow struct {
	Detector  string            `ch:"detector"`
	Mode      string            `ch:"mode"`
	Machine   string            `ch:"machine"`
	Test      string            `ch:"test"`
	Metric    string            `ch:"metric"`
	Preset    string            `ch:"preset"`
	Params    map[string]string `ch:"params"`
	Backtest  uuid.UUID         `ch:"backtest"`
	Reason    string            `ch:"reason"`
	Seq       uint64            `ch:"seq"`
	EventID   uuid.UUID         `ch:"event_id"`
	ChangedAt time.Time         `ch:"changed_at"`
	Actor     string            `ch:"actor"`
	Deleted   uint8             `ch:"deleted"`
}

func (r ruleRow) rule() event.DetectorRule {
	return event.DetectorRule{
		Detector: r.Detector, Mode: event.Mode(r.Mode), Machine: r.Machine, Test: r.Test, Metric: r.Metric, Preset: r.Preset, Params: r.Params,
	}
}

// ruleItem is a rule as it is shown.
type ruleItem struct {
	Detector string            `json:"detector"`
	Mode     string            `json:"mode" enum:"active,shadow,off"`
	Machine  string            `json:"machine" doc:"a pattern"`
	Test     string            `json:"test" doc:"a pattern"`
	Metric   string            `json:"metric" doc:"a pattern"`
	Preset   string            `json:"preset"`
	Params   map[string]string `json:"params"`
	Backtest *uuid.UUID        `json:"backtest" doc:"the one that it was chosen after"`
	Reason   string            `json:"reason"`
	Seq      uint64            `json:"seq"`
	EventID  uuid.UUID         `json:"event_id"`
	At       time.Time         `json:"at"`
	Actor    string            `json:"actor"`
	Removed  bool              `json:"removed"`
}

func toRule(r ruleRow, _ int) ruleItem {
	n := r.rule().Normal()
	out := ruleItem{
		n.Detector, string(n.Mode), n.Machine, n.Test, n.Metric, n.Preset, r.Params, nil, r.Reason, r.Seq, r.EventID, r.ChangedAt.UTC(), r.Actor, r.Deleted == 1,
	}
	if out.Params == nil {
		out.Params = map[string]string{}
	}
	if r.Backtest != uuid.Nil {
		out.Backtest = &r.Backtest
	}
	return out
}

func (s *Service) listRules(c *fiber.Ctx, q v5Request) error { return s.answerRules(c, q, false) }

func (s *Service) listRuleHistory(c *fiber.Ctx, q v5Request) error {
	return s.answerRules(c, q, true)
}

func (s *Service) answerRules(c *fiber.Ctx, q v5Request, history bool) error {
	if _, err := s.schema(q.ctx, q.key); err != nil {
		return err
	}
	if name := q.params["detector"]; name != "" && !isDetector(name) {
		return missing("there is no detector '%s'", name)
	}
	rows, err := s.read.Rules(q.ctx, q.key, q.params["detector"], history)
	if err != nil {
		return err
	}
	return c.JSON(page[ruleItem]{Items: append([]ruleItem{}, lo.Map(rows, toRule)...)})
}

// isDetector says whether rules can name it.
func isDetector(name string) bool {
	_, err := detect.Resolve(name, "", nil)
	return err == nil || name == event.DetectorLNT
}

// subscriptionOperations tell who is told what.
func (s *Service) subscriptionOperations() []operation {
	return []operation{
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "subscriptions", ID: "listSubscriptions", Tag: "subscriptions", Summary: "who is told what",
			Answer: page[subscriptionItem]{}, Tagged: true,
		}, s.listSubscriptions},
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "subscriptions/:id", ID: "getSubscription", Tag: "subscriptions", Summary: "one subscription",
			Answer: subscriptionItem{}, Tagged: true,
		}, s.getSubscription},
		{openapi.Operation{
			Method: fiber.MethodGet, Path: "subscriptions/:id/deliveries", ID: "listDeliveries", Tag: "subscriptions", Summary: "what became of the messages, newest first",
			Query: []openapi.Param{limitParam, cursorParam}, Answer: page[delivery]{},
		}, s.listDeliveries},
	}
}

// subscriptionItem is a subscription. Empty patterns and lists stand for all.
type subscriptionItem struct {
	ID        uuid.UUID `ch:"id" json:"id"`
	Name      string    `ch:"name" json:"name"`
	Channel   string    `ch:"channel" json:"channel"`
	Target    string    `ch:"target" json:"target" doc:"whole for a token that may manage; its host alone for others"`
	Machine   string    `ch:"machine" json:"machine"`
	Test      string    `ch:"test" json:"test"`
	Metric    string    `ch:"metric" json:"metric"`
	Kinds     []string  `ch:"kinds" json:"kinds"`
	On        []string  `ch:"on" json:"on"`
	MinEffect float64   `ch:"min_effect" json:"min_effect"`
	Every     string    `ch:"every" json:"every"`
	Seq       uint64    `ch:"seq" json:"seq"`
	ChangedAt time.Time `ch:"changed_at" json:"changed_at"`
	Actor     string    `ch:"actor" json:"actor"`
}

// subscriptions say whole where they lead to those who may set them: an address may hold a secret.
func (s *Service) subscriptions(c *fiber.Ctx, q v5Request, ids ...uuid.UUID) ([]subscriptionItem, error) {
	if _, err := s.schema(q.ctx, q.key); err != nil {
		return nil, err
	}
	rows, err := s.read.Subscriptions(q.ctx, q.key, ids, auth.VisitorOf(c).May(auth.Manage, q.key.database))
	for i := range rows {
		rows[i].ChangedAt = rows[i].ChangedAt.UTC()
		rows[i].Kinds, rows[i].On = append([]string{}, rows[i].Kinds...), append([]string{}, rows[i].On...)
	}
	return rows, err
}

func (s *Service) listSubscriptions(c *fiber.Ctx, q v5Request) error {
	rows, err := s.subscriptions(c, q)
	if err != nil {
		return err
	}
	return c.JSON(page[subscriptionItem]{Items: append([]subscriptionItem{}, rows...)})
}

// subscription is the one that the address names.
func (s *Service) subscription(c *fiber.Ctx, q v5Request) (subscriptionItem, error) {
	spec := c.Params("id")
	id, err := uuid.Parse(spec)
	if err != nil || len(spec) != 36 {
		return subscriptionItem{}, missing("there is no subscription '%s'", spec)
	}
	rows, err := s.subscriptions(c, q, id)
	if err == nil && len(rows) == 0 {
		err = missing("there is no subscription '%s'", spec)
	}
	if err != nil {
		return subscriptionItem{}, err
	}
	return rows[0], nil
}

func (s *Service) getSubscription(c *fiber.Ctx, q v5Request) error {
	row, err := s.subscription(c, q)
	if err != nil {
		return err
	}
	return c.JSON(row)
}

// delivery is a message and what became of it.
type delivery struct {
	ID            uuid.UUID `ch:"id" json:"id"`
	Status        string    `ch:"status" json:"status"`
	Attempt       uint16    `ch:"attempt" json:"attempt"`
	Code          uint16    `ch:"code" json:"code" doc:"what the receiver answered; 0 for nothing"`
	Error         string    `ch:"error" json:"error"`
	ChangeIDs     []uint32  `ch:"change_ids" json:"findings"`
	RegressionIDs []uint32  `ch:"regression_ids" json:"regressions"`
	Signals       []string  `ch:"signals" json:"signals"`
	Seq           uint64    `ch:"seq" json:"seq"`
	At            time.Time `ch:"changed_at" json:"at"`
}

func (s *Service) listDeliveries(c *fiber.Ctx, q v5Request) error {
	of, err := s.subscription(c, q)
	if err != nil {
		return err
	}
	limit := q.params.limit()
	belowSeq, belowID := uint64(1<<63-1), uuid.Nil
	if _, given := q.params["cursor"]; given {
		if belowSeq, belowID, err = q.params.findingCursor(); err != nil {
			return err
		}
	}
	rows, err := s.read.Deliveries(q.ctx, q.key, of.ID, belowSeq, belowID, uint64(limit)+1)
	if err != nil {
		return err
	}
	for i, r := range rows {
		rows[i].At = r.At.UTC()
		rows[i].ChangeIDs, rows[i].RegressionIDs = append([]uint32{}, r.ChangeIDs...), append([]uint32{}, r.RegressionIDs...)
		rows[i].Signals = append([]string{}, r.Signals...)
	}
	return c.JSON(toPage(rows, limit, func(last delivery) string { return strconv.FormatUint(last.Seq, 10) + "." + last.ID.String() }))
}

// ruleReads are the questions about rules and subscriptions.
type ruleReads interface {
	Failing(ctx context.Context, k key) ([]failingJob, error)
	Rules(ctx context.Context, k key, detector string, history bool) ([]ruleRow, error)
	Subscriptions(ctx context.Context, k key, ids []uuid.UUID, whole bool) ([]subscriptionItem, error)
	Baselines(ctx context.Context, k key, names []string) ([]baselineItem, error)
	Deliveries(ctx context.Context, k key, subscription uuid.UUID, belowSeq uint64, belowID uuid.UUID, limit uint64) ([]delivery, error)
}
