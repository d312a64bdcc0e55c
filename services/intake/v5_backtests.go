package intake

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/samber/lo"

	"tidemark/pkg/backtest"
	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
)

// Backtests keeps what is to be tried on history. A [backtest.Queue] does.
type Backtests interface {
	Create(ctx context.Context, database, suite string, spec backtest.Spec, actor string) (backtest.Backtest, error)
	Cancel(ctx context.Context, database, suite string, id uuid.UUID) (backtest.Backtest, error)
	Promotion(ctx context.Context, database, suite string, id uuid.UUID, mode event.Mode, reason string) (event.DetectorRule, error)
}

// backtestBody is a [backtest.Spec] as clients write it.
type backtestBody struct {
	Detector string                  `json:"detector,omitempty" doc:"steps when absent"`
	Preset   string                  `json:"preset,omitempty"`
	Params   map[string]openapi.Text `json:"params,omitempty" doc:"before those of the preset"`
	Since    string                  `json:"since,omitempty" doc:"the first order at which something may be found: its name, a day or an instant"`
	Until    string                  `json:"until,omitempty" doc:"the last one"`
	Machine  string                  `json:"machine,omitempty" doc:"a pattern with * and ?; all when absent"`
	Test     string                  `json:"test,omitempty" doc:"as machine"`
	Metric   string                  `json:"metric,omitempty" doc:"as machine"`
	Margin   *int                    `json:"margin,omitempty" doc:"orders that the same change may lie apart; 5 when absent"`
	Note     string                  `json:"note,omitempty" doc:"why it is asked for"`
}

func (b backtestBody) spec() backtest.Spec {
	return backtest.Spec{
		Detector: b.Detector, Preset: b.Preset, Since: b.Since, Until: b.Until, Machine: b.Machine, Test: b.Test, Metric: b.Metric,
		Margin: b.Margin, Note: b.Note,
		Params: lo.MapValues(b.Params, func(v openapi.Text, _ string) string { return string(v) }),
	}
}

// promotionBody says how the detector of a backtest is to judge from now on.
type promotionBody struct {
	Mode   event.Mode `json:"mode,omitempty" enum:"active,shadow" doc:"active unless said otherwise"`
	Reason string     `json:"reason,omitempty"`
}

// backtestWrites are those that change backtests, or act on them.
func (s *Service) backtestWrites() []v5Write {
	return []v5Write{
		{
			Operation: openapi.Operation{
				Method: http.MethodPost, Path: "backtests", ID: "createBacktest", Tag: "backtests",
				Summary: "try a detector on history; it waits for its turn", Scope: "submit",
				Body: backtestBody{}, Answer: backtest.Shown{}, Status: http.StatusCreated, Errors: []int{http.StatusConflict},
			},
			readable: true,
			make:     s.createBacktest,
		},
		{
			Operation: openapi.Operation{
				Method: http.MethodDelete, Path: "backtests/:id", ID: "cancelBacktest", Tag: "backtests",
				Summary: "have a backtest end", Scope: "submit", Answer: backtest.Shown{}, Errors: []int{http.StatusConflict},
			},
			readable: true,
			make:     s.cancelBacktest,
		},
		{
			Operation: openapi.Operation{
				Method: http.MethodPost, Path: "backtests/:id/promote", ID: "promoteBacktest", Tag: "backtests",
				Summary: "have the detector judge, from now on, what it was tried on", Scope: "manage",
				Body: promotionBody{}, Answer: Written{}, Errors: []int{http.StatusConflict},
			},
			make: s.promoteBacktest,
		},
	}
}

func (s *Service) createBacktest(w *v5Request) (v5Event, error) {
	var body backtestBody
	if err := w.read(&body); err != nil {
		return v5Event{}, err
	}
	if s.backtests == nil {
		return v5Event{}, errNoBacktests
	}
	b, err := s.backtests.Create(w.ctx, w.a.database, w.a.suite, body.spec(), w.a.actor)
	if err != nil {
		return v5Event{}, toBacktestError(err)
	}
	return v5Event{instead: b.Shown(s.now())}, nil
}

func (s *Service) cancelBacktest(w *v5Request) (v5Event, error) {
	id, err := backtestID(w)
	if err != nil {
		return v5Event{}, err
	}
	if s.backtests == nil {
		return v5Event{}, errNoBacktests
	}
	b, err := s.backtests.Cancel(w.ctx, w.a.database, w.a.suite, id)
	if err != nil {
		return v5Event{}, toBacktestError(err)
	}
	return v5Event{instead: b.Shown(s.now())}, nil
}

func (s *Service) promoteBacktest(w *v5Request) (v5Event, error) {
	id, err := backtestID(w)
	if err != nil {
		return v5Event{}, err
	}
	var body promotionBody
	if err := w.read(&body); err != nil {
		return v5Event{}, err
	}
	switch body.Mode {
	case "":
		body.Mode = event.ModeActive
	case event.ModeActive, event.ModeShadow:
	default:
		return v5Event{}, openapi.Invalid("mode", "'%s' is none of active, shadow", body.Mode)
	}
	if s.backtests == nil {
		return v5Event{}, errNoBacktests
	}
	rule, err := s.backtests.Promotion(w.ctx, w.a.database, w.a.suite, id, body.Mode, body.Reason)
	if err != nil {
		return v5Event{}, toBacktestError(err)
	}
	return v5Event{kind: event.DetectorConfigured, body: rule}, nil
}

var errNoBacktests = &openapi.Error{Status: http.StatusServiceUnavailable, Message: "backtests need the database, which this process has no way to"}

func backtestID(w *v5Request) (uuid.UUID, error) {
	id, err := uuid.Parse(w.path("id"))
	if err != nil {
		return id, openapi.Missing("there is no backtest '%s'", w.path("id"))
	}
	return id, nil
}

// toBacktestError is an error as the client is told it.
func toBacktestError(err error) error {
	switch {
	case errors.Is(err, backtest.ErrInvalid):
		return openapi.Invalid("", "%s", err)
	case errors.Is(err, backtest.ErrUnknown):
		return openapi.Missing("%s", err)
	case errors.Is(err, backtest.ErrState):
		return &openapi.Error{Status: http.StatusConflict, Message: err.Error()}
	}
	return err
}
