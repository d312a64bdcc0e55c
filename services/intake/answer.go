package intake

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/event"
)

// answer is what a client is told. Bodies are maps, whose keys encoding/json sorts as LNT does, or what JSON has for them; a text
// is sent line by line instead.
type answer struct {
	result   string
	status   int
	body     any
	text     func(yield func(line string) bool)
	location string
	retry    bool // with Retry-After
	applied  bool // with Preference-Applied: respond-async
}

// Words of LNT that clients match or print.
const (
	textNoPage   = "The page you are looking for does not exist."
	textNoToken  = "Auth Token must be passed in AuthToken header, and included in LNT config."
	textUnknown  = "Unknown database."
	textBusy     = "the server is busy; try again"
	textAway     = "the submission could not be stored; try again"
	textNoChange = "the change could not be stored; try again"
	textSlow     = "the request body took too long to arrive"
	textAborted  = "the connection ended before the request body did"
	importFolder = "ledger"
)

func (s *Service) send(c *fiber.Ctx, a answer, rest bool) error {
	if a.location != "" {
		c.Set(fiber.HeaderLocation, a.location)
	}
	if a.retry {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(s.cfg.RetryAfter.Seconds()))))
	}
	if a.applied {
		c.Set("Preference-Applied", "respond-async")
	}
	if a.text != nil {
		return sendLines(c, a)
	}
	// LNT sends this on every answer of its REST side but the redirect.
	if rest && a.status != http.StatusMovedPermanently {
		c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(a.body); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	if a.body == nil {
		text.Truncate(len("null"))
	}
	return c.Status(a.status).Send(text.Bytes())
}

// sendLines sends a text as LNT does: as a stream, and without the header that lets other origins read it.
func sendLines(c *fiber.Ctx, a answer) error {
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	c.Status(a.status)
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		for line := range a.text {
			if _, err := w.WriteString(line + "\n"); err != nil {
				return
			}
		}
	})
	return nil
}

func (a *attempt) unknownDatabase() answer {
	if a.rest {
		return answer{result: resultUnknown, status: http.StatusNotFound, body: map[string]any{"message": textUnknown}}
	}
	return answer{result: resultUnknown, status: http.StatusNotFound, body: map[string]any{"error": textNoPage}}
}

// denied answers whom a token is missing, or is not enough: in what LNT's REST side calls a message, else as to a submission.
func (a *attempt) denied(why *refusal) answer {
	result := resultUnauthorized
	if why.code == http.StatusForbidden {
		result = resultForbidden
	}
	if a.rest {
		return answer{result: result, status: why.code, body: map[string]any{"msg": why.short}}
	}
	return answer{result: result, status: why.code, body: failure(why.short, "")}
}

func (a *attempt) busy() answer {
	return answer{result: resultBusy, status: http.StatusServiceUnavailable, body: a.trouble(textBusy), retry: true}
}

func (a *attempt) unavailable() answer {
	text := textAway
	if a.change {
		text = textNoChange
	}
	return answer{result: resultUnavailable, status: http.StatusServiceUnavailable, body: a.trouble(text), retry: true}
}

func (a *attempt) slow() answer {
	return answer{result: resultSlow, status: http.StatusRequestTimeout, body: a.trouble(textSlow)}
}

// aborted is for the log and the metrics; the client is gone.
func (a *attempt) aborted() answer {
	return answer{result: resultAborted, status: http.StatusBadRequest, body: a.trouble(textAborted)}
}

// trouble is the body of an answer that LNT does not have.
func (a *attempt) trouble(text string) map[string]any {
	if a.change {
		return map[string]any{"message": text}
	}
	return failure(text, "")
}

// failure is the body of an answer to a submission that says no; message is left out when it adds nothing.
func failure(short, message string) map[string]any {
	body := map[string]any{"success": false, "error": short}
	if message != "" && message != short {
		body["message"] = message
	}
	return body
}

// refused answers for a refusal that is in the log.
func (a *attempt) refused(why *refusal) answer {
	body := failure(why.short, why.detail)
	body["import_file"] = a.importFile()
	body["load_time"] = seconds(a.decode)
	result := resultRefused
	if why.code == http.StatusRequestEntityTooLarge {
		result = resultTooLarge
	}
	return answer{result: result, status: why.code, body: body}
}

// importFile names the submission as LNT names the file it archived: by a path that says where the bytes are.
func (a *attempt) importFile() string {
	return importFolder + "/" + a.database + "/" + a.suite + "/" + a.id.String()
}

// decided answers with the outcome. A duplicate is answered as its original was.
func (a *attempt) decided(ctx context.Context, out event.Outcome) answer {
	if out.Status == event.Rejected || out.Code >= 400 {
		return a.rejected(out)
	}
	result := resultAccepted
	if out.Status == event.Duplicate {
		result = resultDuplicate
	}
	body := map[string]any{
		"success": true, "error": nil, "committed": true, "run_id": out.RunID,
		"import_file": a.importFile(), "result_url": a.resultURL(out.RunID), "report_to_address": nil,
		"added_machines": out.AddedMachines, "added_runs": out.AddedRuns, "added_tests": out.AddedTests,
		"test_results": a.results(ctx, out),
	}
	a.addTimes(body)
	if a.rest {
		// LNT's clients of this route expect a redirect to the run, even though it was made by this request.
		return answer{result: result, status: http.StatusMovedPermanently, body: body, location: a.resultURL(out.RunID)}
	}
	return answer{result: result, status: http.StatusOK, body: body}
}

func (a *attempt) rejected(out event.Outcome) answer {
	body := failure(out.Error, out.Message)
	body["import_file"] = a.importFile()
	a.addTimes(body)
	code := out.Code
	if code < 400 || code > 499 {
		code = http.StatusBadRequest
	}
	result := resultRejected
	if out.Status == event.Duplicate {
		result = resultDuplicate
	}
	return answer{result: result, status: code, body: body}
}

// addTimes reports the stages under LNT's names: loading is receiving and checking, importing is storing and deciding,
// reporting is comparing the run with the one before it.
func (a *attempt) addTimes(body map[string]any) {
	body["load_time"] = seconds(a.decode)
	body["import_time"] = seconds(a.append + a.waited)
	body["report_time"] = seconds(a.compared)
	body["total_time"] = seconds(a.s.now().Sub(a.started))
}

// seconds with microseconds.
func seconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e6 }

func (a *attempt) resultURL(run uint32) string {
	path := "db_" + a.database + "/v4/" + a.suite + "/"
	if a.rest {
		path = "api/" + path + "runs/"
	}
	return a.root + path + strconv.FormatUint(uint64(run), 10)
}

func (a *attempt) receiptURL() string {
	path := "api/db_" + a.database + "/v5/"
	if a.database == defaultDatabase {
		path = "api/v5/"
	}
	return a.root + path + a.suite + "/receipts/" + a.id.String()
}

// receipt answers 202: the log has the submission. A client that wanted more than a receipt gets LNT's word for success with
// it, but no result_url, from which scripts would take a run id.
func (a *attempt) receipt(result string) answer {
	body := map[string]any{"event_id": a.id.String(), "receipt_url": a.receiptURL()}
	if result == resultPending && !a.change {
		body["success"], body["error"], body["import_file"] = true, nil, a.importFile()
	}
	return answer{result: result, status: http.StatusAccepted, body: body, location: a.receiptURL(), applied: result == resultAsync}
}
