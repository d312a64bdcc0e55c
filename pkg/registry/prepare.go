package registry

import (
	"errors"
	"strconv"

	"tidemark/pkg/event"
	"tidemark/pkg/report"
	"tidemark/pkg/suite"
)

// Refusal is why an event is rejected.
type Refusal struct {
	// Code is an HTTP status. Error and Message are the short and the long text, Field the path of the value at fault.
	Code    int
	Error   string
	Message string
	Field   string
}

// Prepared is an event with everything worked out that needs no state. Make it with [Prepare].
type Prepared struct {
	Envelope event.Envelope
	// Digest is [event.Envelope.Digest].
	Digest uint64
	// Exactly one of the following is set, by the event's type and whether it can be read.
	Submission *report.Submission
	Schema     *suite.Schema
	Changes    *event.Changes
	Retraction *event.Retraction
	Update     *MachineUpdate
	Rename     *event.MachineRename
	Merge      *event.MachineMerge
	Deletion   *event.MachineDeletion
	Seed       *Seed
	Dismissal  *event.ChangeDismissal
	Regression any // one of the bodies of regression events
	Record     any // one of the bodies of events that set records
	Refusal    *Refusal
}

// currentVersion lists the types that are decided, each with the newest version that is understood.
var currentVersion = map[event.Type]int{
	event.RunSubmitted:      1,
	event.SubmissionRefused: 1,
	event.SuiteDefined:      1,
	event.ChangeFound:       1,
	event.RunRetracted:      1,
	event.MachineUpdated:    1,
	event.MachineRenamed:    1,
	event.MachineMerged:     1,
	event.MachineDeleted:    1,
	event.SuiteSeeded:       1,

	event.ChangeIgnored:      1,
	event.RegressionOpened:   1,
	event.RegressionExtended: 1,
	event.RegressionTriaged:  1,
	event.RegressionMerged:   1,
	event.RegressionSplit:    1,
	event.RegressionDeleted:  1,
	event.RegressionRestored: 1,
	event.RegressionImported: 1,

	event.DetectorConfigured:   1,
	event.SubscriptionSet:      1,
	event.SubscriptionRemoved:  1,
	event.BaselineSet:          1,
	event.BaselineRemoved:      1,
	event.NotificationRecorded: 1,
	event.SignalChanged:        1,
}

// Prepare does the heavy part of deciding: it reads the body. It is pure, so events may be prepared in parallel and ahead.
func Prepare(e event.Envelope) Prepared { return PrepareWith(e, parseReport) }

func parseReport(body []byte) (*report.Submission, error) {
	return report.Parse(body, report.Options{})
}

// PrepareWith is [Prepare] with somebody else's [report.Parse], who may have parsed the bytes before.
func PrepareWith(e event.Envelope, parse func(body []byte) (*report.Submission, error)) Prepared {
	p := Prepared{Envelope: e, Digest: e.Digest()}
	newest, decided := currentVersion[e.Type]
	switch {
	case !decided:
		p.Refusal = refusal(notImplemented, "type", "Unknown event type '"+string(e.Type)+"'", "")
	case e.Version < 1 || e.Version > newest:
		p.Refusal = refusal(notImplemented, "version",
			"Unknown version "+strconv.Itoa(e.Version)+" of event type '"+string(e.Type)+"'", "")
	default:
		p.read(parse)
	}
	return p
}

func (p *Prepared) read(parse func([]byte) (*report.Submission, error)) {
	switch p.Envelope.Type {
	case event.RunSubmitted:
		submission, err := parse(p.Envelope.Body)
		if err != nil {
			p.Refusal = fromReport(err)
			return
		}
		p.Submission = submission
	case event.SuiteDefined:
		readBody(p, &p.Schema, suite.Decode)
	case event.ChangeFound:
		readBody(p, &p.Changes, event.DecodeChanges)
	case event.RunRetracted:
		readBody(p, &p.Retraction, event.DecodeRetraction)
	case event.MachineUpdated:
		readBody(p, &p.Update, readUpdate)
	case event.MachineRenamed:
		readBody(p, &p.Rename, event.DecodeMachineRename)
	case event.MachineMerged:
		readBody(p, &p.Merge, event.DecodeMachineMerge)
	case event.MachineDeleted:
		readBody(p, &p.Deletion, event.DecodeMachineDeletion)
	case event.SuiteSeeded:
		readBody(p, &p.Seed, readSeed)
	case event.ChangeIgnored:
		readBody(p, &p.Dismissal, event.DecodeChangeDismissal)
	case event.SubmissionRefused:
		p.Refusal = alreadyRefused(p.Envelope.Params)
	default:
		p.readRegression()
	}
}

// readBody keeps what decode makes of the body, or why it makes nothing.
func readBody[T any](p *Prepared, into **T, decode func([]byte) (T, error)) {
	value, err := decode(p.Envelope.Body)
	if err != nil {
		p.Refusal = refusal(badRequest, "body", err.Error(), "")
		return
	}
	*into = &value
}

// alreadyRefused repeats what intake answered. A code that is not one of a refusal becomes 400.
func alreadyRefused(params map[string]string) *Refusal {
	code, err := strconv.Atoi(params[event.ParamRefusedCode])
	if err != nil || code < 400 || code > 599 {
		code = badRequest
	}
	text := params[event.ParamRefusedError]
	if text == "" {
		text = "submission refused"
	}
	return refusal(code, params[event.ParamRefusedField], text, params[event.ParamRefusedDetail])
}

func refusal(code int, field, short, long string) *Refusal {
	return &Refusal{Code: code, Error: short, Message: long, Field: field}
}

func fromReport(err error) *Refusal {
	var problem *report.Error
	if errors.As(err, &problem) {
		return refusal(problem.Status, problem.Field, problem.Text, problem.Detail)
	}
	return refusal(badRequest, "", err.Error(), "")
}
