package httpx

import "github.com/gofiber/fiber/v2"

// Share lets pages of every origin read an answer, with the headers that their scripts go on with.
func Share(c *fiber.Ctx) {
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	c.Set(fiber.HeaderAccessControlExposeHeaders, "ETag, Location, Retry-After")
}
