package auth

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/openapi"
)

//go:embed refused.html
var refusedText string

var refusedPage = template.Must(template.New("refused").Parse(refusedText))

// NextField is the field of forms that says where to go afterwards: a page of this site.
const NextField = "next"

// writtenField is a field of a refused form, to be sent again.
type writtenField struct {
	Name, Label, Value string
	// Hidden is what the page wrote; Fixed what was chosen and not typed; Long has several lines.
	Hidden, Fixed, Long bool
}

// ShowRefused answers a request of a browser with a page: why it is refused, and what was written in the form, to be mended and sent
// again; that only when the browser says that the form is a page's of this site, so that nobody is led to send another's. fields may
// be nil.
func ShowRefused(c *fiber.Ctx, why *openapi.Error, fields url.Values) error {
	root := httpx.RootURL(c)
	back := c.OriginalURL()
	title := "You may not see this"
	if !safe(c.Method()) {
		title, back = "Nothing was changed", LocalAddress(fields.Get(NextField))
	}
	said := map[string]any{
		"Status": why.Status, "Title": title, "Message": why.Message, "Field": why.Field, "Root": root, "Back": back, "Action": root + strings.TrimPrefix(c.OriginalURL(), "/"),
	}
	if fromHere(c) {
		said["CSRF"], said["Again"] = VisitorOf(c).CSRF, writtenFields(fields)
	}
	if why.Message == "" {
		said["Message"] = http.StatusText(why.Status)
	}
	if safe(c.Method()) {
		said["Back"] = root
	}
	if why.Status == http.StatusUnauthorized || safe(c.Method()) {
		said["SignIn"] = root + SignInPath + "?next=" + url.QueryEscape(back)
	}
	var page bytes.Buffer
	if err := refusedPage.Execute(&page, said); err != nil {
		return fmt.Errorf("render refusal: %w", err)
	}
	c.Response().ResetBody()
	httpx.SecurePage(c)
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Status(why.Status).Send(page.Bytes())
}

// writtenFields are the fields of a form but its CSRF token. What pages put into "path." and "body" is not shown.
func writtenFields(fields url.Values) []writtenField {
	var out []writtenField
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name == CSRFField {
			continue
		}
		kind, own, prefixed := strings.Cut(name, ".")
		if !prefixed {
			kind, own = "", name
		}
		for _, value := range fields[name] {
			out = append(out, writtenField{
				Name: name, Label: strings.ReplaceAll(own, "_", " "), Value: value,
				Hidden: name == NextField || name == "body" || kind == "path",
				Fixed:  kind == "list" || kind == "yes",
				Long:   kind == "lines" || len(value) > 60 || strings.ContainsAny(value, "\r\n"),
			})
		}
	}
	return out
}

// LocalAddress is an address of this site, or its first page.
func LocalAddress(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

// fromHere says that the browser names this site behind the request.
func fromHere(c *fiber.Ctx) bool {
	return !foreign(c) && (c.Get("Sec-Fetch-Site") != "" || c.Get(fiber.HeaderOrigin) != "")
}
