package intake

import (
	"strconv"
	"strings"

	"tidemark/pkg/event"
)

// defaultSuite takes reports that name no suite; refusedSuite the refusals of requests whose suite cannot be known.
const (
	defaultSuite = "nts"
	refusedSuite = "_"
)

// maxIdempotencyKey is the longest Idempotency-Key in bytes.
const maxIdempotencyKey = 255

// choices turns the fields of a form, or of the query where the form has none, into the event's parameters. They are written
// out in full, defaults included, so that an event means the same when defaults change.
func choices(form map[string]string, query func(string) string) (map[string]string, *refusal) {
	get := func(name string) string {
		if v := form[name]; v != "" {
			return v
		}
		return query(name)
	}
	params := map[string]string{event.ParamMerge: "reject", event.ParamSelectMachine: "match"}
	if merge := get(fieldMerge); merge != "" {
		if merge != "reject" && merge != "replace" && merge != "append" {
			return nil, refuse(fieldMerge, "import failure: Invalid Run mergeStrategy '%s'", shown(merge))
		}
		params[event.ParamMerge] = merge
	}
	selected, refused := selectMachine(get(fieldSelectMachine), get(fieldUpdateMachine))
	if refused != nil {
		return nil, refused
	}
	params[event.ParamSelectMachine] = selected
	if get(fieldIgnoreRegressions) != "" {
		params[event.ParamIgnoreRegressions] = "1"
	}
	for _, name := range []string{event.ParamKeepRunID, event.ParamKeepMachineID} {
		kept := get(name)
		if n, err := strconv.ParseUint(kept, 10, 32); kept != "" && (err != nil || n < 1 || n > event.MaxKeptID) {
			return nil, refuse(name, "%s must be a number from 1 to %d", name, event.MaxKeptID)
		}
		if kept != "" {
			params[name] = kept
		}
	}
	return params, nil
}

// selectMachine reads the field, or its predecessor update_machine, a number where non-zero means update.
func selectMachine(selected, update string) (string, *refusal) {
	switch {
	case selected == "match" || selected == "update" || selected == "split":
		return selected, nil
	case selected != "":
		return "", refuse(fieldSelectMachine, "select_machine must be 'match', 'update' or 'split'")
	case update == "":
		return "match", nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(update), 10, 64)
	switch {
	case err != nil:
		return "", refuse(fieldUpdateMachine, "update_machine must be an integer")
	case n != 0:
		return "update", nil
	default:
		return "match", nil
	}
}

// shown makes a client's text fit for an answer.
func shown(s string) string {
	const most = 100
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func checkKey(key string) *refusal {
	if len(key) > maxIdempotencyKey || !printable(key) {
		return refuse("Idempotency-Key", "Idempotency-Key must be at most %d printable characters", maxIdempotencyKey)
	}
	return nil
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// mediaOf is the content type as it goes into the event: as sent, when it is fit to be kept.
func mediaOf(contentType string) string {
	if len(contentType) > 255 || !printable(contentType) {
		return ""
	}
	return contentType
}

// wantsAsync reads the Prefer header (RFC 7240).
func wantsAsync(prefer string) bool {
	for _, p := range strings.Split(prefer, ",") {
		token, _, _ := strings.Cut(p, ";")
		if strings.EqualFold(strings.TrimSpace(token), "respond-async") {
			return true
		}
	}
	return false
}
