package api

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"tidemark/pkg/httpx"
	"tidemark/pkg/openapi"
)

// Routes mounts every address of the service. A method that an address does not know is answered with
// 405 here, so services with other methods on the same addresses are mounted before.
func (s *Service) Routes(r fiber.Router) {
	r.Get("/ping", func(c *fiber.Ctx) error { return c.JSON(fiber.Map{"status": "ok"}) })

	const v4 = "/api/db_:db/v4/:suite/"
	for path, handler := range map[string]v4Handler{
		"fields":   s.getFields,
		"machines": s.getMachines,
		"runs":     nil,
		"samples":  s.getSamples,
		"schema":   s.getSchema,
		"tests":    s.getTests,
	} {
		s.mountV4(r, v4+path, handler)
	}
	s.mountV4(r, v4+"machines/:spec", item(s.getMachine))
	s.mountV4(r, v4+"samples/:sample", item(s.getSample))
	s.mountV4(r, v4+"runs/:run", item(s.getRun), "run")
	s.mountV4(r, v4+"orders/:order", item(s.getOrder), "order")
	s.mountV4(r, v4+"graph/:machine/:test/:field", item(s.getGraph), "machine", "test", "field")
	s.mountV4(r, v4+"regression/:machine/:test/:field", item(s.getRegression), "machine", "test", "field")

	s.mountV5(r)
}

// mountV4 answers GET with handler and everything else as LNT does. An address whose parameters named
// in integers are not all digits does not exist.
func (s *Service) mountV4(r fiber.Router, path string, handler v4Handler, integers ...string) {
	exists := func(c *fiber.Ctx) bool {
		for _, name := range integers {
			if !allDigits(c.Params(name)) {
				return false
			}
		}
		return true
	}
	methods := "POST, OPTIONS" // of the one address that is not read: intake answers POST there
	if handler != nil {
		methods = readMethods
		r.Get(path, func(c *fiber.Ctx) error {
			if !exists(c) {
				return httpx.NotFound(c)
			}
			return s.answerV4(c, handler)
		})
	}
	r.All(path, func(c *fiber.Ctx) error {
		if !exists(c) {
			return httpx.NotFound(c)
		}
		return refuseMethodV4(c, methods)
	})
}

// mountV5 mounts what the operations describe, for the default database and for each by its name. Operations of one address
// stand together.
func (s *Service) mountV5(r fiber.Router) {
	own := s.operations()
	all := s.described()
	for _, base := range []string{"/api/v5/", "/api/db_:db/v5/"} {
		for i, op := range own {
			path := base + ":suite/" + op.Path
			if op.Global {
				path = base + op.Path
			}
			answer := func(c *fiber.Ctx) error { return s.answerV5(c, op) }
			if op.Method == fiber.MethodGet {
				r.Get(path, answer) // and HEAD
			} else {
				r.Add(op.Method, path, answer)
			}
			if i+1 == len(own) || own[i+1].Path != op.Path {
				r.All(path, refuseMethodV5(openapi.Methods(all, op.Path, op.Global)))
			}
		}
	}
	r.Get("/llms.txt", s.getGuide)
	r.All("/llms.txt", refuseMethodV5(readMethods))
}

const readMethods = "GET, HEAD, OPTIONS"

// allowed answers OPTIONS, which asks, and says whether it did.
func allowed(c *fiber.Ctx, methods string) bool {
	c.Set(fiber.HeaderAllow, methods)
	return c.Method() == fiber.MethodOptions
}

// item wraps the handler of an address that exists without a trailing slash only.
func item(h v4Handler) v4Handler {
	return func(c *fiber.Ctx, q v4Request) error {
		if strings.HasSuffix(c.Path(), "/") {
			return errNoSuchPage
		}
		return h(c, q)
	}
}

func allDigits(s string) bool {
	for _, r := range s {
		if !isDigit(r) {
			return false
		}
	}
	return s != ""
}
