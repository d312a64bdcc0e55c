package importer

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

// maxAnswer bounds what is read of an answer, in bytes; a machine of an old server lists all its runs in one.
const maxAnswer = 1 << 30

// site is an HTTP server that is asked until it answers.
type site struct {
	root     string // without a slash at its end
	token    string
	http     *http.Client
	retryFor time.Duration
	attempt  time.Duration
}

func newSite(root, token string, cfg Config, client *http.Client) site {
	if client == nil {
		client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return site{root: strings.TrimRight(root, "/"), token: token, http: client, retryFor: cfg.RetryFor, attempt: cfg.AttemptTimeout}
}

// shown is the root without a password.
func (s site) shown() string {
	if u, err := url.Parse(s.root); err == nil {
		return u.Redacted()
	}
	return s.root
}

// request is one thing to ask.
type request struct {
	method, path string
	query        url.Values
	header       map[string]string
	body         []byte
}

// reply is an answer about the request: not one of a server that is away or busy.
type reply struct {
	status int
	body   []byte
}

// refusedError is an answer that says no, for good.
type refusedError struct {
	what   string
	status int
	text   string
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("%s: %d %s", e.what, e.status, e.text)
}

func isStatus(err error, codes ...int) bool {
	refused, ok := errors.AsType[*refusedError](err)
	if !ok {
		return false
	}
	for _, code := range codes {
		if refused.status == code {
			return true
		}
	}
	return false
}

// ask sends the request until there is an answer. Requests that write are safe to repeat: they carry an idempotency key, or say what
// shall be.
func (s site) ask(ctx context.Context, r request) (reply, error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 250*time.Millisecond, 15*time.Second
	return backoff.Retry(ctx, func() (reply, error) { return s.try(ctx, r) },
		backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(s.retryFor))
}

func (s site) try(ctx context.Context, r request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.attempt)
	defer cancel()
	at := s.root + r.path
	if len(r.query) > 0 {
		at += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, at, bytes.NewReader(r.body))
	if err != nil {
		return reply{}, backoff.Permanent(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "tidemark-import")
	if s.token != "" {
		req.Header.Set("AuthToken", s.token)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return reply{}, err // says method and address
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return reply{}, fmt.Errorf("read answer to %s %s: %w", r.method, r.path, err)
	}
	if len(body) > maxAnswer {
		return reply{}, backoff.Permanent(fmt.Errorf("answer to %s %s has more than %d bytes", r.method, r.path, maxAnswer))
	}
	if retryable(res.StatusCode) {
		err := &refusedError{r.method + " " + r.path, res.StatusCode, saying(body)}
		if seconds, bad := strconv.Atoi(res.Header.Get("Retry-After")); bad == nil && seconds > 0 {
			return reply{}, errors.Join(err, &backoff.RetryAfterError{Duration: min(time.Duration(seconds)*time.Second, 30*time.Second)})
		}
		return reply{}, err
	}
	return reply{res.StatusCode, body}, nil
}

func retryable(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500 && status != http.StatusNotImplemented
}

// get asks for JSON; anything but 200 is a [refusedError].
func (s site) get(ctx context.Context, path string, into any) error {
	body, err := s.read(ctx, path)
	if err != nil {
		return err
	}
	if err := decode(body, into); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}

func (s site) read(ctx context.Context, path string) ([]byte, error) {
	got, err := s.ask(ctx, request{method: http.MethodGet, path: path})
	if err != nil {
		return nil, err
	}
	if got.status != http.StatusOK {
		return nil, &refusedError{"GET " + path, got.status, saying(got.body)}
	}
	return got.body, nil
}

// saying is the text of an error body.
func saying(body []byte) string {
	var said struct {
		Error, Message, Msg any
	}
	if json.Unmarshal(body, &said) == nil {
		for _, text := range []any{said.Error, said.Msg, said.Message} {
			switch t := text.(type) {
			case string:
				if t != "" {
					return t
				}
			case map[string]any:
				return fmt.Sprint(t["message"])
			}
		}
	}
	const most = 200
	return strings.ToValidUTF8(string(body[:min(len(body), most)]), "")
}
