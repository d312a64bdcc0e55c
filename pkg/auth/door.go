package auth

import (
	"errors"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/openapi"
)

const (
	// CookieName is the session's cookie. Scripts cannot read it (HttpOnly).
	CookieName = "tidemark_session"
	// CSRFHeader is where the scripts of pages put [Visitor.CSRF]; forms have a field of the name [CSRFField].
	CSRFHeader = "X-CSRF-Token"
	// CSRFField is the field of forms.
	CSRFField = "csrf"
	// SignInPath is the page to sign in.
	SignInPath = "signin"
	// SignOutPath takes the form that signs out.
	SignOutPath = "signout"
)

// DoorConfig says who may come in.
type DoorConfig struct {
	// Key seals sessions; empty means one that no other process has.
	Key []byte
	// Lifetime is how long a session lasts.
	Lifetime time.Duration
	// AnonymousReads lets people without a token read.
	AnonymousReads bool
}

// DefaultDoorConfig lets everybody read, and those who sign in write for a working day.
func DefaultDoorConfig() DoorConfig {
	return DoorConfig{Lifetime: 12 * time.Hour, AnonymousReads: true}
}

// Validate reports every setting that cannot work.
func (c DoorConfig) Validate() error {
	var problems []error
	if c.Lifetime < time.Minute || c.Lifetime > 90*24*time.Hour {
		problems = append(problems, fmt.Errorf("session lifetime: %s is not between 1m and 2160h", c.Lifetime))
	}
	if len(c.Key) > 0 && len(c.Key) < 16 {
		problems = append(problems, fmt.Errorf("session key: %d characters are less than 16", len(c.Key)))
	}
	return errors.Join(problems...)
}

// Visitor is who a request comes from.
type Visitor struct {
	// Token is the zero value for people without one.
	Token Token
	// Known says that there is a token.
	Known bool
	// CSRF is set for those who signed in on a page.
	CSRF string
}

// May says whether the visitor may do in database what needs this scope.
func (v Visitor) May(needs Scope, database string) bool {
	return v.Known && v.Token.Allow(needs, database) == nil
}

// Key tells visitors apart who are shown different things: an answer for one is an answer for all with the same key.
func (v Visitor) Key() string {
	if !v.Known {
		return ""
	}
	return fmt.Sprintf("%q %v %q %x %q", v.Token.Name, v.Token.Scope, v.Token.Databases, v.Token.Digest, v.CSRF)
}

// Door stands before every route: it turns a session's cookie into the token that it stands for, which counts for writes only with
// the session's CSRF token beside it, and keeps people without a token out where anonymous reading is off.
type Door struct {
	cfg    DoorConfig
	keys   *Keys
	sealer *Sealer
	now    func() time.Time
}

// NewDoor checks and remembers.
func NewDoor(cfg DoorConfig, keys *Keys, now func() time.Time) (*Door, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	sealer, err := NewSealer(cfg.Key)
	if err != nil {
		return nil, err
	}
	return &Door{cfg: cfg, keys: keys, sealer: sealer, now: now}, nil
}

// Keys are the tokens that people may sign in with.
func (d *Door) Keys() *Keys { return d.keys }

// AnonymousReads says whether people without a token may read.
func (d *Door) AnonymousReads() bool { return d.cfg.AnonymousReads }

type visitorKey struct{}

// VisitorOf is who the door let in.
func VisitorOf(c *fiber.Ctx) Visitor {
	v, _ := c.Locals(visitorKey{}).(Visitor)
	return v
}

// Handle is the door as middleware, before all routes.
func (d *Door) Handle(c *fiber.Ctx) error {
	secret, _ := Secret(func(name string) string { return c.Get(name) })
	session := c.Cookies(CookieName)
	visitor := Visitor{}
	switch {
	case secret != "":
		// A program's own token counts, whatever cookie comes with it: another site cannot set these headers.
		if who, err := d.keys.Identify(secret); err == nil {
			visitor = Visitor{Token: who, Known: true}
		}
	case session != "" && !own(c) && !submits(c):
		who, held, err := d.enter(c, session)
		if err != nil {
			c.Locals(visitorKey{}, who)
			return refuse(c, err)
		}
		if held != "" {
			visitor = who
			c.Request().Header.Set(fiber.HeaderAuthorization, "Bearer "+held)
		}
	case session != "" && !submits(c):
		visitor, _ = d.open(session)
	}
	c.Locals(visitorKey{}, visitor)
	if !d.cfg.AnonymousReads && !exempt(c) {
		if err := d.admit(c, visitor, secret != ""); err != nil {
			return err
		}
	}
	return c.Next()
}

// open gives the visitor of a session, and the secret.
func (d *Door) open(session string) (Visitor, string) {
	secret, err := d.sealer.Open(session, d.now())
	if err != nil {
		return Visitor{}, ""
	}
	who, err := d.keys.Identify(secret)
	if err != nil {
		return Visitor{}, ""
	}
	return Visitor{Token: who, Known: true, CSRF: d.sealer.CSRF(session)}, secret
}

// enter checks a session. One that has ended reads like everybody; what it writes is refused, so that nobody takes his work for done.
func (d *Door) enter(c *fiber.Ctx, session string) (Visitor, string, error) {
	visitor, secret := d.open(session)
	if safe(c.Method()) {
		return visitor, secret, nil
	}
	if secret == "" {
		return visitor, "", &openapi.Error{Status: fiber.StatusUnauthorized, Message: "Your session has ended: sign in again."}
	}
	if foreign(c) || !d.sealer.Matches(session, sentCSRF(c)) {
		return visitor, "", &openapi.Error{Status: fiber.StatusForbidden, Message: notYours, Field: CSRFHeader}
	}
	return visitor, secret, nil
}

// notYours is told to programs; people are told what to do about it.
const (
	notYours  = "This write does not come from a page of yours: load the page again and repeat it."
	otherTime = "The page is from before you signed in, or from another session. If what it says is what you want, send it again."
)

// maxForm bounds the forms of pages, in bytes.
const maxForm = 64 << 10

// IsForm says whether a request is a form as pages send them: encoded like an address, and small. Its body can be read at once.
func IsForm(c *fiber.Ctx) bool {
	media, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	length := c.Request().Header.ContentLength()
	return err == nil && media == fiber.MIMEApplicationForm && c.Method() == fiber.MethodPost && length >= 0 && length <= maxForm
}

// sentCSRF is the token that came with a write: a header of the pages' scripts, or a field of their forms.
func sentCSRF(c *fiber.Ctx) string {
	if sent := c.Get(CSRFHeader); sent != "" || !IsForm(c) {
		return sent
	}
	fields, err := url.ParseQuery(string(c.Body()))
	if err != nil {
		return ""
	}
	return fields.Get(CSRFField)
}

func safe(method string) bool {
	return method == fiber.MethodGet || method == fiber.MethodHead || method == fiber.MethodOptions
}

// foreign says that the browser tells of another site behind the request.
func foreign(c *fiber.Ctx) bool {
	if site := c.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return true
	}
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" {
		return false
	}
	from, err := url.Parse(origin)
	if err != nil {
		return true
	}
	here, err := url.Parse(httpx.RootURL(c))
	return err != nil || !strings.EqualFold(from.Host, here.Host)
}

// own are the door's own forms, which check what they get themselves.
func own(c *fiber.Ctx) bool { return c.Path() == "/"+SignInPath || c.Path() == "/"+SignOutPath }

// submits says that the request brings a run: that needs no session, and its form has no CSRF token.
func submits(c *fiber.Ctx) bool {
	return c.Method() == fiber.MethodPost && (strings.HasSuffix(c.Path(), "/submitRun") || strings.HasPrefix(c.Path(), "/api/") && strings.HasSuffix(c.Path(), "/runs"))
}

// exempt are the addresses for everybody: what the page to sign in needs, signs of life, and runs, which have a setting of their own.
func exempt(c *fiber.Ctx) bool {
	return own(c) || submits(c) || c.Method() == fiber.MethodOptions || strings.HasPrefix(c.Path(), "/static/") ||
		slices.Contains([]string{"/favicon.ico", "/ping"}, c.Path())
}

// admit keeps out who may not read, where not everybody may.
func (d *Door) admit(c *fiber.Ctx, v Visitor, tried bool) error {
	err := ErrNoToken
	if v.Known {
		err = v.Token.Allow(Read, databaseOf(c.Path()))
	}
	if err == nil {
		return nil
	}
	if short := (*ScopeError)(nil); errors.As(err, &short) {
		return refuse(c, &openapi.Error{Status: fiber.StatusForbidden, Message: short.Error()})
	}
	if safe(c.Method()) && httpx.AcceptsHTML(c) && !tried {
		c.Set(fiber.HeaderCacheControl, "no-store")
		return c.Redirect(httpx.RootURL(c)+SignInPath+"?next="+url.QueryEscape(c.OriginalURL()), fiber.StatusSeeOther)
	}
	return refuse(c, &openapi.Error{Status: fiber.StatusUnauthorized, Message: "this needs a token that is known: Authorization: Bearer TOKEN"})
}

// databaseOf is the database that a path is about; what names none is about the default one.
func databaseOf(path string) string {
	for _, prefix := range []string{"/db_", "/api/db_"} {
		// Routes do not tell the case of their fixed parts apart.
		if len(path) >= len(prefix) && strings.EqualFold(path[:len(prefix)], prefix) {
			name, _, _ := strings.Cut(path[len(prefix):], "/")
			return name
		}
	}
	return "default"
}

// refuse closes the connection as well: the body may not have been read. People who sent a form get what they wrote back.
func refuse(c *fiber.Ctx, err error) error {
	known := &openapi.Error{Status: fiber.StatusForbidden, Message: err.Error()}
	errors.As(err, &known)
	c.Context().SetConnectionClose()
	if httpx.AcceptsHTML(c) && (safe(c.Method()) || IsForm(c)) {
		var fields url.Values
		if IsForm(c) {
			fields, _ = url.ParseQuery(string(c.Body())) // what cannot be read is not shown
		}
		if known.Message == notYours && fromHere(c) {
			known = &openapi.Error{Status: known.Status, Message: otherTime}
		}
		return ShowRefused(c, known, fields)
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Status(known.Status).JSON(known.Body())
}

// SignIn gives the browser a session of the secret's holder.
func (d *Door) SignIn(c *fiber.Ctx, secret string) (Token, error) {
	if foreign(c) {
		return Token{}, ErrSessionEnded
	}
	who, err := d.keys.Identify(secret)
	if err != nil {
		return Token{}, err
	}
	session, err := d.sealer.Seal(secret, d.now().Add(d.cfg.Lifetime))
	if err != nil {
		return Token{}, err
	}
	c.Cookie(d.cookie(c, session, d.cfg.Lifetime))
	return who, nil
}

// SignOut takes the session away; sent is the form's CSRF token.
func (d *Door) SignOut(c *fiber.Ctx, sent string) error {
	session := c.Cookies(CookieName)
	if session != "" && (foreign(c) || !d.sealer.Matches(session, sent)) {
		return ErrSessionEnded
	}
	c.Cookie(d.cookie(c, "", -time.Hour))
	return nil
}

// cookie is for this host alone, and for its encrypted address alone where it has one.
func (d *Door) cookie(c *fiber.Ctx, value string, lifetime time.Duration) *fiber.Cookie {
	return &fiber.Cookie{
		Name: CookieName, Value: value, Path: "/", HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
		Secure: strings.HasPrefix(httpx.RootURL(c), "https://"), MaxAge: int(lifetime.Seconds()), Expires: d.now().Add(lifetime),
	}
}
