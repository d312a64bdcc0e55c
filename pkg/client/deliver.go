package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 16 << 20
	// longestPause bounds the pause between tries, also one that the server asks for.
	longestPause = time.Minute
)

// answer is what servers say: LNT's keys and the receipt's.
type answer struct {
	Error      string `json:"error"`
	Message    string `json:"message"`
	Msg        string `json:"msg"` // some of LNT's REST errors
	RunID      uint32 `json:"run_id"`
	ResultURL  string `json:"result_url"`
	EventID    string `json:"event_id"`
	ReceiptURL string `json:"receipt_url"`
}

// undelivered is a try that did not get an answer about the report.
type undelivered struct {
	what string
	code int
	err  error
}

func (e *undelivered) Error() string {
	if e.err == nil {
		return e.what
	}
	return e.what + ": " + e.err.Error()
}

func (e *undelivered) Unwrap() error { return e.err }

// deliver sends the report until it is answered or given up.
func (s *submitter) deliver(ctx context.Context, r Result, c content) Result {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = s.o.RetryFirst, 15*time.Second
	out, err := backoff.Retry(ctx, func() (Result, error) {
		r.Attempts++
		return s.try(ctx, r, c)
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(s.o.RetryFor))
	out.Attempts = r.Attempts
	if err == nil {
		return out
	}
	out.Status, out.Error = Failed, "could not deliver"
	if last := (*undelivered)(nil); errors.As(err, &last) {
		out.Code = last.code
		err = last
	}
	out.Message = err.Error()
	return out
}

// try sends the report once. An error is worth another try unless it is marked permanent.
func (s *submitter) try(ctx context.Context, r Result, c content) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.AttemptTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.to.url, bytes.NewReader(c.body))
	if err != nil {
		return r, backoff.Permanent(&undelivered{what: "make request", err: err})
	}
	s.dress(req, r, c)
	res, err := s.o.HTTP.Do(req)
	if err != nil {
		if inner := (*url.Error)(nil); errors.As(err, &inner) {
			err = inner.Err // the address is in every other line already
		}
		return r, &undelivered{what: "no answer from " + req.URL.Host, err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return r, &undelivered{what: "read answer", code: res.StatusCode, err: err}
	}
	return s.judge(r, res, text)
}

func (s *submitter) dress(req *http.Request, r Result, c content) {
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", c.mediaType)
	req.Header.Set("Idempotency-Key", r.Key)
	req.Header.Set("User-Agent", "tidemark-submit")
	if c.encoding != "" {
		req.Header.Set("Content-Encoding", c.encoding)
	}
	if s.o.Token != "" {
		req.Header.Set("AuthToken", s.o.Token)
	}
	if s.o.Async {
		req.Header.Set("Prefer", "respond-async")
	}
}

// judge turns an answer into a result, or into an error when it is not an answer about the report.
func (s *submitter) judge(r Result, res *http.Response, text []byte) (Result, error) {
	var said answer
	isJSON := json.Unmarshal(text, &said) == nil
	r.Code, r.EventID, r.ReceiptURL = res.StatusCode, said.EventID, said.ReceiptURL
	switch code := res.StatusCode; {
	case code == http.StatusAccepted && isJSON:
		r.Status = Received
		return r, nil
	case (code == http.StatusOK || code == http.StatusCreated || code == http.StatusMovedPermanently) && isJSON && said.ResultURL != "":
		r.Status, r.RunID, r.ResultURL = Stored, said.RunID, said.ResultURL
		return r, nil
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		err := &undelivered{what: "server answered " + res.Status, code: code, err: errText(said, isJSON)}
		if pause, ok := retryAfter(res.Header.Get("Retry-After"), time.Now()); ok {
			return r, errors.Join(err, &backoff.RetryAfterError{Duration: pause})
		}
		return r, err
	case code >= 300 && code < 400:
		return r, backoff.Permanent(&undelivered{what: fmt.Sprintf("server redirects to %s; submit to that address", res.Header.Get("Location")), code: code})
	case code < 300:
		return r, backoff.Permanent(&undelivered{what: "the answer is not a submission's; is this the right address?", code: code})
	}
	r.Status = Refused
	r.Error, r.Message = firstOf(said.Error, said.Msg, said.Message, res.Status), said.Message
	if r.Message == r.Error {
		r.Message = ""
	}
	return r, nil
}

func errText(said answer, isJSON bool) error {
	if text := firstOf(said.Error, said.Msg, said.Message); isJSON && text != "" {
		return errors.New(text)
	}
	return nil
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// retryAfter reads the header: seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longestPause), true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), longestPause), true
}
