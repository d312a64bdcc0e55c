package api

import (
	"net/url"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/samber/lo"

	"tidemark/pkg/httpx"
	"tidemark/pkg/openapi"
	"tidemark/pkg/suite"
)

// operations are all that this service answers, addresses with fixed words before those that take any.
func (s *Service) operations() []operation {
	return slices.Concat(
		s.discoveryOperations(),
		s.receiptOperations(),
		s.seriesOperations(),
		s.findingOperations(),
		s.triagedOperations(),
		s.detectorOperations(),
		s.whyOperations(),
		s.subscriptionOperations(),
		s.baselineOperations(),
		s.noiseOperations(),
		s.backtestOperations(),
		s.signalOperations(),
		s.sqlOperations(),
	)
}

// described are the operations of the whole API.
func (s *Service) described() []openapi.Operation {
	own := lo.Map(s.operations(), func(o operation, _ int) openapi.Operation { return o.Operation })
	all := slices.Concat(own, s.writes)
	// A resource's operations stand together, whoever answers them.
	tags := lo.Uniq(lo.Map(all, func(o openapi.Operation, _ int) string { return o.Tag }))
	slices.SortStableFunc(all, func(a, b openapi.Operation) int { return slices.Index(tags, a.Tag) - slices.Index(tags, b.Tag) })
	return all
}

// Operations are those of a service without anything behind it, for whoever reads the description alone.
func Operations(writes []openapi.Operation) []openapi.Operation {
	return (&Service{writes: writes}).described()
}

// discoveryOperations say what there is.
func (s *Service) discoveryOperations() []operation {
	return []operation{
		{openapi.Operation{
			Method: "GET", Global: true, ID: "discover", Tag: "discovery", Summary: "the test suites, and where to go from here",
			Answer: discovery{}, Tagged: true,
		}, s.discover},
		{openapi.Operation{
			Method: "GET", Path: "openapi/openapi.json", Global: true, ID: "getDocument", Tag: "discovery", Summary: "this document",
			Answer: map[string]any{}, Tagged: true,
		}, s.getDocument},
		{openapi.Operation{
			Method: "GET", Path: "test-suites", Global: true, ID: "listSuites", Tag: "discovery", Summary: "the test suites",
			Answer: page[suiteItem]{}, Tagged: true,
		}, s.listSuites},
		{openapi.Operation{
			Method: "GET", Path: "test-suites/:name", Global: true, ID: "getSuite", Tag: "discovery", Summary: "one test suite with its schema",
			Answer: suiteDetail{}, Tagged: true,
		}, s.getSuite},
	}
}

type discovery struct {
	TestSuites []suiteItem    `json:"test_suites"`
	Links      discoveryLinks `json:"links"`
}

type discoveryLinks struct {
	OpenAPI    string `json:"openapi"`
	Guide      string `json:"guide"`
	TestSuites string `json:"test_suites"`
}

type suiteItem struct {
	Name  string     `json:"name"`
	Links suiteLinks `json:"links"`
}

// suiteDetail is a suite. Schema is as LNT's v4 gives it.
type suiteDetail struct {
	Name   string     `json:"name"`
	Schema v4Schema   `json:"schema"`
	Links  suiteLinks `json:"links"`
}

type suiteLinks struct {
	Self        string `json:"self"`
	Regressions string `json:"regressions"`
	Findings    string `json:"findings"`
	Detectors   string `json:"detectors"`
	Receipts    string `json:"receipts"`
	Series      string `json:"series"`
}

// about is what the document says of the server, as the client sees it.
func (s *Service) about(c *fiber.Ctx) openapi.About {
	return openapi.About{Root: httpx.RootURL(c), Database: url.PathEscape(c.Params("db"))}
}

func (s *Service) suiteItem(c *fiber.Ctx, name string) suiteItem {
	base := s.about(c).Base() + "/"
	of := base + url.PathEscape(name) + "/"
	return suiteItem{name, suiteLinks{
		Self: base + "test-suites/" + url.PathEscape(name), Regressions: of + "regressions",
		Findings: of + "findings", Detectors: of + "detectors", Receipts: of + "receipts", Series: of + "series",
	}}
}

// suiteItems are the suites that are built in, and those that events defined.
func (s *Service) suiteItems(c *fiber.Ctx, q v5Request) ([]suiteItem, error) {
	defined, err := s.read.Suites(q.ctx, q.key.database)
	if err != nil {
		return nil, err
	}
	builtIn := lo.Map(suite.BuiltIns(), func(s suite.Schema, _ int) string { return s.Name })
	names := slices.Concat(defined, builtIn)
	slices.Sort(names)
	return lo.Map(slices.Compact(names), func(name string, _ int) suiteItem { return s.suiteItem(c, name) }), nil
}

func (s *Service) discover(c *fiber.Ctx, q v5Request) error {
	suites, err := s.suiteItems(c, q)
	if err != nil {
		return err
	}
	base := s.about(c).Base()
	return c.JSON(discovery{suites, discoveryLinks{
		OpenAPI: base + "/openapi/openapi.json", Guide: httpx.RootURL(c) + "llms.txt", TestSuites: base + "/test-suites",
	}})
}

func (s *Service) listSuites(c *fiber.Ctx, q v5Request) error {
	suites, err := s.suiteItems(c, q)
	if err != nil {
		return err
	}
	return c.JSON(page[suiteItem]{Items: suites})
}

func (s *Service) getSuite(c *fiber.Ctx, q v5Request) error {
	q.key.suite = c.Params("name")
	schema, err := s.schema(q.ctx, q.key)
	if err != nil {
		return err
	}
	item := s.suiteItem(c, q.key.suite)
	return c.JSON(suiteDetail{item.Name, toV4Schema(schema), item.Links})
}

func (s *Service) getDocument(c *fiber.Ctx, _ v5Request) error {
	document, err := openapi.Document(s.about(c), s.described())
	if err != nil {
		return err
	}
	return c.JSON(document)
}

// getGuide is the short text of the API, for programs that read texts.
func (s *Service) getGuide(c *fiber.Ctx) error {
	httpx.Share(c)
	if err := c.SendString(openapi.Guide(s.about(c), s.described())); err != nil {
		return err
	}
	return tagged(c)
}
