package intake

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/suite"
)

// defaultDatabase is the database of URLs that name none.
const defaultDatabase = "default"

// Routes mounts LNT's ways to submit. A POST is never redirected: clients would repeat it as a GET and lose the report.
func (s *Service) Routes(r fiber.Router) {
	for _, prefix := range []string{"/db_:db", ""} {
		r.Post(prefix+"/v4/:suite/submitRun", s.post(false))
		r.Get(prefix+"/v4/:suite/submitRun", s.form)
		r.Post(prefix+"/submitRun", s.post(false))
		r.Get(prefix+"/submitRun", s.toForm)
		r.All(prefix+"/v4/:suite/submitRun", refuseMethod)
		r.All(prefix+"/submitRun", refuseMethod)
	}
	r.Post("/api/db_:db/v4/:suite/runs", s.post(true))
	s.changeRoutes(r)
	s.v5Routes(r)
	s.formRoutes(r)
}

// refuseMethod answers the methods that submitRun does not have.
func refuseMethod(c *fiber.Ctx) error {
	c.Set(fiber.HeaderAllow, "GET, HEAD, OPTIONS, POST")
	if c.Method() == fiber.MethodOptions {
		return nil
	}
	return c.Status(http.StatusMethodNotAllowed).JSON(fiber.Map{"error": noMethod})
}

// post takes a submission: on LNT's submitRun, or as a REST write.
func (s *Service) post(rest bool) fiber.Handler { return s.handle(rest, (*attempt).run) }

// handle makes an attempt of a request, whose answer do gives.
func (s *Service) handle(rest bool, do func(*attempt, context.Context) answer) fiber.Handler {
	return func(c *fiber.Ctx) error {
		a := s.begin(c, rest, c.Params("db", defaultDatabase), c.Params("suite"))
		// Whatever happens, a connection whose body was not read to its end must not serve another request.
		reusable := false
		defer func() {
			if !reusable {
				c.Context().SetConnectionClose()
			}
		}()
		said := do(a, c.UserContext())
		if reusable = a.wire.finish(); reusable {
			// Whoever looks at the request after this sees that its body is gone.
			_ = c.Request().CloseBodyStream()
		}
		if a.change {
			s.metrics.changes.WithLabelValues(said.result).Inc()
		} else {
			s.metrics.submissions.WithLabelValues(said.result).Inc()
		}
		httpx.AddLogAttrs(c, a.logAttrs(said.result)...)
		return s.send(c, said, rest)
	}
}

// toForm sends a browser to the form of the suite LNT falls back to.
func (s *Service) toForm(c *fiber.Ctx) error {
	database := c.Params("db", defaultDatabase)
	if !s.cfg.serves(database) {
		return noPage(c)
	}
	return c.Redirect(httpx.RootURL(c)+"db_"+url.PathEscape(database)+"/v4/"+defaultSuite+"/submitRun", http.StatusFound)
}

func noPage(c *fiber.Ctx) error {
	return c.Status(http.StatusNotFound).JSON(fiber.Map{"error": textNoPage})
}

//go:embed form.html
var formText string

var formPage = template.Must(template.New("form").Parse(formText))

// form shows a page to upload a report by hand.
func (s *Service) form(c *fiber.Ctx) error {
	database, name := c.Params("db", defaultDatabase), c.Params("suite")
	if !s.cfg.serves(database) || !suite.ValidName(name) {
		return noPage(c)
	}
	var page bytes.Buffer
	// The form has no action: it posts to the address it came from, whatever stands in front of this server.
	err := formPage.Execute(&page, map[string]string{"Database": database, "Suite": name, "Root": httpx.RootURL(c)})
	if err != nil {
		return fmt.Errorf("render form: %w", err)
	}
	httpx.SecurePage(c)
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Send(page.Bytes())
}
