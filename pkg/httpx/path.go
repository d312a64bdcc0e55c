package httpx

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// LastSegment is the last part of the path as the client wrote it, [Unescaped]: unlike in a query or a form, a "+" in a path is a plus.
func LastSegment(c *fiber.Ctx) string {
	raw := string(c.Request().URI().PathOriginal())
	return Unescaped(raw[strings.LastIndexByte(raw, '/')+1:])
}

// Unescaped is a name as it stands in a path, with its %XX undone; one that cannot be is taken as it is.
func Unescaped(raw string) string {
	if text, err := url.PathUnescape(raw); err == nil {
		return text
	}
	return raw
}
