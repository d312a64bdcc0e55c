package intake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/auth"
	"tidemark/pkg/openapi"
)

// Forms of pages do what v5's writes do, for browsers without scripts: POST …/v4/<suite>/forms/<operation id>. The door has checked
// their CSRF token. What would be in the address is in fields "path.NAME" and "query.NAME"; "body" is a JSON object, into which
// the remaining fields go unless they are empty: those that begin with "list." as lists of their values, with "number." as numbers, with
// "lines." as objects of lines "name=value", with "yes." as true, all others as texts. The answer leads to "next", a page of this site, or says what is wrong.
const (
	formBody, formNext    = "body", auth.NextField
	formPath, formQueries = "path.", "query."

	formList, formNumber, formLines, formYes = "list.", "number.", "lines.", "yes."
)

func (s *Service) formRoutes(r fiber.Router) {
	writes := lo.KeyBy(s.v5Writes(), func(w v5Write) string { return w.ID })
	for _, prefix := range []string{"/db_:db", ""} {
		r.Post(prefix+"/v4/:suite/forms/:operation", func(c *fiber.Ctx) error {
			write, ok := writes[c.Params("operation")]
			if !ok {
				return noPage(c)
			}
			return s.takeForm(c, write)
		})
	}
}

// takeForm turns the form into the operation's request, and the operation's answer into one for a browser.
func (s *Service) takeForm(c *fiber.Ctx, write v5Write) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	fields, problem := formFields(c)
	if problem != nil {
		c.Context().SetConnectionClose()
		return auth.ShowRefused(c, problem, nil)
	}
	next := auth.LocalAddress(fields.Get(formNext))
	body, err := formJSON(fields)
	if err != nil {
		return auth.ShowRefused(c, openapi.Invalid(formBody, "the form is not as the page has it: %s", err), fields)
	}
	if write.Body == nil {
		body = nil
	}
	c.Request().SetBody(body)
	c.Request().Header.SetContentType(fiber.MIMEApplicationJSON)
	query, badQuery := write.ReadQuery(func(each func(name, value string)) {
		for name := range fields {
			if own, ok := strings.CutPrefix(name, formQueries); ok && fields.Get(name) != "" {
				each(own, fields.Get(name))
			}
		}
	})
	if err := s.v5Do(write, func(name string) string { return fields.Get(formPath + name) }, query, badQuery)(c); err != nil {
		return err
	}
	status := c.Response().StatusCode()
	if status >= http.StatusBadRequest {
		var said struct {
			Error struct{ Message, Field string }
		}
		_ = json.Unmarshal(c.Response().Body(), &said) // without words the status tells
		return auth.ShowRefused(c, &openapi.Error{Status: status, Message: said.Error.Message, Field: said.Error.Field}, fields)
	}
	c.Response().ResetBody()
	c.Response().Header.Del(fiber.HeaderLocation)
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	return c.Redirect(next, http.StatusSeeOther)
}

// formFields reads a small form.
func formFields(c *fiber.Ctx) (url.Values, *openapi.Error) {
	if !auth.IsForm(c) {
		return nil, &openapi.Error{Status: http.StatusUnsupportedMediaType, Message: "a form of a page, of up to 64 KiB, is what this address takes"}
	}
	fields, err := url.ParseQuery(string(c.Body()))
	if err != nil {
		return nil, openapi.Invalid("", "the form cannot be read")
	}
	return fields, nil
}

func formJSON(fields url.Values) ([]byte, error) {
	whole := map[string]json.RawMessage{}
	if text := fields.Get(formBody); text != "" {
		if err := json.Unmarshal([]byte(text), &whole); err != nil {
			return nil, err
		}
	}
	for name := range fields {
		value := fields.Get(name)
		if value == "" || slices.Contains([]string{formBody, formNext, auth.CSRFField}, name) || strings.HasPrefix(name, formPath) || strings.HasPrefix(name, formQueries) {
			continue
		}
		own, read, err := formValue(name, fields[name])
		if err != nil {
			return nil, err
		}
		if whole[own], err = json.Marshal(read); err != nil {
			return nil, err
		}
	}
	return json.Marshal(whole)
}

// formValue is what a field says, and the name of what it says it about.
func formValue(name string, values []string) (string, any, error) {
	if own, ok := strings.CutPrefix(name, formList); ok {
		return own, values, nil
	}
	if own, ok := strings.CutPrefix(name, formYes); ok {
		return own, true, nil
	}
	if own, ok := strings.CutPrefix(name, formNumber); ok {
		n, err := strconv.ParseFloat(values[0], 64)
		if err != nil {
			return own, nil, fmt.Errorf("%s: %q is no number", own, values[0])
		}
		return own, n, nil
	}
	own, ok := strings.CutPrefix(name, formLines)
	if !ok {
		return name, values[0], nil
	}
	pairs := map[string]string{}
	for line := range strings.Lines(values[0]) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return own, nil, fmt.Errorf("%s: %q is not name=value", own, line)
		}
		pairs[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return own, pairs, nil
}
