package intake

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"tidemark/pkg/auth"
	"tidemark/pkg/event"
)

// putMachine, postMachine, deleteMachine and deleteRun are made for each request: what they name is in the address.
var (
	putMachine    = change{scope: auth.Manage, limit: fixed(maxMachineBody), answer: done, make: change.update}
	postMachine   = change{scope: auth.Manage, limit: fixed(maxFormBody), answer: done, make: change.act}
	deleteMachine = change{scope: auth.Manage, answer: deletedMachine, make: change.remove}
	deleteRun     = change{scope: auth.Manage, answer: done, make: change.retract}
)

func fixed(n int64) func(Config) int64 { return func(Config) int64 { return n } }

// encoded finishes an event's body; what it may not hold is the client's fault.
func encoded(kind event.Type, body interface{ Encode() ([]byte, error) }) (event.Type, []byte, *apiError) {
	data, err := body.Encode()
	if err != nil {
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		return "", nil, said(http.StatusBadRequest, err.Error())
	}
	return kind, data, nil
}

// update reads {"machine": {…}}; a document that LNT's API gave may be sent back, so other keys are passed over.
func (ch change) update(_ *attempt, body []byte) (event.Type, []byte, *apiError) {
	var given struct {
		Machine json.RawMessage `json:"machine"`
	}
	if err := json.Unmarshal(body, &given); err != nil {
		return "", nil, said(http.StatusBadRequest, "The body is not a JSON object: "+err.Error())
	}
	if values := bytes.TrimSpace(given.Machine); len(values) == 0 || values[0] != '{' {
		return "", nil, said(http.StatusBadRequest, "Expected an object 'machine' in the body")
	}
	return encoded(event.MachineUpdated, event.MachineUpdate{Machine: ch.target, Values: given.Machine})
}

// act reads what to do with a machine from the query and the form; the query comes first, as with LNT.
func (ch change) act(a *attempt, body []byte) (event.Type, []byte, *apiError) {
	form, err := formValues(a.media, body)
	if err != nil {
		return "", nil, said(http.StatusBadRequest, err.Error())
	}
	get := func(name string) (string, bool) {
		for _, values := range []map[string][]string{ch.query, form} {
			if given := values[name]; len(given) > 0 {
				return strings.ToValidUTF8(given[0], "\ufffd"), true
			}
		}
		return "", false
	}
	switch action, ok := get("action"); {
	case !ok:
		return "", nil, said(http.StatusBadRequest, "No 'action' specified")
	case action == "rename":
		name, _ := get("name")
		if name == "" {
			return "", nil, said(http.StatusBadRequest, "Expected 'name' for rename request")
		}
		return encoded(event.MachineRenamed, event.MachineRename{Machine: ch.target, Name: name})
	case action == "merge":
		into, ok := get("into")
		if !ok {
			return "", nil, said(http.StatusBadRequest, "Expected 'into' for merge request")
		}
		if into == "" {
			return "", nil, said(http.StatusNotFound, "Did not find machine ''")
		}
		return encoded(event.MachineMerged, event.MachineMerge{Machine: ch.target, Into: into})
	default:
		return "", nil, said(http.StatusBadRequest, fmt.Sprintf("Unknown action '%s'", shown(action)))
	}
}

// formValues reads a small form. Bodies of other types mean nothing here.
func formValues(media string, body []byte) (map[string][]string, error) {
	values := map[string][]string{}
	kind := (&bodyReader{media: media}).kind()
	switch kind {
	case mediaForm:
		d := formDecoder{in: bufio.NewReader(bytes.NewReader(body))}
		for {
			name, more, err := d.name()
			if err != nil {
				return nil, err
			}
			if !more {
				return values, nil
			}
			value, err := io.ReadAll(&d)
			if err != nil {
				return nil, fmt.Errorf("could not parse the form body: %w", err)
			}
			values[name] = append(values[name], string(value))
		}
	case mediaMultipart:
		return multipartValues(media, body)
	default:
		return values, nil
	}
}

func multipartValues(media string, body []byte) (map[string][]string, error) {
	boundary, err := boundaryOf(media)
	if err != nil {
		return nil, err
	}
	values := map[string][]string{}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // a wrapped io.EOF is a body that ends before its last boundary
			return values, nil
		}
		if err == nil && n == maxParts {
			err = fmt.Errorf("more than %d parts", maxParts)
		}
		var value []byte
		if err == nil {
			value, err = io.ReadAll(part)
		}
		if err != nil {
			return nil, fmt.Errorf("could not parse the multipart body: %w", err)
		}
		values[part.FormName()] = append(values[part.FormName()], string(value))
	}
}

func (ch change) remove(*attempt, []byte) (event.Type, []byte, *apiError) {
	return encoded(event.MachineDeleted, event.MachineDeletion{Machine: ch.target})
}

func (ch change) retract(*attempt, []byte) (event.Type, []byte, *apiError) {
	id, err := strconv.ParseUint(ch.target, 10, 32)
	if err != nil {
		// No run has such a number.
		return "", nil, said(http.StatusNotFound, "Did not find run "+strings.TrimLeft(ch.target, "0"))
	}
	return encoded(event.RunRetracted, event.Retraction{RunID: uint32(id)})
}

// runsPerLine is how many runs LNT deletes, and tells of, at a time.
const runsPerLine = 10

// deletedMachine tells what LNT tells while it deletes: the runs, ten to a line, and the machine. One event did it all.
func deletedMachine(_ *attempt, out event.Outcome) answer {
	lines := func(yield func(string) bool) {
		total, at := max(len(out.DeletedRuns), -out.AddedRuns), 0
		for some := range slices.Chunk(out.DeletedRuns, runsPerLine) {
			at += len(some)
			line := []byte("Deleting runs")
			for _, id := range some {
				line = strconv.AppendUint(append(line, ' '), uint64(id), 10)
			}
			if !yield(fmt.Sprintf("%s (%d/%d)", line, at, total)) {
				return
			}
		}
		yield(fmt.Sprintf("Deleted machine %s:%d", out.MachineName, out.MachineID))
	}
	return answer{result: resultAccepted, status: http.StatusOK, text: lines}
}
