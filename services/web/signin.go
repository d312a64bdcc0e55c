package web

import (
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/auth"
)

// maxSignIn bounds what the form to sign in sends, in bytes.
const maxSignIn = 8 << 10

type signInBody struct {
	// Next is where the reader was.
	Next string
	// Possible is false on a server without tokens.
	Possible bool
	// Needed says that reading needs a token, too.
	Needed bool
	Wrong  string
}

// signInForm answers /signin.
func (s *Service) signInForm(c *fiber.Ctx) error { return s.showSignIn(c, c.Query("next"), "") }

func (s *Service) showSignIn(c *fiber.Ctx, next, wrong string) error {
	v := s.view(c, "Sign in")
	v.SignIn = "" // we are there
	v.crumb("Sign in")
	v.Body = signInBody{
		Next: local(v.L, next), Possible: s.door != nil && s.door.Keys().Any(), Needed: s.door != nil && !s.door.AnonymousReads(), Wrong: wrong,
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return s.render(c, "signin", v)
}

// signIn takes the form. The token is in the body alone, never in an address.
func (s *Service) signIn(c *fiber.Ctx) error {
	if s.door == nil {
		return errNobodySignsIn
	}
	form, err := signInFields(c)
	if err != nil {
		return err
	}
	next := form.Get("next")
	switch _, err = s.door.SignIn(c, strings.TrimSpace(form.Get("token"))); {
	case err == nil:
		c.Set(fiber.HeaderCacheControl, "no-store")
		return c.Redirect(local(s.view(c, "").L, next), fiber.StatusSeeOther)
	case errors.Is(err, auth.ErrNoToken):
		c.Status(fiber.StatusBadRequest)
		return s.showSignIn(c, next, "Paste a token first.")
	case errors.Is(err, auth.ErrWrongToken):
		c.Status(fiber.StatusUnauthorized)
		return s.showSignIn(c, next, "Nobody has this token. It may have been taken away, or a character of it is missing.")
	case errors.Is(err, auth.ErrSessionEnded):
		return errForeignForm
	}
	return err
}

// signOut takes the form in the head of every page.
func (s *Service) signOut(c *fiber.Ctx) error {
	if s.door == nil {
		return errNobodySignsIn
	}
	form, err := signInFields(c)
	if err != nil {
		return err
	}
	if err := s.door.SignOut(c, form.Get(auth.CSRFField)); err != nil {
		return errForeignForm
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Redirect(s.view(c, "").L.Home(), fiber.StatusSeeOther)
}

var (
	errNobodySignsIn = &problem{Status: fiber.StatusNotFound, Title: "Nobody can sign in here", Detail: "This server has no tokens.", Hint: "Whoever runs it can give it some with --tokens-file."}
	errForeignForm   = &problem{Status: fiber.StatusForbidden, Title: "This form is not from here", Detail: "It came from another site, or from a page of an earlier session.", Hint: "Load the page again and repeat it."}
)

// signInFields reads a small form.
func signInFields(c *fiber.Ctx) (url.Values, error) {
	if n := c.Request().Header.ContentLength(); n < 0 || n > maxSignIn {
		c.Context().SetConnectionClose()
		return nil, &problem{Status: fiber.StatusRequestEntityTooLarge, Title: "Too much", Detail: "A token is no longer than a line.", Hint: "Paste the token alone."}
	}
	form, err := url.ParseQuery(string(c.Body()))
	if err != nil {
		return nil, badParameter("form", "", "The form has to be sent as the page has it.")
	}
	return form, nil
}

// local is an address of this site, or the first page.
func local(l links, next string) string {
	next = auth.LocalAddress(next)
	if !strings.HasPrefix(next, l.prefix) {
		next = strings.TrimSuffix(l.prefix, "/") + next
	}
	return next
}
