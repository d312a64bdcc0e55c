package intake

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"tidemark/pkg/event"
	"tidemark/pkg/openapi"
)

const tagRegressions = "regressions"

// regressionWrites are what people do with regressions.
func (s *Service) regressionWrites() []v5Write {
	op := func(method, path, id, summary string, body, answer any) openapi.Operation {
		return openapi.Operation{
			Method: method, Path: path, ID: id, Tag: tagRegressions, Summary: summary, Body: body, Answer: answer, Scope: "triage", Errors: []int{http.StatusConflict},
		}
	}
	triage := op(http.MethodPost, "regressions/triage", "triageRegressions", "change many at once, by one event", triageBody{}, Triaged{})
	triage.Details = "Without effect on others: when one of them is gone, nothing changes."
	opened := op(http.MethodPost, "regressions", "openRegression", "a new regression of findings", openBody{}, RegressionWritten{})
	opened.Status = http.StatusCreated
	split := op(http.MethodPost, "regressions/:id/split", "splitRegression", "move findings into a new regression", findingsBody{}, RegressionWritten{})
	split.Status = http.StatusCreated
	leave := op(http.MethodDelete, "regressions/:id/indicators", "removeIndicators", "take findings out: they make a regression of their own", findingsBody{}, RegressionWritten{})
	undo := op(http.MethodPost, "regressions/undo", "undo", "undo what an event did to regressions and dismissals", undoBody{}, Written{})
	undo.Details = "The position is the seq that a write was answered with, and that a history shows. Refused with 409 when something changed one of them since."
	return []v5Write{
		{Operation: triage, make: s.triageMany},
		{Operation: op(http.MethodPost, "regressions/merge", "mergeRegressions", "make one regression of several", mergeBody{}, RegressionWritten{}), make: s.merge},
		{Operation: undo, make: s.undo},
		{Operation: opened, readable: true, make: s.openRegression},
		{Operation: op(http.MethodPatch, "regressions/:id", "triageRegression", "change title, state, bug, owner, tags, or add a note", triageOneBody{}, RegressionWritten{}), readable: true, make: s.triageOne},
		{Operation: op(http.MethodDelete, "regressions/:id", "deleteRegression", "delete a regression; its findings stay", nil, Written{}), readable: true, make: s.deleteRegression},
		{Operation: split, make: s.split},
		{Operation: op(http.MethodPost, "regressions/:id/indicators", "addIndicators", "put findings into a regression", findingsBody{}, RegressionWritten{}), make: s.extend},
		{Operation: leave, make: s.split},
	}
}

// changesBody is what people say of a regression; what is absent stays as it is.
type changesBody struct {
	Title      *string  `json:"title,omitempty"`
	State      *string  `json:"state,omitempty" enum:"detected,staged,active,not_to_be_fixed,false_positive,ignored,fixed,verify"`
	Bug        *string  `json:"bug,omitempty" doc:"a link"`
	Owner      *string  `json:"owner,omitempty"`
	AddTags    []string `json:"add_tags,omitempty"`
	RemoveTags []string `json:"remove_tags,omitempty"`
}

type triageOneBody struct {
	changesBody
	Note string `json:"note,omitempty" doc:"why"`
}

type triageBody struct {
	choice
	Changes changesBody `json:"changes"`
	Note    string      `json:"note,omitempty" doc:"why"`
}

type openBody struct {
	Findings []openapi.Ref `json:"findings" doc:"at least one"`
	Title    string        `json:"title,omitempty" doc:"made from the findings when there is none"`
	Bug      string        `json:"bug,omitempty"`
	State    string        `json:"state,omitempty" enum:"detected,staged,active,not_to_be_fixed,false_positive,ignored,fixed,verify"`
	Note     string        `json:"note,omitempty"`
}

type findingsBody struct {
	Findings []openapi.Ref `json:"findings" doc:"at least one"`
	Note     string        `json:"note,omitempty"`
}

type mergeBody struct {
	Regressions []openapi.Ref `json:"regressions" doc:"at least two"`
	Note        string        `json:"note,omitempty"`
}

type undoBody struct {
	Seq    uint64 `json:"seq" doc:"the position of the event"`
	Reason string `json:"reason,omitempty"`
}

// Triaged says what a change of many came to.
type Triaged struct {
	DryRun  bool     `json:"dry_run"`
	Matched int      `json:"matched"`
	Numbers []uint32 `json:"numbers" doc:"of what was chosen"`
	Event   *Written `json:"event"`
}

// RegressionWritten says which regression a write left.
type RegressionWritten struct {
	Written
	Number uint32    `json:"number"`
	ID     uuid.UUID `json:"id"`
}

// triage is the event's body; a note alone is something to say, too.
func (c changesBody) triage(note string) (event.RegressionTriage, error) {
	out := event.RegressionTriage{Note: note, Title: c.Title, Bug: c.Bug, Owner: c.Owner, AddTags: c.AddTags, RemoveTags: c.RemoveTags}
	if c.State != nil {
		number, err := stateNumber("state", *c.State)
		if err != nil {
			return out, err
		}
		out.State = &number
	}
	if note == "" && c.Title == nil && c.Bug == nil && c.Owner == nil && c.State == nil && len(c.AddTags)+len(c.RemoveTags) == 0 {
		return out, openapi.Invalid("", "nothing is to change: give title, state, bug, owner, add_tags, remove_tags or a note")
	}
	return out, nil
}

func stateNumber(field, name string) (uint8, error) {
	number, ok := openapi.StateNumber(name)
	if !ok {
		return 0, openapi.Invalid(field, "%s: '%s' is none of %s", field, name, strings.Join(openapi.StateNames(), ", "))
	}
	return number, nil
}

// written answers with a regression.
func (w *v5Request) written(number uint32) func(event.Outcome, Written) any {
	return func(out event.Outcome, told Written) any {
		if number == 0 {
			number = out.RegressionID
		}
		return RegressionWritten{told, number, event.RegressionUUID(w.a.database, w.a.suite, number)}
	}
}

func regressionLocation(out event.Outcome) string {
	return "regressions/" + strconv.FormatUint(uint64(out.RegressionID), 10)
}

func (s *Service) triageOne(w *v5Request) (v5Event, error) {
	var body triageOneBody
	if err := w.read(&body); err != nil {
		return v5Event{}, err
	}
	triage, err := body.triage(body.Note)
	if err != nil {
		return v5Event{}, err
	}
	if triage.RegressionID, err = w.regression(); err != nil {
		return v5Event{}, err
	}
	return v5Event{kind: event.RegressionTriaged, body: triage, answer: w.written(triage.RegressionID)}, nil
}

func (s *Service) triageMany(w *v5Request) (v5Event, error) {
	var body triageBody
	if err := w.read(&body); err != nil {
		return v5Event{}, err
	}
	triage, err := body.Changes.triage(body.Note)
	if err != nil {
		return v5Event{}, err
	}
	ids, err := w.chosen(body.choice, s.lookup.RegressionNumbers, s.lookup.RegressionsOf)
	if err != nil {
		return v5Event{}, err
	}
	triage.RegressionIDs, triage.Filter = ids, body.words()
	if _, err := triage.Encode(); err != nil {
		return v5Event{}, unencodable(err)
	}
	return body.many(event.RegressionTriaged, triage, ids), nil
}

// many is a change of all that was chosen, or what it would be.
func (c choice) many(kind event.Type, body interface{ Encode() ([]byte, error) }, ids []uint32) v5Event {
	said := Triaged{DryRun: c.DryRun, Matched: len(ids), Numbers: ids}
	if c.DryRun {
		return v5Event{instead: said}
	}
	return v5Event{kind: kind, body: body, answer: func(_ event.Outcome, told Written) any {
		said.Event = &told
		return said
	}}
}

func (s *Service) openRegression(w *v5Request) (v5Event, error) {
	var body openBody
	if err := w.read(&body); err != nil {
		return v5Event{}, err
	}
	opening := event.RegressionOpening{Title: body.Title, Bug: body.Bug, Note: body.Note}
	var err error
	if body.State != "" {
		if opening.State, err = stateNumber("state", body.State); err != nil {
			return v5Event{}, err
		}
	}
	if opening.ChangeIDs, err = w.changes("findings", body.Findings); err != nil {
		return v5Event{}, err
	}
	return v5Event{kind: event.RegressionOpened, body: opening, answer: w.written(0), location: regressionLocation}, nil
}

func (s *Service) deleteRegression(w *v5Request) (v5Event, error) {
	id, err := w.regression()
	return v5Event{kind: event.RegressionDeleted, body: event.RegressionDeletion{RegressionIDs: []uint32{id}}}, err
}

// findings reads a regression's address and a body that names findings.
func (w *v5Request) findings() (regression uint32, body findingsBody, changes []uint32, err error) {
	if err := w.read(&body); err != nil {
		return 0, body, nil, err
	}
	if regression, err = w.regression(); err != nil {
		return 0, body, nil, err
	}
	changes, err = w.changes("findings", body.Findings)
	return regression, body, changes, err
}

func (s *Service) extend(w *v5Request) (v5Event, error) {
	id, body, changes, err := w.findings()
	extension := event.RegressionExtension{RegressionID: id, ChangeIDs: changes, Note: body.Note}
	return v5Event{kind: event.RegressionExtended, body: extension, answer: w.written(id)}, err
}

func (s *Service) split(w *v5Request) (v5Event, error) {
	id, body, changes, err := w.findings()
	splitting := event.RegressionSplitting{RegressionID: id, ChangeIDs: changes, Note: body.Note}
	return v5Event{kind: event.RegressionSplit, body: splitting, answer: w.written(0), location: regressionLocation}, err
}

func (s *Service) merge(w *v5Request) (v5Event, error) {
	var body mergeBody
	if err := w.read(&body); err != nil {
		return v5Event{}, err
	}
	if len(body.Regressions) < 2 {
		return v5Event{}, openapi.Invalid("regressions", "regressions: at least two have to be named")
	}
	ids, err := s.lookup.RegressionNumbers(w.ctx, w.a.database, w.a.suite, body.Regressions)
	return v5Event{kind: event.RegressionMerged, body: event.RegressionMerge{RegressionIDs: ids, Note: body.Note}, answer: w.written(0)}, err
}

func (s *Service) undo(w *v5Request) (v5Event, error) {
	var body undoBody
	if err := w.read(&body); err != nil {
		return v5Event{}, err
	}
	if body.Seq == 0 {
		return v5Event{}, openapi.Invalid("seq", "seq: is missing")
	}
	restoration, err := s.lookup.Undoing(w.ctx, w.a.database, w.a.suite, body.Seq)
	restoration.Reason = body.Reason
	return v5Event{kind: event.RegressionRestored, body: restoration}, err
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
