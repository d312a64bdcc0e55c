package web

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/bounds"
	"tidemark/pkg/httpx"
	"tidemark/pkg/store"
)

// problem is an answer that is not the page: what is wrong and what to do.
type problem struct {
	Status int
	// Title says what is wrong in a few words.
	Title string
	// Detail names the value that is wrong.
	Detail string
	// Hint says how to mend it.
	Hint string
	// Back leads to where the reader can choose a right value; "" is the first page.
	Back, BackText string
	// RequestID is set when a person has to look.
	RequestID string
}

func (p *problem) Error() string { return p.Title + ": " + p.Detail }

// badParameter is the answer to a query parameter or path element that cannot be read.
func badParameter(name, value, want string) *problem {
	return &problem{
		Status: fiber.StatusBadRequest,
		Title:  "That address has a mistake in it",
		Detail: fmt.Sprintf("%s=%s cannot be used.", name, clip(value, 200)),
		Hint:   want,
	}
}

// notHere is the answer when something that is asked for by id does not exist.
func notHere(what, hint, back, backText string) *problem {
	return &problem{
		Status: fiber.StatusNotFound, Title: "Not found",
		Detail: what, Hint: hint, Back: back, BackText: backText,
	}
}

// handler answers a request, or says what keeps it from doing so.
type handler func(c *fiber.Ctx) error

// page turns what h returns into an answer.
func (s *Service) page(h handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		secure(c)
		err := h(c)
		if err == nil {
			return nil
		}
		c.Response().ResetBody()
		c.Response().Header.Del(fiber.HeaderETag)
		return s.fail(c, err)
	}
}

// secure sets the headers every page has.
func secure(c *fiber.Ctx) {
	httpx.SecurePage(c)
	c.Set(fiber.HeaderCacheControl, "no-cache")
}

// fail writes the error page, or JSON where the client asked for data.
func (s *Service) fail(c *fiber.Ctx, err error) error {
	p := s.problemOf(c, err)
	c.Status(p.Status)
	if c.Locals(wantsData) != nil {
		short := p.Title
		if p.Status == fiber.StatusNotFound {
			short = httpx.NoPage // LNT's word for it; what is missing is in the message
		}
		return c.JSON(fiber.Map{"error": short, "message": joinText(p.Detail, p.Hint)})
	}
	// No query here: the database may be what is not there.
	v, inSuite := c.Locals(surroundings).(view)
	if !inSuite {
		v = s.view(c, "")
	}
	v.Title = p.Title
	v.Body = p
	return s.render(c, "problem", v)
}

func (s *Service) problemOf(c *fiber.Ctx, err error) *problem {
	var (
		p       *problem
		reached *bounds.Error
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &reached):
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(s.cfg.RetryAfter.Seconds())))
		return &problem{
			Status: fiber.StatusServiceUnavailable, Title: "Too much at once",
			Detail: "This page reached a bound of the database: " + reached.What + ".", Hint: reached.Narrow(),
		}
	case errors.Is(err, store.ErrBusy), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(s.cfg.RetryAfter.Seconds())))
		return &problem{
			Status: fiber.StatusServiceUnavailable, Title: "Busy right now",
			Detail: "The database is answering as many questions as it may.",
			Hint:   "Submissions are not affected. Load the page again in a few seconds.",
		}
	}
	s.log.ErrorContext(c.UserContext(), "page failed", "request_id", httpx.RequestID(c), "path", c.Path(), "err", err)
	return &problem{
		Status: fiber.StatusInternalServerError, Title: "This page could not be made",
		Detail:    "Something went wrong on the server. It has been logged.",
		Hint:      "Load the page again. If that does not help, tell whoever runs this server the number below.",
		RequestID: httpx.RequestID(c),
	}
}

func joinText(parts ...string) string {
	text := ""
	for _, part := range parts {
		if part != "" && text != "" {
			text += " "
		}
		text += part
	}
	return text
}

type localKey int

const (
	// wantsData marks a request for JSON rather than a page.
	wantsData localKey = iota
	// surroundings is the view of the suite that the page is about, for a problem found later.
	surroundings
	// shownNow is the time that a page shows, when it is not the very second.
	shownNow
)
