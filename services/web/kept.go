package web

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/auth"
)

// kept is a page that shows nothing but what its address, the data and its reader's rights say, and how long ago things were. It
// is made once and given again until one of these changes. A page of somebody who signed in has his forms in it, and is his alone.
func (s *Service) kept(h handler) handler {
	return func(c *fiber.Ctx) error {
		if s.keep == nil {
			return h(c)
		}
		now := s.now().Truncate(time.Minute) // as exact as pages are about it
		c.Locals(shownNow, now)
		possible := s.door != nil && s.door.Keys().Any()
		reader := auth.VisitorOf(c).Key() + strconv.FormatBool(possible) + strconv.FormatInt(now.Unix(), 10)
		return s.keep.Answer(c, reader, func() error { return h(c) })
	}
}

// nowOf is the time that a page shows.
func (s *Service) nowOf(c *fiber.Ctx) time.Time {
	if now, ok := c.Locals(shownNow).(time.Time); ok {
		return now
	}
	return s.now()
}
