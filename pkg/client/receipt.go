package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// receipt is what the server shows of an event once it is decided; before that there is none.
type receipt struct {
	Status string `json:"status"`
	Run    *struct {
		ID  uint32 `json:"id"`
		URL string `json:"url"`
	} `json:"run"`
	Refusal *struct {
		Code    int    `json:"code"`
		Error   string `json:"error"`
		Message string `json:"message"`
	} `json:"refusal"`
}

var errUndecided = errors.New("not decided yet")

// awaitReceipt asks for the receipt until there is one. Without one in time the file stays received: the server has it.
func (s *submitter) awaitReceipt(ctx context.Context, r Result) Result {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 100*time.Millisecond, 2*time.Second
	got, err := backoff.Retry(ctx, func() (receipt, error) { return s.askReceipt(ctx, r.ReceiptURL) },
		backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(s.o.ReceiptFor))
	switch {
	case err != nil:
		r.Message = "no receipt yet: " + err.Error()
	case got.Refusal != nil:
		r.Status, r.Code, r.Error, r.Message = Refused, got.Refusal.Code, got.Refusal.Error, got.Refusal.Message
	case got.Run != nil:
		r.Status, r.RunID, r.ResultURL = Stored, got.Run.ID, got.Run.URL
	default:
		r.Status = Stored
	}
	return r
}

func (s *submitter) askReceipt(ctx context.Context, at string) (receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.AttemptTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return receipt{}, backoff.Permanent(err)
	}
	req.Header.Set("Accept", "application/json")
	res, err := s.o.HTTP.Do(req)
	if err != nil {
		return receipt{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return receipt{}, err
	}
	var got receipt
	switch code := res.StatusCode; {
	case code == http.StatusOK:
		if err := json.Unmarshal(text, &got); err != nil {
			return receipt{}, fmt.Errorf("receipt: %w", err)
		}
		if got.Status != "accepted" && got.Status != "duplicate" && got.Status != "rejected" {
			return receipt{}, errUndecided
		}
		return got, nil
	case code == http.StatusNotFound, code == http.StatusAccepted:
		return receipt{}, errUndecided
	case code == http.StatusTooManyRequests, code >= 500:
		return receipt{}, errors.New("server answered " + res.Status)
	default:
		return receipt{}, backoff.Permanent(errors.New("server answered " + res.Status))
	}
}
